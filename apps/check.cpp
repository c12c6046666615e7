// Checking a config: the parts are built one after the other, and a mistake in one does not hide those of the others.
#include "apps/check.h"

#include "apps/answers.h"
#include "apps/model_table.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace tarn {

namespace {

/// The optimizer without its groups, for a model that could not be built: schedules ask it for little more than how
/// many groups there are.
Json without_groups(const Json& optimizer) {
  Json json = optimizer;
  if (json.is_object()) json.erase("groups");
  return json;
}

bool has_groups(const Json& optimizer) {
  const Json* groups = optimizer.is_object() ? optimizer.find("groups") : nullptr;
  return groups != nullptr && groups->size() > 0;
}

}  // namespace

std::unique_ptr<Model> check_experiment(const Experiment& experiment, const Data& data) {
  Problems problems;
  std::unique_ptr<Model> model;
  problems.attempt(experiment.model.where(), [&] { model = build_model(experiment, data, true); });
  if (model) problems.attempt(experiment.loss.where(), [&] { tried_loss(experiment, data, *model); });
  problems.attempt(experiment.best_by, [&] { check_metric(experiment, data); });
  std::unique_ptr<Optimizer> optimizer;
  problems.attempt(experiment.optimizer.where(), [&] {
    if (model)
      optimizer = make_optimizer(experiment.optimizer, parameters(*model));
    else if (!has_groups(experiment.optimizer))
      optimizer = make_optimizer(without_groups(experiment.optimizer), {});
  });
  const int64_t batches = (data.train.size() + data.batching.batch_size - 1) / data.batching.batch_size;
  if (optimizer && !experiment.schedule.is_null())
    problems.attempt(experiment.schedule.where(), [&] {
      make_schedule(experiment.schedule, *optimizer, {experiment.train.epochs, batches});
    });
  problems.throw_any();
  return model;
}

Checked check_config(const std::string& path, const std::vector<std::string>& overrides) {
  if (const auto blocks = checked_library(path)) return {text(*blocks, *blocks == 1 ? " block" : " blocks"), ""};
  const Experiment experiment = read_experiment(path, overrides);
  Problems problems;
  std::optional<Data> data;
  problems.attempt(experiment.data.where(), [&] { data = load_data(experiment); });
  problems.throw_any();  // all else depends on the data
  const auto model = check_experiment(experiment, *data);
  return {text(model_rows(*model).size(), " layers, ", grouped(parameter_count(*model)), " parameters, input ",
               data->input.text(), ", output ", model->output_shape().text()),
          remark(experiment, *model)};
}

}  // namespace tarn
