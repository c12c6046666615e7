// ConstantLR: a smaller rate for the first intervals.
#include "optim/schedule.h"

namespace tarn {
namespace {

class ConstantLR : public Curve {
 public:
  struct Config {
    double factor = 1.0 / 3;
    int64_t total_iters = 5;
    void fields(auto& f) {
      f("factor", factor, "share of the rate that is used at first", {.lo = 0, .hi = 1});
      f("total_iters", total_iters, "intervals after which the full rate is used", {.lo = 0});
    }
  };
  ConstantLR(Config c, const Horizon&) : c_(c) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    return {t < c_.total_iters ? base.lr * c_.factor : base.lr};
  }

 private:
  Config c_;
};

const auto& constant_lr_row =
    add_schedule<ConstantLR>("ConstantLR", "A share of the rate for the first total_iters intervals, then all of it.");

}  // namespace
}  // namespace tarn
