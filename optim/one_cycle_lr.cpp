// OneCycleLR: one rise and one long fall of the rate, with the momentum going the other way (Smith and Topin 2017,
// arXiv 1708.07120), as PyTorch's OneCycleLR.
#include <cmath>
#include <numbers>

#include "optim/schedule.h"

namespace tarn {
namespace {

class OneCycleLR : public Curve {
 public:
  struct Config {
    Numbers max_lr{{0.01}};
    std::optional<int64_t> total_steps, epochs, steps_per_epoch;
    double pct_start = 0.3;
    std::string anneal_strategy = "cos";
    bool cycle_momentum = true;
    double base_momentum = 0.85;
    double max_momentum = 0.95;
    double div_factor = 25;
    double final_div_factor = 1e4;
    bool three_phase = false;
    void fields(auto& f) {
      f("max_lr", max_lr, "greatest rate, or a list with one for each group of parameters", {.lo = 0});
      f("total_steps", total_steps, "steps of the cycle; default: epochs times steps_per_epoch", {.lo = 1});
      f("epochs", epochs, "default: the training's", {.lo = 1});
      f("steps_per_epoch", steps_per_epoch, "default: the training's", {.lo = 1});
      f("pct_start", pct_start, "share of the cycle in which the rate rises", {.lo = 0, .hi = 1});
      f("anneal_strategy", anneal_strategy, "how it goes from one rate to the next", {.choices = {"cos", "linear"}});
      f("cycle_momentum", cycle_momentum, "turn the momentum (or the first beta) against the rate");
      f("base_momentum", base_momentum, "momentum at the greatest rate", {.lo = 0, .hi = 1});
      f("max_momentum", max_momentum, "momentum at the ends", {.lo = 0, .hi = 1});
      f("div_factor", div_factor, "the first rate is max_lr over this", {.lo = 1e-12});
      f("final_div_factor", final_div_factor, "the last rate is the first over this", {.lo = 1e-12});
      f("three_phase", three_phase, "fall as fast as the rise, then to the last rate");
    }
  };

  OneCycleLR(Config c, const Horizon& horizon)
      : c_(std::move(c)),
        max_lr_(c_.max_lr, horizon, "max_lr"),
        total_(length(c_, horizon)),
        cycle_(c_.cycle_momentum && horizon.momentum) {
    const bool given = c_.total_steps || (c_.epochs && c_.steps_per_epoch);
    check(!given || horizon.total <= total_, c_.total_steps ? "total_steps" : "epochs", ": a cycle of ", total_,
          " is shorter than the training of ", horizon.total, "; leave it out to take the training's length");
  }

  Rates at(int64_t t, size_t group, const Rates&) const override {
    check(t <= total_, "OneCycleLR: step ", t, " of a cycle of ", total_, "; make total_steps larger");
    const double most = max_lr_[group];
    const double first = most / c_.div_factor, last = first / c_.final_div_factor;
    const double end = static_cast<double>(total_) - 1, top = c_.pct_start * static_cast<double>(total_) - 1;
    const double now = static_cast<double>(t);
    const double low = c_.base_momentum, high = c_.max_momentum;
    if (now <= top) return rates(now / top, first, most, high, low);
    if (!c_.three_phase) return rates((now - top) / (end - top), most, last, low, high);
    const double middle = 2 * top;
    if (now <= middle) return rates((now - top) / (middle - top), most, first, low, high);
    return rates((now - middle) / (end - middle), first, last, high, high);
  }

 private:
  static int64_t length(const Config& c, const Horizon& horizon) {
    if (!c.total_steps && c.epochs && c.steps_per_epoch) {
      int64_t steps = 0;
      check(!__builtin_mul_overflow(*c.epochs, *c.steps_per_epoch, &steps), "OneCycleLR: ", *c.epochs, " epochs of ",
            *c.steps_per_epoch, " steps are too many");
      return steps;
    }
    return horizon.length(c.total_steps, "OneCycleLR", "total_steps");
  }

  Rates rates(double share, double lr0, double lr1, double momentum0, double momentum1) const {
    Rates r{between(share, lr0, lr1)};
    if (cycle_) r.momentum = between(share, momentum0, momentum1);
    return r;
  }
  double between(double share, double a, double b) const {
    if (!std::isfinite(share)) return b;  // a phase without length
    if (c_.anneal_strategy == "linear") return a + (b - a) * share;
    return b + (a - b) / 2 * (1 + std::cos(std::numbers::pi * share));
  }

  Config c_;
  PerGroup max_lr_;
  int64_t total_;
  bool cycle_;
};

const auto& one_cycle_lr_row = add_schedule<OneCycleLR>(
    "OneCycleLR", "One rise and one long fall of the rate, with the momentum going the other way.", Interval::step);

}  // namespace
}  // namespace tarn
