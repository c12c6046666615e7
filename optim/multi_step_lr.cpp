// MultiStepLR: the rate falls by a factor at given intervals.
#include <algorithm>
#include <cmath>

#include "optim/schedule.h"

namespace tarn {
namespace {

class MultiStepLR : public Curve {
 public:
  struct Config {
    Sizes milestones;
    double gamma = 0.1;
    void fields(auto& f) {
      f("milestones", milestones, "intervals at which the rate falls; one that is given twice counts twice");
      f("gamma", gamma, "factor of a fall", {.lo = 0});
    }
  };
  MultiStepLR(Config c, const Horizon&) : c_(std::move(c)) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    const auto passed = std::count_if(c_.milestones.begin(), c_.milestones.end(), [t](int64_t m) { return m <= t; });
    return {base.lr * std::pow(c_.gamma, static_cast<double>(passed))};
  }

 private:
  Config c_;
};

const auto& multi_step_lr_row =
    add_schedule<MultiStepLR>("MultiStepLR", "Multiplies the rate by gamma at each of the milestones.");

}  // namespace
}  // namespace tarn
