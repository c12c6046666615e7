// LinearLR: the rate goes from one factor to another in a straight line; a warm-up, by default.
#include <algorithm>

#include "optim/schedule.h"

namespace tarn {
namespace {

class LinearLR : public Curve {
 public:
  struct Config {
    double start_factor = 1.0 / 3;
    double end_factor = 1;
    int64_t total_iters = 5;
    void fields(auto& f) {
      f("start_factor", start_factor, "factor at first", {.lo = 0, .hi = 1, .lo_open = true});
      f("end_factor", end_factor, "factor at last", {.lo = 0, .hi = 1});
      f("total_iters", total_iters, "intervals from the first to the last", {.lo = 1});
    }
  };
  LinearLR(Config c, const Horizon&) : c_(c) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    const double share = static_cast<double>(std::min(t, c_.total_iters)) / static_cast<double>(c_.total_iters);
    return {base.lr * (c_.start_factor + (c_.end_factor - c_.start_factor) * share)};
  }

 private:
  Config c_;
};

const auto& linear_lr_row =
    add_schedule<LinearLR>("LinearLR", "Moves the rate's factor in a straight line within total_iters intervals.");

}  // namespace
}  // namespace tarn
