// Reference cases of learning-rate schedules: the rate of every group after every step.
#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "optim/schedule.h"

namespace tarn::golden {
namespace {

/// {"type", "attrs": {…}} as a config, with the schedules inside it.
Json schedule_config(const std::string& type, const Json& attributes) {
  Json config = Json::object();
  config.set("type", type);
  for (const Member& attribute : attributes.members()) {
    if (attribute.value.is_null() || attribute.key == "epochs" || attribute.key == "steps_per_epoch") continue;
    if (attribute.key != "schedulers") {
      config.set(attribute.key, attribute.value);
      continue;
    }
    Json list = Json::array();
    for (const Json& inner : attribute.value.items())
      list.push(schedule_config(inner.at("type").as_string(), inner.at("attrs")));
    config.set("schedulers", std::move(list));
  }
  return config;
}

/// SGD with one group per base rate, and the case's schedule.
struct Scheduled {
  Tensors parameters;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Schedule> schedule;
};

Scheduled scheduled(const Case& c) {
  if (!Registry<ScheduleInfo>::all().find(c.op())) throw Skip{"no schedule " + c.op()};
  std::vector<double> rates{0.1};
  if (const Json* base = c.json().find("base_lr")) {
    rates.clear();
    for (const Json& rate : base->items()) rates.push_back(rate.as_number());
  }
  Json config = Json::object();
  Json groups = Json::array();
  Scheduled result;
  for (size_t i = 0; i < rates.size(); ++i) {
    Json group = Json::object();
    group.set("params", text("p", i));
    group.set("lr", rates[i]);
    groups.push(std::move(group));
    result.parameters.push_back(Tensor::ones({1}, Dtype::f64));
  }
  const Json* momentum = c.json().find("initial_momentum");
  config.set("type", "SGD");
  config.set("momentum", momentum ? momentum->as_number() : 0.9);
  config.set("groups", std::move(groups));
  std::vector<NamedTensor> names;
  for (size_t i = 0; i < rates.size(); ++i) names.push_back({text("p", i), &result.parameters[i]});
  result.optimizer = make_optimizer(config, names);
  const ScheduleContext length{c.attributes().integer("epochs", 0), c.attributes().integer("steps_per_epoch", 0)};
  result.schedule = make_schedule(schedule_config(c.op(), c.attributes().json()), *result.optimizer, length);
  return result;
}

/// Also goes a few steps on: a schedule that ends must refuse.
Tensors run_schedule(Case& c) {
  const Scheduled s = scheduled(c);
  for (int i = 0; i < 4; ++i) s.schedule->step(1.0);
  return {};
}

/// Rows of the expected table are steps, columns groups.
void compare_row(const char* what, const Tensor& want, int64_t t, size_t group, double got,
                 const Tolerance& tolerance) {
  const double expected = want.at(t * want.size(1) + static_cast<int64_t>(group));
  compare(text(what, " of group ", group, " after ", t, " steps"), got, expected,
          tolerance.atol + tolerance.rtol * std::abs(expected));
}

void check_schedule(Case& c) {
  const Scheduled s = scheduled(c);
  const Tolerance tolerance{read_number(c.json().at("tolerance").at("rtol")),
                            read_number(c.json().at("tolerance").at("atol"))};
  const Tensors want = c.tensors("outputs");
  for (int64_t t = 0; t < want.at(0).size(0); ++t) {
    if (t > 0) s.schedule->step(c.inputs().empty() ? 0.0 : c.input().at(t - 1));
    for (size_t group = 0; group < s.optimizer->groups() && static_cast<int64_t>(group) < want[0].size(1); ++group) {
      compare_row("rate", want[0], t, group, s.optimizer->lr(group), tolerance);
      if (want.size() > 1)
        compare_row("momentum", want[1], t, group, s.optimizer->momentum(group).value_or(0), tolerance);
    }
  }
}

Row schedule_row(const char* type) {
  return {type, run_schedule, check_schedule};
}

const Rows schedulers_rows{
    schedule_row("StepLR"),
    schedule_row("MultiStepLR"),
    schedule_row("ExponentialLR"),
    schedule_row("CosineAnnealingLR"),
    schedule_row("OneCycleLR"),
    schedule_row("LinearLR"),
    schedule_row("ConstantLR"),
    schedule_row("PolynomialLR"),
    schedule_row("CyclicLR"),
    schedule_row("ReduceLROnPlateau"),
    schedule_row("SequentialLR"),
    schedule_row("ChainedScheduler"),
    schedule_row("CosineAnnealingWarmRestarts"),
};

}  // namespace
}  // namespace tarn::golden
