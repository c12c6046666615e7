// Learning-rate schedules: functions of the number of steps taken, applied to an optimizer's groups.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/place.h"
#include "optim/optimizer.h"

namespace tarn {

/// How long a training is; schedules take their length from it where the config gives none. 0: not known.
struct ScheduleContext {
  int64_t epochs = 0;
  int64_t steps_per_epoch = 0;
};

/// When a schedule moves on.
enum class Interval { epoch, step };

/// What a schedule is told when it is built, counted in its own intervals.
struct Horizon {
  int64_t total = 0;      ///< intervals that the training will have; 0: not known
  size_t groups = 1;      ///< of the optimizer
  bool momentum = false;  ///< whether the optimizer has a momentum to cycle

  /// `given`, or else `total`; throws "NAME: FIELD …" where neither is known.
  int64_t length(std::optional<int64_t> given, const char* name, const char* field) const;
  /// What is left after `warmup` intervals.
  Horizon after(int64_t warmup) const;
};

/// What a schedule sets for one group.
struct Rates {
  double lr;
  std::optional<double> momentum = std::nullopt;  ///< nothing: left as it is
};

/// A schedule's shape: rates as a function of the number of intervals passed. Most have no state at all.
class Curve {
 public:
  virtual ~Curve() = default;
  /// `base` is what the optimizer's config says.
  virtual Rates at(int64_t t, size_t group, const Rates& base) const = 0;
  /// Sees the metric of the interval that ends; only ReduceLROnPlateau looks at it.
  virtual void observe(double metric) { static_cast<void>(metric); }
  /// Numbers to save, where the curve depends on more than t.
  virtual std::vector<double> memory() const { return {}; }
  virtual void recall(const std::vector<double>& memory);
};

/// One number, or one for each group of parameters: in JSON a number or a list.
class PerGroup {
 public:
  /// Throws "FIELD …" where there are neither one nor as many as groups.
  PerGroup(const Numbers& numbers, const Horizon& horizon, const char* field);
  double operator[](size_t group) const { return values_[values_.size() == 1 ? 0 : group]; }

 private:
  std::vector<double> values_;
};

/// A curve applied to an optimizer.
class Schedule {
 public:
  /// Sets the optimizer's rates for t = 0. The optimizer must outlive the schedule. During the first `warmup` intervals
  /// the rate rises in a straight line from `warmup_factor` times the curve's first value; then the curve begins.
  Schedule(Optimizer& optimizer, std::unique_ptr<Curve> curve, Interval interval, int64_t warmup = 0,
           double warmup_factor = 1);

  Interval interval() const { return interval_; }
  /// An interval has passed: call it after each batch or each epoch, as `interval()` says. `metric` is for
  /// ReduceLROnPlateau: the validation loss, say.
  void step(double metric = std::numeric_limits<double>::quiet_NaN());
  /// Intervals passed.
  int64_t count() const { return count_; }

  NamedValues state() const;
  /// Continues from a saved state and sets the optimizer's rates accordingly.
  void load_state(const NamedValues& state);

 private:
  void apply();

  Optimizer& optimizer_;
  std::unique_ptr<Curve> curve_;
  Interval interval_;
  int64_t warmup_;
  double warmup_factor_;
  std::vector<Rates> base_;
  int64_t count_ = 0;
};

/// What all schedules have in common.
struct Pace {
  std::optional<std::string> interval;
  int64_t warmup = 0;
  double warmup_factor = 0.1;
  void fields(auto& f) {
    f("interval", interval, "whether it moves on with every \"epoch\" or \"step\" (batch); default: as the type does",
      {.choices = {"epoch", "step"}});
    f("warmup", warmup, "intervals before the schedule begins, in which the rate rises in a straight line", {.lo = 0});
    f("warmup_factor", warmup_factor, "share of the rate at which that begins", {.lo = 0, .hi = 1});
  }
};
template <class Own>
struct WithPace {
  Own own;
  Pace pace;
  void fields(auto& f) {
    own.fields(f);
    pace.fields(f);
  }
  void validate() const {
    if constexpr (requires { own.validate(); }) own.validate();
  }
};

/// A row of the schedule registry. `make` also tells the pace, which belongs to the schedule as a whole.
struct ScheduleInfo {
  static constexpr const char* kind = "schedule";
  std::string doc;
  Interval interval;
  std::function<std::unique_ptr<Curve>(const Json& config, const Horizon&, Pace&)> make;
  ConfigInfo config;
};

/// Looks for mistakes in a list of schedules that one schedule is made of.
void check_schedulers(const Json& schedulers, Problems& problems);

/// The curve that `json` describes: for schedules made of schedules. Throws where it sets a pace of its own or watches
/// a metric.
std::unique_ptr<Curve> make_curve(const Json& json, const Horizon& horizon);

/// The schedule that `json` describes, an object with "type" or just a name. All take "interval" ("epoch" or "step";
/// default: OneCycleLR and CyclicLR move with every batch, all others with every epoch), "warmup" (intervals) and
/// "warmup_factor". Lengths that are left out are the training's. Throws located errors.
std::unique_ptr<Schedule> make_schedule(const Json& json, Optimizer& optimizer, const ScheduleContext& context);

/// Registers curve C, which has a `Config` struct and a constructor C(Config, const Horizon&): call it at namespace
/// scope in C's own file.
template <class C>
const ScheduleInfo& add_schedule(std::string name, std::string doc, Interval interval = Interval::epoch) {
  using Config = WithPace<typename C::Config>;
  ScheduleInfo row;
  row.doc = std::move(doc);
  row.interval = interval;
  row.config = config_info<Config>();
  row.make = [](const Json& json, const Horizon& horizon, Pace& pace) -> std::unique_ptr<Curve> {
    Config config = read_valid<Config>(json);
    pace = config.pace;
    return std::make_unique<C>(std::move(config.own), horizon.after(pace.warmup));
  };
  return Registry<ScheduleInfo>::all().add(std::move(name), std::move(row));
}

}  // namespace tarn
