// CosineAnnealingLR: half a cosine from the base rate down to eta_min (Loshchilov and Hutter 2016, arXiv 1608.03983,
// without restarts).
#include <cmath>
#include <numbers>

#include "optim/schedule.h"

namespace tarn {
namespace {

class CosineAnnealingLR : public Curve {
 public:
  struct Config {
    std::optional<int64_t> T_max;  // PyTorch's name
    double eta_min = 0;
    void fields(auto& f) {
      f("T_max", T_max, "intervals until the lowest rate; default: the training's", {.lo = 1});
      f("eta_min", eta_min, "lowest rate", {.lo = 0});
    }
  };
  CosineAnnealingLR(Config c, const Horizon& horizon)
      : length_(horizon.length(c.T_max, "CosineAnnealingLR", "T_max")), lowest_(c.eta_min) {}

  /// Past T_max the rate rises again, as PyTorch's does.
  Rates at(int64_t t, size_t, const Rates& base) const override {
    const double phase = std::numbers::pi * static_cast<double>(t) / static_cast<double>(length_);
    return {lowest_ + (base.lr - lowest_) * (1 + std::cos(phase)) / 2};
  }

 private:
  int64_t length_;
  double lowest_;
};

const auto& cosine_annealing_lr_row =
    add_schedule<CosineAnnealingLR>("CosineAnnealingLR", "Lets the rate fall to eta_min along half a cosine.");

}  // namespace
}  // namespace tarn
