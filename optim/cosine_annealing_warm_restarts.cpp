// CosineAnnealingWarmRestarts: falls along half a cosine again and again (SGDR; Loshchilov and Hutter 2016, arXiv
// 1608.03983).
#include <cmath>
#include <numbers>

#include "optim/schedule.h"

namespace tarn {
namespace {

class CosineAnnealingWarmRestarts : public Curve {
 public:
  struct Config {
    int64_t T_0 = 10;  // PyTorch's names
    int64_t T_mult = 1;
    double eta_min = 0;
    void fields(auto& f) {
      f("T_0", T_0, "intervals of the first fall", {.lo = 1});
      f("T_mult", T_mult, "each fall takes this many times the one before", {.lo = 1});
      f("eta_min", eta_min, "lowest rate", {.lo = 0});
    }
  };
  CosineAnnealingWarmRestarts(Config c, const Horizon&) : c_(c) {}

  Rates at(int64_t t, size_t, const Rates& base) const override {
    int64_t length = c_.T_0;
    if (c_.T_mult == 1) t %= length;
    while (t >= length) {
      t -= length;
      if (__builtin_mul_overflow(length, c_.T_mult, &length)) length = t + 1;  // longer than any training
    }
    const double phase = std::numbers::pi * static_cast<double>(t) / static_cast<double>(length);
    return {c_.eta_min + (base.lr - c_.eta_min) * (1 + std::cos(phase)) / 2};
  }

 private:
  Config c_;
};

const auto& cosine_annealing_warm_restarts_row = add_schedule<CosineAnnealingWarmRestarts>(
    "CosineAnnealingWarmRestarts", "Falls to eta_min along half a cosine and starts again, each time longer.");

}  // namespace
}  // namespace tarn
