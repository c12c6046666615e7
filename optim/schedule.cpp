// Applying schedules to optimizers, and building them from configs.
#include "optim/schedule.h"

#include <algorithm>

namespace tarn {

int64_t Horizon::length(std::optional<int64_t> given, const char* name, const char* field) const {
  check(given || total > 0, name, ": ", field, " is missing and the length of the training is not known; give ", field);
  return given ? *given : total;
}

Horizon Horizon::after(int64_t warmup) const {
  Horizon rest = *this;
  // A training that ends within the warm-up still has a curve to aim for.
  if (total > 0) rest.total = std::max<int64_t>(total - warmup, 1);
  return rest;
}

PerGroup::PerGroup(const Numbers& numbers, const Horizon& horizon, const char* field) : values_(numbers.each) {
  check(values_.size() == 1 || values_.size() == horizon.groups, field, " has ", values_.size(), " values for ",
        horizon.groups, horizon.groups == 1 ? " group" : " groups", " of parameters");
}

void check_schedulers(const Json& schedulers, Problems& problems) {
  for (const Json& json : schedulers.items()) {
    resolve_item<ScheduleInfo>(json, problems);
    if (!json.is_object()) continue;
    for (const char* key : {"interval", "warmup"})
      if (const Json* given = json.find(key))
        problems.add(given->where(), text(quote(key), " belongs to the outermost schedule"));
  }
}

void Curve::recall(const std::vector<double>& memory) {
  check(memory.empty(), "schedule state: ", memory.size(), " saved numbers for a schedule that has none");
}

Schedule::Schedule(Optimizer& optimizer, std::unique_ptr<Curve> curve, Interval interval, int64_t warmup,
                   double warmup_factor)
    : optimizer_(optimizer),
      curve_(std::move(curve)),
      interval_(interval),
      warmup_(warmup),
      warmup_factor_(warmup_factor) {
  for (size_t g = 0; g < optimizer.groups(); ++g) base_.push_back({optimizer.lr(g), optimizer.momentum(g)});
  apply();
}

void Schedule::apply() {
  for (size_t g = 0; g < base_.size(); ++g) {
    Rates rates = curve_->at(std::max<int64_t>(count_ - warmup_, 0), g, base_[g]);
    if (count_ < warmup_) {
      const double share = static_cast<double>(count_) / static_cast<double>(warmup_);
      rates.lr *= warmup_factor_ + (1 - warmup_factor_) * share;
    }
    optimizer_.set_lr(rates.lr, g);
    if (rates.momentum) optimizer_.set_momentum(*rates.momentum, g);
  }
}

void Schedule::step(double metric) {
  curve_->observe(metric);
  ++count_;
  apply();
}

NamedValues Schedule::state() const {
  NamedValues values{{"count", Tensor::full({}, static_cast<double>(count_), Dtype::f64)}};
  const std::vector<double> memory = curve_->memory();
  if (!memory.empty()) values.emplace_back("memory", Tensor({static_cast<int64_t>(memory.size())}, memory));
  return values;
}

void Schedule::load_state(const NamedValues& state) {
  double count = -1;
  std::vector<double> memory;
  for (const auto& [name, value] : state) {
    if (name == "count") {
      count = value.item();
    } else {
      check(name == "memory" && value.dtype() == Dtype::f64, "schedule state: '", name, "' is not part of one");
      memory = value.to_vector<double>();
    }
  }
  check(count >= 0 && count < 9e15, "schedule state: the count is ", count < 0 ? "missing or negative" : "too large");
  check(memory.size() == curve_->memory().size(), "schedule state: ", memory.size(), " saved numbers, expected ",
        curve_->memory().size());
  curve_->recall(memory);
  count_ = static_cast<int64_t>(count);
  apply();
}

std::unique_ptr<Curve> make_curve(const Json& json, const Horizon& horizon) {
  const ScheduleInfo& row = Registry<ScheduleInfo>::all().get(type_of(json), json.where());
  return with_place(json, [&] {
    Pace pace;
    auto curve = row.make(json, horizon, pace);
    check(!pace.interval && pace.warmup == 0, "'interval' and 'warmup' belong to the outermost schedule");
    check(curve->memory().empty(), type_of(json), " watches a metric and cannot be part of another schedule");
    return curve;
  });
}

std::unique_ptr<Schedule> make_schedule(const Json& json, Optimizer& optimizer, const ScheduleContext& context) {
  const ScheduleInfo& row = Registry<ScheduleInfo>::all().get(type_of(json), json.where());
  return with_place(json, [&] {
    Interval interval = row.interval;
    if (const Json* given = json.is_object() ? json.find("interval") : nullptr; given && given->is_string())
      interval = given->as_string() == "step" ? Interval::step : Interval::epoch;
    Horizon horizon{.groups = optimizer.groups(), .momentum = optimizer.momentum().has_value()};
    check(context.epochs >= 0 && context.steps_per_epoch >= 0, "the training has ", context.epochs, " epochs of ",
          context.steps_per_epoch, " steps");
    const int64_t each = interval == Interval::epoch ? 1 : context.steps_per_epoch;
    check(!__builtin_mul_overflow(context.epochs, each, &horizon.total), context.epochs, " epochs of ", each,
          " steps are too many to count");
    Pace pace;
    auto curve = row.make(json, horizon, pace);
    return std::make_unique<Schedule>(optimizer, std::move(curve), interval, pace.warmup, pace.warmup_factor);
  });
}

}  // namespace tarn
