// Builds a model from its list of items, and runs it.
#include "layers/model.h"

#include <algorithm>

#include "core/tape.h"
#include "layers/model_step.h"

namespace tarn {

namespace {

[[noreturn]] void fail_at(const Json& json, const std::string& message) {
  throw LayerError(text(json.where(), message));
}

/// The shape for one sample of one that was found with an empty batch.
Shape for_one(const Shape& shape) {
  return shape.rank() > 0 && shape[0] == 0 ? shape.with(0, 1) : shape;
}

std::string shapes_text(const Tensors& values) {
  std::string out;
  for (const Tensor& value : values) out += (out.empty() ? "" : ", ") + batch_text(value.shape());
  return out;
}

}  // namespace

/// What is known while the list is read.
struct Model::Builder {
  Model& model;
  const Build& build;
  std::map<std::string, size_t, std::less<>> step_of = {};
  Tensors slots = {};  // of the empty batch

  void add(const Json& item, size_t position);
  void check_all_read(const Json& list) const;

 private:
  std::string name_of(const Json& item, size_t position) const;
  size_t slot_of(const Json& reference);
  ItemInfo::Read read_of(size_t slot) const;
  std::vector<size_t> slots_of(const Json& item);
  void make(Step& step, const Json& item, const Json* shared);
  void run_empty(Step& step, const Json& item);
  std::vector<std::string> known_names() const;
};

std::vector<std::string> Model::Builder::known_names() const {
  std::vector<std::string> names{"input"};
  for (const Step& step : model.steps_) {
    names.push_back(step.name);
    for (const std::string& output : step.output_names) names.push_back(step.name + "." + output);
  }
  return names;
}

std::string Model::Builder::name_of(const Json& item, size_t position) const {
  const Json* given = item.is_object() ? item.find("name") : nullptr;
  const std::string name = given ? given->as_string() : std::to_string(position);
  const Json& at = given ? *given : item;
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == std::string::npos;
  if (name.empty() || !plain || name.front() == '.' || name.front() == '-' || name.back() == '.')
    fail_at(at, text("'", name, "' cannot be a name; use letters, digits, '_', '-' and dots inside"));
  if (name == "input") fail_at(at, "'input' is the name of the model's input; choose another");
  if (step_of.contains(name)) fail_at(at, text("there is already an item named '", name, "'; names must differ"));
  return name;
}

size_t Model::Builder::slot_of(const Json& reference) {
  const std::string& name = reference.as_string();
  if (name == "input") return 0;
  if (name == "-1") {
    if (model.steps_.empty()) return 0;
    model.steps_.back().is_read = true;
    return model.steps_.back().first_slot;
  }
  if (const auto found = step_of.find(name); found != step_of.end()) {
    model.steps_[found->second].is_read = true;
    return model.steps_[found->second].first_slot;
  }
  const size_t dot = name.rfind('.');
  if (const auto found = step_of.find(name.substr(0, dot)); dot != std::string::npos && found != step_of.end()) {
    Step& step = model.steps_[found->second];
    const auto output = std::find(step.output_names.begin(), step.output_names.end(), name.substr(dot + 1));
    step.is_read = true;
    if (output != step.output_names.end())
      return step.first_slot + 1 + static_cast<size_t>(output - step.output_names.begin());
  }
  fail_at(reference, text("no earlier item is named '", name, "'", did_you_mean(name, known_names())));
}

/// Which output of which item a slot holds.
ItemInfo::Read Model::Builder::read_of(size_t slot) const {
  size_t item = model.steps_.size();
  while (item > 0 && model.steps_[item - 1].first_slot > slot) --item;
  return item == 0 ? ItemInfo::Read{SIZE_MAX, slot}
                   : ItemInfo::Read{item - 1, slot - model.steps_[item - 1].first_slot};
}

std::vector<size_t> Model::Builder::slots_of(const Json& item) {
  const Json* from = item.is_object() ? item.find("from") : nullptr;
  if (!from) return {slot_of(Json("-1"))};
  if (from->is_string()) return {slot_of(*from)};
  std::vector<size_t> slots_read;
  for (const Json& reference : from->items()) slots_read.push_back(slot_of(reference));
  if (slots_read.empty()) fail_at(*from, "an empty list; name at least one item");
  return slots_read;
}

/// Builds the layer of `item`; with `shared`, an earlier item of the same type lends settings and parameters.
void Model::Builder::make(Step& step, const Json& item, const Json* shared) {
  std::vector<Shape> shapes;
  for (const size_t slot : step.reads) shapes.push_back(slots[slot].shape());
  Build child = build.child(step.name, std::move(shapes));
  Json config = item;
  if (config.is_object())
    for (const char* key : {"name", "from", "shared"}) config.erase(key);
  const Step* owner = nullptr;
  if (shared) {
    owner = &model.steps_[step_of.at(shared->as_string())];  // resolve_model has checked name and type
    Json merged = owner->config;
    merged.set_where(item.where());
    for (const Member& member : config.members()) merged.set(member.key, member.value);
    config = std::move(merged);
    child.allocate_only = true;
    child.parameter_bytes = std::make_shared<int64_t>(0);
  }
  config = layer_object(config, build.classes);
  step.module = make_layer(config, child);
  step.type = config.at("type").as_string();
  take_initial(config);
  step.config = std::move(config);
  if (!owner) return;
  try {
    share_parts(*step.module, *owner->module);
  } catch (const Error& e) {
    fail_at(*shared, e.what());
  }
}

/// Runs the new layer on an empty batch: its output shapes are those of what comes out.
void Model::Builder::run_empty(Step& step, const Json& item) {
  Context context{.training = false};
  step.output_names = step.module->outputs();
  step.simple = step.reads.size() == 1 && step.output_names.empty();
  step.first_slot = slots.size();
  slots.resize(slots.size() + 1 + step.output_names.size());
  try {
    model.run(step, slots, context);
  } catch (const Error& e) {
    fail_at(item, e.what());
  }
}

void Model::Builder::add(const Json& item, size_t position) {
  Step step;
  step.name = name_of(item, position);
  step.path = build.path.empty() ? step.name : build.path + "." + step.name;
  step.reads = slots_of(item);
  const Json* shared = item.is_object() ? item.find("shared") : nullptr;
  make(step, item, shared);
  run_empty(step, item);

  ItemInfo info{step.name, step.path, step.type, {}, {}, 0, 0};
  for (const size_t slot : step.reads) {
    info.inputs.push_back(for_one(slots[slot].shape()));
    info.reads.push_back(read_of(slot));
  }
  for (size_t i = step.first_slot; i < slots.size(); ++i) info.outputs.push_back(for_one(slots[i].shape()));
  info.parameters = shared ? 0 : parameter_count(*step.module);
  info.multiply_adds = step.module->multiply_adds(info.inputs, info.outputs.front());
  model.infos_.push_back(std::move(info));
  step_of[step.name] = model.steps_.size();
  model.steps_.push_back(std::move(step));
}

void Model::Builder::check_all_read(const Json& list) const {
  for (size_t i = 0; i + 1 < model.steps_.size(); ++i)
    if (!model.steps_[i].is_read)
      fail_at(list.items()[i], text("nothing reads '", model.steps_[i].name, "' (", model.steps_[i].type,
                                    "); remove it, or name it in a later \"from\""));
}

Model::Model(const Json& list, const Build& build) try {
  Problems problems;  // all mistakes that can be seen without shapes, at once
  resolve_model(list, build.classes, problems);
  problems.throw_any();
  Builder builder{*this, build};
  const Shape& input = build.shape();
  if (input.rank() == 0) fail_at(list, "the model's input is a scalar; it needs a batch dimension");
  builder.slots.emplace_back(input.with(0, 0), build.input.value_or(build.dtype));
  for (size_t i = 0; i < list.items().size(); ++i) builder.add(list.items()[i], i);
  builder.check_all_read(list);
  slot_count_ = builder.slots.size();

  const size_t kept_from = steps_.back().first_slot;  // the result
  std::vector<bool> later(slot_count_);
  for (size_t i = steps_.size(); i-- > 0;)
    for (const size_t slot : steps_[i].reads)
      if (slot < kept_from && !later[slot]) {
        later[slot] = true;
        steps_[i].last_reads.push_back(slot);
      }
} catch (const LayerError&) {
  throw;
} catch (const Error& e) {
  throw LayerError(e.what());  // errors from JSON say where they arose, too
}

Model::~Model() = default;

void Model::run(const Step& step, std::vector<Tensor>& slots, Context& context) const {
  const Scope scope(step.name);
  Tensors inputs;
  try {
    if (step.simple) {
      slots[step.first_slot] = step.module->forward(slots[step.reads.front()], context);
    } else {
      for (const size_t slot : step.reads) inputs.push_back(slots[slot]);
      Tensors outputs = step.module->apply(inputs, context);
      std::move(outputs.begin(), outputs.end(), slots.begin() + static_cast<ptrdiff_t>(step.first_slot));
    }
  } catch (const LayerError&) {
    throw;
  } catch (const Error& e) {
    if (step.simple) inputs.push_back(slots[step.reads.front()]);
    throw LayerError(
        text("layer '", step.path, "' (", step.type, ") with input ", shapes_text(inputs), ": ", e.what()));
  }
  for (const size_t slot : step.last_reads) slots[slot] = Tensor();
}

void Model::run_all(std::vector<Tensor>& slots, Context& context) const {
  if (context.checkpoints > 1 && Tape::current()) return run_segments(slots, context);
  for (const Step& step : steps_) run(step, slots, context);
}

Tensor Model::forward(const Tensor& x, Context& context) {
  std::vector<Tensor> slots(slot_count_);
  slots[0] = x;
  run_all(slots, context);
  return std::move(slots[steps_.back().first_slot]);
}

Tensors Model::apply(const Tensors& inputs, Context& context) {
  check(inputs.size() == 1, "a model has one input, was given ", inputs.size());
  std::vector<Tensor> slots(slot_count_);
  slots[0] = inputs.front();
  run_all(slots, context);
  const auto first = slots.begin() + static_cast<ptrdiff_t>(steps_.back().first_slot);
  return Tensors(std::make_move_iterator(first), std::make_move_iterator(slots.end()));
}

std::vector<std::string> Model::outputs() const {
  return steps_.back().output_names;
}

void Model::parts(Parts& parts) {
  for (Step& step : steps_) parts(step.name, *step.module);
}

int64_t Model::multiply_adds(const std::vector<Shape>& inputs, const Shape&) const {
  int64_t total = 0;
  for (const ItemInfo& info : infos_) total += info.multiply_adds;
  return inputs.empty() || inputs.front().rank() == 0 ? total : total * inputs.front()[0];
}

Module& Model::layer(size_t i) {
  check(i < steps_.size(), "layer ", i, ": the model has ", steps_.size());
  return *steps_[i].module;
}

const Shape& Model::output_shape() const {
  return infos_.back().outputs.front();
}

}  // namespace tarn
