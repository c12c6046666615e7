// StepLR: the rate falls by a factor every so many intervals.
#include <cmath>

#include "optim/schedule.h"

namespace tarn {
namespace {

class StepLR : public Curve {
 public:
  struct Config {
    int64_t step_size = 10;
    double gamma = 0.1;
    void fields(auto& f) {
      f("step_size", step_size, "intervals between two falls", {.lo = 1});
      f("gamma", gamma, "factor of a fall", {.lo = 0});
    }
  };
  StepLR(Config c, const Horizon&) : c_(c) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    return {base.lr * std::pow(c_.gamma, static_cast<double>(t / c_.step_size))};
  }

 private:
  Config c_;
};

const auto& step_lr_row = add_schedule<StepLR>("StepLR", "Multiplies the rate by gamma every step_size intervals.");

}  // namespace
}  // namespace tarn
