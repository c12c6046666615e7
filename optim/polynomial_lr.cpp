// PolynomialLR: the rate falls to 0 as a power of the remaining share.
#include <algorithm>
#include <cmath>

#include "optim/schedule.h"

namespace tarn {
namespace {

class PolynomialLR : public Curve {
 public:
  struct Config {
    std::optional<int64_t> total_iters;
    double power = 1;
    void fields(auto& f) {
      f("total_iters", total_iters, "intervals until the rate is 0; default: the training's", {.lo = 1});
      f("power", power, "of the share of intervals that remain", {.lo = 0});
    }
  };
  PolynomialLR(Config c, const Horizon& horizon)
      : total_(horizon.length(c.total_iters, "PolynomialLR", "total_iters")), power_(c.power) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    const double left = 1 - static_cast<double>(std::min(t, total_)) / static_cast<double>(total_);
    return {base.lr * std::pow(left, power_)};
  }

 private:
  int64_t total_;
  double power_;
};

const auto& polynomial_lr_row = add_schedule<PolynomialLR>(
    "PolynomialLR", "Lets the rate fall to 0 within total_iters intervals, as a power of the share that remains.");

}  // namespace
}  // namespace tarn
