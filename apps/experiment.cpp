// Reading an experiment, and building what it describes.
#include "apps/experiment.h"

#include <algorithm>

#include "apps/metrics.h"
#include "core/place.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace tarn {

namespace {

// Reads a section as its registry does: adds its mistakes, and writes out every default of its type.
template <class Row>
void resolve_section(Json& section, Problems& problems) {
  if (section.is_null() && !section.where().known()) return;  // not given
  problems.attempt(section.where(), [&] {
    const Json* type = section.is_object() ? section.find("type") : nullptr;
    const Row& row = Registry<Row>::all().get(type_of(section), (type ? *type : section).where());
    section = row.config.resolve(section, problems, false);
  });
}

void resolve_sections(Experiment& experiment, Problems& problems) {
  resolve_section<DatasetInfo>(experiment.data, problems);
  const Blocks blocks(experiment.blocks, problems);
  if (!experiment.blocks.is_null()) experiment.blocks = resolve_blocks(experiment.blocks, blocks, problems);
  if (!experiment.model.is_null() || experiment.model.where().known())
    experiment.model = resolve_model(experiment.model, blocks, problems);
  resolve_section<LossInfo>(experiment.loss, problems);
  resolve_section<OptimizerInfo>(experiment.optimizer, problems);
  if (!experiment.schedule.is_null()) resolve_section<ScheduleInfo>(experiment.schedule, problems);
}

// An override inside a section that the config leaves out changes that section's default.
void give_default(Json& root, std::string_view path) {
  const Experiment defaults;
  const std::string_view section = path.substr(0, path.find('.'));
  if (section == path || root.find(section)) return;
  if (section == "loss") root.set("loss", defaults.loss);
  if (section == "optimizer") root.set("optimizer", defaults.optimizer);
}

}  // namespace

void TrainConfig::fields(Fields& f) {
  f("epochs", epochs, "passes over the training part", {.lo = 0, .hi = 1e9});
  f("clip_grad_norm", clip_grad_norm, "largest norm of all gradients together; null: no limit",
    {.lo = 0, .lo_open = true});
  f("clip_grad_value", clip_grad_value, "largest magnitude of a gradient's element; null: no limit",
    {.lo = 0, .lo_open = true});
  f("best_by", best_by,
    "what chooses the best checkpoint, on the validation part: the loss or a metric of the data's task",
    {.choices = {"loss", "accuracy", "mean_iou", "pixel_accuracy", "pck"}});
  f("checkpoint", checkpoint,
    "run the model in this many segments, keep only the values between them, and compute the rest again for the "
    "gradients: less memory, more time; 0: keep all",
    {.lo = 0, .hi = 1 << 20});
  f("check_finite", check_finite,
    "stop at the first value that is not finite and name op, layer and input ranges; slow");
}

void Experiment::fields(Fields& f) {
  f("name", name, "names the run's folder");
  f("seed", seed, "of initial values, data order, augmentation and dropout", {.lo = 0});
  f("data", data, "the data set", {.required = true});
  f("model", model, "the list of layers, or a block", {.required = true});
  f("blocks", blocks, "parts of the model with parameters, by name; null: none");
  f("loss", loss, "what is minimised");
  f("optimizer", optimizer, "how parameters are updated");
  f("schedule", schedule, "how the learning rate changes; null: it does not");
  f.child("train", train, "length of the training, and its limits");
  f("folder", folder, "where relative paths start (default: the config file's folder)");
}

Experiment read_experiment(const std::string& path, const std::vector<std::string>& overrides) {
  return read_experiment(load_config(path), overrides);
}

Experiment read_experiment(ConfigFile file, const std::vector<std::string>& overrides) {
  Json& root = file.root;
  for (const std::string& override : overrides) {
    const size_t equals = override.find('=');
    check(equals != std::string::npos && equals > 0, "--set: '", override,
          "' is not PATH=VALUE, such as optimizer.lr=1e-3");
    const std::string at = override.substr(0, equals);
    give_default(root, at);
    set_path(root, at, override.substr(equals + 1));
  }
  Experiment experiment;
  experiment.folder = file.folder;
  Problems problems;
  read_config(experiment, root, problems, {"$schema"});
  Experiment sections = experiment;  // all mistakes at once
  resolve_sections(sections, problems);
  problems.throw_any();
  return experiment;
}

std::optional<size_t> checked_library(const std::string& path) {
  return checked_library(load_config(path));
}

std::optional<size_t> checked_library(const ConfigFile& file) {
  const Json& root = file.root;
  const Json* section = root.find("blocks");
  const auto is_blocks = [](const Member& member) { return member.key == "blocks" || member.key == "$schema"; };
  if (!section || !std::ranges::all_of(root.members(), is_blocks)) return {};
  Problems problems;
  const Blocks blocks(*section, problems);
  resolve_blocks(*section, blocks, problems);
  problems.throw_any();
  return section->size();
}

