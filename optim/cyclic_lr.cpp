// CyclicLR: the rate goes up and down between two bounds (Smith 2015, arXiv 1506.01186), as PyTorch's CyclicLR.
#include <algorithm>
#include <cmath>

#include "optim/schedule.h"

namespace tarn {
namespace {

class CyclicLR : public Curve {
 public:
  struct Config {
    Numbers base_lr{{1e-3}};
    Numbers max_lr{{1e-2}};
    int64_t step_size_up = 2000;
    std::optional<int64_t> step_size_down;
    std::string mode = "triangular";
    double gamma = 1;
    bool cycle_momentum = true;
    double base_momentum = 0.8;
    double max_momentum = 0.9;
    void fields(auto& f) {
      f("base_lr", base_lr, "least rate, or a list with one for each group of parameters", {.lo = 0});
      f("max_lr", max_lr, "greatest rate, or a list with one for each group of parameters", {.lo = 0});
      f("step_size_up", step_size_up, "intervals of a rise", {.lo = 1});
      f("step_size_down", step_size_down, "intervals of a fall; default: as of a rise", {.lo = 1});
      f("mode", mode,
        "triangular2 halves the height with every cycle, exp_range multiplies it by gamma in every interval",
        {.choices = {"triangular", "triangular2", "exp_range"}});
      f("gamma", gamma, "factor of exp_range", {.lo = 0});
      f("cycle_momentum", cycle_momentum, "turn the momentum (or the first beta) against the rate");
      f("base_momentum", base_momentum, "least momentum", {.lo = 0, .hi = 1});
      f("max_momentum", max_momentum, "greatest momentum", {.lo = 0, .hi = 1});
    }
  };

  CyclicLR(Config c, const Horizon& horizon)
      : c_(std::move(c)),
        base_lr_(c_.base_lr, horizon, "base_lr"),
        max_lr_(c_.max_lr, horizon, "max_lr"),
        cycle_(c_.cycle_momentum && horizon.momentum) {}

  Rates at(int64_t t, size_t group, const Rates&) const override {
    const double up = static_cast<double>(c_.step_size_up);
    const double size = up + static_cast<double>(c_.step_size_down.value_or(c_.step_size_up));
    const double now = static_cast<double>(t);
    const double cycle = std::floor(1 + now / size);
    const double x = 1 + now / size - cycle;
    const double ratio = up / size;
    const double height = (x <= ratio ? x / ratio : (x - 1) / (ratio - 1)) * scale(cycle, now);
    const double low = base_lr_[group], high = max_lr_[group];
    Rates r{low + (high - low) * height};
    if (cycle_) r.momentum = c_.max_momentum - (c_.max_momentum - c_.base_momentum) * height;
    return r;
  }

 private:
  double scale(double cycle, double t) const {
    if (c_.mode == "triangular2") return std::pow(2.0, 1 - cycle);
    return c_.mode == "exp_range" ? std::pow(c_.gamma, t) : 1.0;
  }

  Config c_;
  PerGroup base_lr_, max_lr_;
  bool cycle_;
};

const auto& cyclic_lr_row =
    add_schedule<CyclicLR>("CyclicLR", "Lets the rate go up and down between two bounds.", Interval::step);

}  // namespace
}  // namespace tarn
