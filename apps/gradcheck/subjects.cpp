// Ops and layers as functions of their inputs and parameters, ready for the gradient checker.
#include "apps/gradcheck/subjects.h"

#include <numeric>

#include "core/error.h"
#include "core/ops.h"
#include "core/registry.h"
#include "layers/loss.h"
#include "layers/model.h"
#include "layers/module.h"

namespace tarn {
namespace {

/// The module as a function of its inputs followed by its parameters. Each call sees the same random numbers.
Differentiable as_function(std::shared_ptr<Module> module, size_t inputs, bool training) {
  return [module = std::move(module), inputs, training](const Tensors& x) {
    const std::vector<NamedTensor> parts = parameters(*module);
    for (size_t i = 0; i < parts.size(); ++i) *parts[i].tensor = x[inputs + i];
    Context context;
    context.training = training;
    return joined(module->apply(Tensors(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(inputs)), context));
  };
}

/// Classes below `classes`, or, where that is 0, values from `domain`.
Tensor draw_target(const Shape& shape, int64_t classes, Domain domain) {
  if (classes == 0) return draw({{shape}, domain}, 1)[0];
  std::vector<int64_t> all(static_cast<size_t>(classes));
  std::iota(all.begin(), all.end(), 0);
  return draw_labels(shape, all, {1, purpose_of("sample"), 0});
}

Subject module_subject(std::string name, std::shared_ptr<Module> module, Tensors inputs,
                       const GradientCheckOptions& how, bool training) {
  Subject subject{"layer", std::move(name), {}, std::move(inputs), how};
  const size_t count = subject.inputs.size();
  for (size_t i = 0; i < count; ++i) subject.options.names.push_back(count == 1 ? "input" : text("input ", i));
  for (const NamedTensor& part : parameters(*module)) {
    subject.inputs.push_back(part.tensor->clone());
    subject.options.names.push_back(part.name);
  }
  subject.f = as_function(std::move(module), count, training);
  return subject;
}

Build build_for(const std::vector<Shape>& shapes, const LayerInfo* layer) {
  Build build;
  build.inputs = shapes;
  build.dtype = Dtype::f64;
  if (layer && layer->labels.contains(0)) build.input = Dtype::i64;
  return build;
}

Subject sample_subject(const LayerInfo& layer, const GradientCheckOptions& how, bool training) {
  const std::string name = layer.name + (training ? "" : " (evaluation)");
  Json config = layer.sample_config.empty() ? Json::object() : parse_json(layer.sample_config, layer.name);
  config.set("type", layer.name);
  Build build = build_for(layer.sample_inputs, &layer);
  std::shared_ptr<Module> module = make_layer(config, build);
  Tensors inputs = sample_inputs(layer, layer.sample_inputs);
  Subject subject = module_subject(name, std::move(module), std::move(inputs), how, training);
  subject.f = twice(std::move(subject.f));
  return subject;
}

bool differs_in_evaluation(const LayerInfo& layer) {
  Json config = layer.sample_config.empty() ? Json::object() : parse_json(layer.sample_config, layer.name);
  config.set("type", layer.name);
  Build build = build_for(layer.sample_inputs, &layer);
  return layer.random || !buffers(*make_layer(config, build)).empty();
}

}  // namespace

std::vector<Subject> op_subjects(const GradientCheckOptions& how) {
  std::vector<Subject> subjects;
  for (const OpInfo* op : all_ops()) {
    if (op->samples.empty()) subjects.push_back({"op", op->name, nullptr, {}, {}});
    for (size_t i = 0; i < op->samples.size(); ++i) {
      const Sample& sample = op->samples[i];
      Subject subject{"op", op->name, {}, draw(sample), how};
      if (i > 0) subject.name += text(" #", i + 1);
      subject.options.differentiable = op->differentiable;
      if (op->differentiable != 0)
        subject.f = twice(sample.call ? sample.call : op->call, op->differentiable);
      else
        subject.f = sample.call ? sample.call : op->call;
      subjects.push_back(std::move(subject));
    }
  }
  return subjects;
}

std::vector<Subject> layer_subjects(const GradientCheckOptions& how) {
  std::vector<Subject> subjects;
  for (const LayerInfo* layer : all_layers()) {
    subjects.push_back(sample_subject(*layer, how, true));
    if (differs_in_evaluation(*layer)) subjects.push_back(sample_subject(*layer, how, false));
  }
  return subjects;
}

std::vector<Subject> loss_subjects(const GradientCheckOptions& how) {
  std::vector<Subject> subjects;
  for (const LossInfo* info : all_losses()) {
    const LossSample& sample = info->sample;
    const std::shared_ptr<Loss> loss = make_loss(info->name, sample.classes);
    const Tensor target = draw_target(sample.target, sample.classes, sample.target_domain);
    Subject subject{"loss", info->name, {}, draw({{sample.prediction}, sample.domain}), how};
    subject.f = twice([loss, target](const Tensors& x) { return loss->value(x[0], target); });
    subject.options.names = {"prediction"};
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

Subject experiment_subject(const Experiment& experiment, const GradientCheckOptions& how) {
  constexpr int64_t batch = 4;
  const Data data = load_data(experiment);
  const std::shared_ptr<Model> model = build_model(experiment, data);
  convert(*model, Dtype::f64);
  const std::shared_ptr<Loss> loss = make_loss(experiment.loss, data.classes);
  std::vector<int64_t> sizes{batch};
  sizes.insert(sizes.end(), data.input.begin(), data.input.end());
  const Shape shape{std::span<const int64_t>(sizes)};
  const bool classes = data.task == Task::classification;
  const Tensor target = classes ? draw_target({batch}, data.classes, Domain::any) : data.some_targets(batch);
  Subject subject = module_subject(experiment.name, model, draw({{shape}, Domain::any}), how, true);
  subject.kind = "config";
  subject.f = [predict = std::move(subject.f), loss, target](const Tensors& x) {
    return loss->value(predict(x), target);
  };
  return subject;
}

Subject layer_subject(const Json& config, const std::vector<Shape>& shapes, const GradientCheckOptions& how,
                      bool training) {
  const bool list = config.is_array();
  const Json* type = config.is_object() ? config.find("type") : nullptr;
  const std::string name = list ? "model" : config.is_string() ? config.as_string() : type ? type->as_string() : "";
  const LayerInfo* layer = find_layer(name);
  Build build = build_for(shapes, layer);
  std::shared_ptr<Module> module =
      list ? std::make_shared<Model>(config, build) : std::shared_ptr<Module>(make_layer(config, build));
  // Distinct values away from zero suit every layer that has kinks.
  Tensors inputs = layer ? sample_inputs(*layer, shapes) : draw({shapes, Domain::away_from_ties});
  return module_subject(name, std::move(module), std::move(inputs), how, training);
}

}  // namespace tarn