Json resolved(const Experiment& experiment) {
  Experiment copy = experiment;
  Problems problems;
  resolve_sections(copy, problems);
  problems.throw_any();
  return write_config(copy);
}

Data load_data(const Experiment& experiment) {
  return make_dataset(experiment.data, static_cast<uint64_t>(experiment.seed), experiment.folder);
}

std::unique_ptr<Model> build_model(const Experiment& experiment, const Data& data, bool allocate_only) {
  Build build;
  std::vector<int64_t> sizes{0};
  sizes.insert(sizes.end(), data.input.begin(), data.input.end());
  build.inputs = {Shape(sizes)};
  build.seed = static_cast<uint64_t>(experiment.seed);
  build.classes = data.classes;
  build.allocate_only = allocate_only;
  Problems problems;
  build.shared->blocks = std::make_shared<const Blocks>(experiment.blocks, problems);
  problems.throw_any();
  return make_model(experiment.model, build);
}

namespace {

/// Throws unless a model's output for one sample is what the data's task needs; for classification the loss knows.
void check_output(const Data& data, const Shape& output) {
  const Shape target = row_shape(data.train.y);
  const auto want = [&](const Shape& wanted, const std::string& what) {
    check(output == wanted, "targets of a sample are ", target, ", so that ", wanted, " is expected, ", what);
  };
  constexpr const char* channels = R"({"type": "Conv2d", "out_channels": "=classes", "kernel_size": 1}, say)";
  if (data.task == Task::segmentation)
    want({1, data.classes, target[0], target[1]}, text("a score for each class at each pixel: end it with ", channels));
  if (data.task == Task::keypoints)
    want(rows_shape(1, target), text("a heatmap for each joint: end it with ", channels));
  if (data.task == Task::regression) want(rows_shape(1, target), "as many numbers");
}

}  // namespace

std::unique_ptr<Loss> build_loss(const Experiment& experiment, const Data& data, const Model& model) {
  auto loss = make_loss(experiment.loss, data.classes);
  const bool classify = data.task == Task::classification;
  // The default loss would take any numbers for probabilities of classes.
  check(!data.train.y.floating() || type_of(experiment.loss) != "CrossEntropyLoss", experiment.loss.where(),
        "CrossEntropyLoss wants classes, but targets for ", name_of(data.task), " are numbers; use MSELoss, say");
  const Shape& output = model.output_shape();
  Tensor value;
  try {
    check_output(data, output);
    const Shape two = output.rank() > 0 && output[0] == 1 ? output.with(0, 2) : output;
    Tensor target = data.some_targets(2);
    if (!target.floating()) target = Tensor::full(target.shape(), static_cast<double>(data.classes - 1), Dtype::i64);
    value = loss->value(Tensor::zeros(two), target);
  } catch (const Error& error) {
    fail(experiment.model.where(), "the model gives ", output, " for one sample, which does not suit the loss and the ",
         classify ? text(data.classes, " classes") : text("targets for ", name_of(data.task)),
         " of the data: ", error.what(),
         classify ? R"(; end it with {"type": "Linear", "out_features": "=classes"}, say)" : "");
  }
  check(value.numel() == 1, experiment.loss.where(), "the loss gives ", value.shape(),
        " where training needs one number; use reduction 'mean' or 'sum'");
  return loss;
}

std::unique_ptr<Model> check_experiment(const Experiment& experiment, const Data& data) {
  auto model = build_model(experiment, data, true);
  build_loss(experiment, data, *model);
  check_best_by(experiment.train.best_by, data.task);
  const auto optimizer = make_optimizer(experiment.optimizer, parameters(*model));
  const int64_t batches = (data.train.size() + data.batching.batch_size - 1) / data.batching.batch_size;
  if (!experiment.schedule.is_null())
    make_schedule(experiment.schedule, *optimizer, {experiment.train.epochs, batches});
  return model;
}

std::string last_type(const Model& model) {
  const ItemInfo::Read& last = model.results().front();
  if (last.item == ItemInfo::Read::input) return "";
  const ItemInfo& item = model.items()[last.item];
  return item.inside ? last_type(*item.inside) : item.type;
}

std::string remark(const Experiment& experiment, const Model& model) {
  if (type_of(experiment.loss) != "CrossEntropyLoss" || last_type(model) != "LogSoftmax") return "";
  return text(experiment.loss.where(),
              "the model ends in LogSoftmax, which CrossEntropyLoss applies itself; a second "
              "one changes nothing and takes time: use NLLLoss, or leave the layer out");
}

}  // namespace tarn
