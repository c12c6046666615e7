// ReduceLROnPlateau: the rate falls when a metric has stopped improving, as PyTorch's ReduceLROnPlateau.
#include <algorithm>
#include <cmath>
#include <limits>

#include "optim/schedule.h"

namespace tarn {
namespace {

class ReduceLROnPlateau : public Curve {
 public:
  struct Config {
    std::string mode = "min";
    double factor = 0.1;
    int64_t patience = 10;
    double threshold = 1e-4;
    std::string threshold_mode = "rel";
    int64_t cooldown = 0;
    Numbers min_lr{{0.0}};
    double eps = 1e-8;
    void fields(auto& f) {
      f("mode", mode, "whether the metric should get smaller or larger", {.choices = {"min", "max"}});
      f("factor", factor, "factor of a fall", {.lo = 0, .hi = 1, .hi_open = true});
      f("patience", patience, "intervals without improvement that are forgiven", {.lo = 0});
      f("threshold", threshold, "least change that counts as improvement");
      f("threshold_mode", threshold_mode, "whether the threshold is a share of the best or a difference",
        {.choices = {"rel", "abs"}});
      f("cooldown", cooldown, "intervals after a fall in which nothing is counted", {.lo = 0});
      f("min_lr", min_lr, "lowest rate, or a list with one for each group of parameters", {.lo = 0});
      f("eps", eps, "a fall by less than this is left out", {.lo = 0});
    }
  };

  ReduceLROnPlateau(Config c, const Horizon& horizon) : c_(std::move(c)), min_lr_(c_.min_lr, horizon, "min_lr") {
    best_ = c_.mode == "min" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  }

  Rates at(int64_t, size_t group, const Rates& base) const override {
    const double lowest = min_lr_[group];
    double lr = base.lr;
    for (int64_t k = 0; k < falls_; ++k) {
      const double next = std::max(lr * c_.factor, lowest);
      if (!(lr - next > c_.eps)) break;  // it would not fall later either
      lr = next;
    }
    return {lr};
  }

  void observe(double metric) override {
    if (better(metric)) {
      best_ = metric;
      bad_ = 0;
    } else {
      ++bad_;
    }
    if (cooling_ > 0) {
      --cooling_;
      bad_ = 0;
    }
    if (bad_ > c_.patience) {
      ++falls_;
      cooling_ = c_.cooldown;
      bad_ = 0;
    }
  }

  std::vector<double> memory() const override {
    return {best_, static_cast<double>(bad_), static_cast<double>(cooling_), static_cast<double>(falls_)};
  }
  void recall(const std::vector<double>& memory) override {
    check(memory.size() == 4, "ReduceLROnPlateau: ", memory.size(), " saved numbers, expected 4");
    for (size_t i = 1; i < 4; ++i)
      check(memory[i] >= 0 && memory[i] < 1e9, "ReduceLROnPlateau: saved count ", memory[i], " is not a count");
    best_ = memory[0];
    bad_ = static_cast<int64_t>(memory[1]);
    cooling_ = static_cast<int64_t>(memory[2]);
    falls_ = static_cast<int64_t>(memory[3]);
  }

 private:
  bool better(double metric) const {
    const bool smaller = c_.mode == "min";
    const double sign = smaller ? -1 : 1;
    const double bar = c_.threshold_mode == "rel" ? best_ * (1 + sign * c_.threshold) : best_ + sign * c_.threshold;
    return smaller ? metric < bar : metric > bar;
  }

  Config c_;
  PerGroup min_lr_;
  double best_;
  int64_t bad_ = 0, cooling_ = 0, falls_ = 0;
};

const auto& reduce_lr_on_plateau_row = add_schedule<ReduceLROnPlateau>(
    "ReduceLROnPlateau", "Multiplies the rate by factor when a metric has stopped improving.");

}  // namespace
}  // namespace tarn
