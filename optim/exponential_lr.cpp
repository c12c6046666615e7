// ExponentialLR: the rate falls by the same factor in every interval.
#include <cmath>

#include "optim/schedule.h"

namespace tarn {
namespace {

class ExponentialLR : public Curve {
 public:
  struct Config {
    double gamma = 0.95;
    void fields(auto& f) { f("gamma", gamma, "factor of every interval", {.lo = 0}); }
  };
  ExponentialLR(Config c, const Horizon&) : c_(c) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    return {base.lr * std::pow(c_.gamma, static_cast<double>(t))};
  }

 private:
  Config c_;
};

const auto& exponential_lr_row =
    add_schedule<ExponentialLR>("ExponentialLR", "Multiplies the rate by gamma in every interval.");

}  // namespace
}  // namespace tarn
