// Builds a model from its list of items: loops and conditions are written out, expressions evaluated, names found, and
// every layer is run on an empty batch, which tells the next one's shapes.
#include <algorithm>

#include "core/place.h"
#include "layers/model_builder.h"
#include "layers/scope.h"

namespace tarn {

namespace {

std::string lines_of(const std::vector<Mistake>& mistakes) {
  Problems problems;
  for (const Mistake& mistake : mistakes) problems.add_line(mistake.where, mistake.line);
  return problems.lines();
}

/// A message about the empty batch: its size is written N.
std::string with_batch(std::string message) {
  for (size_t at = message.find("[0,"); at != std::string::npos; at = message.find("[0,", at))
    if (at + 3 < message.size() && message[at + 3] != ' ')
      message.replace(at, 3, "[N,");
    else
      at += 3;
  return message;
}

/// "2, the value of '=channels'".
std::string value_of(const Json& written, const Json& value) {
  return value.describe() + (is_expression(written) ? ", the value of " + quote(written.as_string()) : "");
}

/// The shape for one sample of one that was found with an empty batch.
Shape for_one(const Shape& shape) {
  return shape.rank() > 0 && shape[0] == 0 ? shape.with(0, 1) : shape;
}

/// " (r = 4, act = \"ReLU\")": what a block was given.
std::string settings_text(const Json& values) {
  std::string settings;
  for (const Member& value : values.members()) {
    std::string shown = to_text(value.value);
    constexpr size_t most = 40;
    if (shown.size() > most) shown = shown.substr(0, most) + "…";
    settings += (settings.empty() ? " (" : ", ") + value.key + " = " + shown;
  }
  return settings.empty() ? settings : settings + ")";
}

/// What stands behind the error `message` of a block's item: "; in block 'SELayer' (r = 4), used at FILE:LINE:COLUMN:
/// /pointer". Of a long chain of uses only the first few and the outermost one are told.
std::string used_at(std::string_view message, const BlockDefinition& block, const Json& values, const Where& where,
                    bool outermost) {
  constexpr int most_told = 4;
  int told = 0;
  for (size_t at = message.find("; in block "); at != std::string_view::npos; at = message.find("; in block ", at + 1))
    ++told;
  if (told >= most_told && !outermost) return "";
  std::string place = where.prefix();
  if (place.ends_with(": ")) place.resize(place.size() - 2);
  return text(told >= most_told ? "; …" : "", "; in block ", quote(block.name), settings_text(values),
              place.empty() ? "" : ", used at ", place);
}

}  // namespace

ModelErrors::ModelErrors(std::vector<Mistake> mistakes)
    : LayerError(lines_of(mistakes)), mistakes_(std::move(mistakes)) {}

void Model::Builder::add_all(const Json& list, const Around& variables) {
  if (!list.is_array()) fail_at(list, "expected a list of layers, found " + list.describe());
  for (const Json& item : list.items()) {
    try {
      if (is_left_out(item, variables)) continue;
      if (member(item, "for"))
        add_loop(item, variables);
      else
        add(item, variables);
    } catch (const Error& error) {  // whether it is there, or what it is called, is not known
      note(item.where(), error);
      reads_known = false;
      Step step;
      const Json* name = member(item, "name");
      step.name = name && name->is_string() && name->as_string().find('{') == std::string::npos
                      ? name->as_string()
                      : std::to_string(model.steps_.size());
      if (!step_of.contains(step.name)) add_unknown(std::move(step));
    }
  }
}

/// Whether the item has a "when" that is false.
bool Model::Builder::is_left_out(const Json& item, const Around& variables) {
  const Json* when = member(item, "when");
  if (!when) return false;
  const Json value = substituted(*when, *variables);
  if (value.kind() != Json::Kind::boolean) fail_at(*when, "expected true or false, found " + value_of(*when, value));
  if (value.as_boolean()) return false;
  if (const Json* name = member(item, "name")) left_out.insert(filled_name(*name, *variables).value_or(""));
  return true;
}

void Model::Builder::add_loop(const Json& item, const Around& variables) {
  const Json values = substituted(item.at("in"), *variables);
  if (!values.is_array()) {
    const bool count = values.kind() == Json::Kind::integer && is_expression(item.at("in"));
    fail_at(item.at("in"), text("expected a list, found ", value_of(item.at("in"), values),
                                count ? "; write \"=range(" + item.at("in").as_string().substr(1) + ")\"" : ""));
  }
  for (const Json& value : values.items()) {
    auto inner = std::make_shared<Variables>(variables);
    inner->set(item.at("for").as_string(), value);
    add_all(item.at("body"), inner);
  }
}

/// The item's own settings, expressions evaluated but for those in lists of layers, which are evaluated there.
Json Model::Builder::settings(const Json& item, const Variables& variables) const {
  Json config = item;
  if (config.is_string()) return config;
  for (const char* key : {"name", "from", "shared", "when", "size_of"}) config.erase(key);
  if (Json* type = config.find("type")) *type = substituted(*type, variables);
  const Json* type = config.find("type");
  const LayerInfo* row = type && type->is_string() ? find_layer(type->as_string()) : nullptr;
  for (Member& m : config.members()) {
    const bool list = row && std::ranges::find(row->lists, m.key) != row->lists.end();
    if (!list) m.value = substituted(m.value, variables);
  }
  return config;
}

/// Builds the layer of `item`; a "shared" item of the same type lends settings and parameters.
void Model::Builder::make(Step& step, const Json& item, const Around& variables) {
  std::vector<Shape> shapes;
  for (const size_t slot : step.reads) shapes.push_back(slots[slot].shape());
  Build child = build.child(step.name, std::move(shapes));
  child.variables = variables;
  Json config = settings(item, *variables);
  const Step* owner = nullptr;
  const Json* shared = member(item, "shared");
  const int64_t bytes = build.shared->parameter_bytes;
  if (shared) {
    const std::string name = known_name(*shared, *variables);
    const auto found = step_of.find(name);
    if (found == step_of.end())
      fail_at(*shared, text("no earlier item is named '", name, "'", did_you_mean(name, known_names())));
    owner = &model.steps_[found->second];
    if (!owner->module) throw ModelErrors({});  // its own mistake was told
    if (const Json* type = config.find("type"); type && own_layer_name(type->as_string()) != owner->type)
      fail_at(*type, text(quote(type->as_string()), " cannot share the parameters of ", quote(name), ", which is a ",
                          owner->type));
    Json merged = owner->config;
    merged.set_where(item.where());
    for (const Member& m : config.members()) merged.set(m.key, m.value);
    config = std::move(merged);
    child.allocate_only = true;
    build.shared->parameter_bytes = 0;
  }
  const Blocks* blocks = build.shared->blocks.get();
  const BlockDefinition* block = blocks ? blocks->find(type_of(config)) : nullptr;
  if (block) {
    step.module = make_block(*block, config, item, child);
  } else {
    config = layer_object(config);
    step.module = make_layer(config, child);
    take_initial(config);
  }
  step.type = type_of(config);
  step.config = std::move(config);
  if (!owner) return;
  build.shared->parameter_bytes = bytes;
  try {
    share_parts(*step.module, *owner->module);
  } catch (const Error& e) {
    fail_at(*shared, e.what());
  }
}

std::unique_ptr<Module> Model::Builder::make_block(const BlockDefinition& block, Json& config, const Json& item,
                                                   Build& child) {
  if (config.is_string()) config = Json::object().set("type", config);
  config.set_where(item.where());
  Json values = config;
  values.erase("type");
  child.blocks_around = build.blocks_around + 1;
  if (child.blocks_around > most_blocks)
    throw TooMany(item.where(), text(item.where(), "blocks are nested deeper than ", most_blocks, " levels"));
  return std::make_unique<Model>(block, values, child);
}

/// Runs the new layer on an empty batch: its output shapes are those of what comes out.
void Model::Builder::run_empty(Step& step, const Json& item) {
  Context context{.training = false};
  step.output_names = step.module->outputs();
  step.first_name = step.module->first_output();
  step.simple = step.reads.size() == 1 && step.output_names.empty();
  step.first_slot = slots.size();
  slots.resize(slots.size() + 1 + step.output_names.size());
  try {
    model.run(step, slots, context);
  } catch (const Error& e) {
    fail_at(item, with_batch(e.what()));
  }
}

void Model::Builder::add(const Json& item, const Around& variables) {
  if (++build.shared->items > most_items) too_many(item);
  Step step;
  step.where = item.where();
  step.name = name_of(item, *variables);
  current = step.name;
  step.path = build.path.empty() ? step.name : build.path + "." + step.name;
  step.reads = slots_of(item, *variables);
  if (!is_known(step)) return add_unknown(std::move(step));
  try {
    make(step, item, variables);
    run_empty(step, item);
  } catch (const Error& error) {
    note(item.where(), error);
    return add_unknown(std::move(step));
  }

  ItemInfo info{step.name, step.path, step.type, {}, {}};
  for (const size_t slot : step.reads) {
    info.inputs.push_back(for_one(slots[slot].shape()));
    info.reads.push_back(read_of(slot));
  }
  for (size_t i = step.first_slot; i < slots.size(); ++i) info.outputs.push_back(for_one(slots[i].shape()));
  info.parameters = member(item, "shared") ? 0 : parameter_count(*step.module);
  info.multiply_adds = step.module->multiply_adds(info.inputs, info.outputs.front());
  info.inside = step.module->inside();
  model.infos_.push_back(std::move(info));
  step_of[step.name] = model.steps_.size();
  model.steps_.push_back(std::move(step));
}

/// Whether all that a step reads is known.
bool Model::Builder::is_known(const Step& step) const {
  return std::ranges::all_of(step.reads, [this](size_t slot) { return slots[slot].defined(); });
}

/// A step that cannot be made: its name is known, what it gives is not.
void Model::Builder::add_unknown(Step step) {
  step.module.reset();
  step.output_names.clear();
  step.first_name.clear();
  step.first_slot = slots.size();
  slots.emplace_back();
  step_of[step.name] = model.steps_.size();
  model.steps_.push_back(std::move(step));
}

void Model::Builder::throw_mistakes() {
  if (!mistakes.empty()) throw ModelErrors(std::move(mistakes));
}

Model::Model(const Json& list, const Build& given) try {
  if (given.shared->checked) {
    build(list, {}, given);
    return;
  }
  Problems problems;  // all mistakes that can be seen without shapes, at once
  const Blocks blocks = given.shared->blocks ? *given.shared->blocks : Blocks();
  resolve_model(list, blocks, problems);
  problems.throw_any();
  check_count(list, blocks, given.inputs, given.classes);
  given.shared->checked = true;
  build(list, {}, given);
} catch (const LayerError&) {
  throw;
} catch (const Error& e) {
  throw LayerError(e.what());  // errors from JSON say where they arose, too
}

Model::Model(const BlockDefinition& block, const Json& values, const Build& given) try {
  // A block is a function: of its surroundings it sees what is handed to it.
  auto variables = list_variables(nullptr, given.inputs, given.classes);
  for (const Member& param : block.params.members()) {
    const Json* value = values.find(param.key);
    if (!value && param.value.is_null())
      throw LayerError(values.where(), text(values.where().prefix(param.key), "must be given: block ",
                                            quote(block.name), " has no default for it"));
    variables->set(param.key, value ? *value : substituted(param.value, *variables));
  }
  for (const Json& condition : block.require.items()) {
    const Json value = is_expression(condition) ? evaluate(condition, *variables) : condition;
    if (value.kind() == Json::Kind::boolean && value.as_boolean()) continue;
    throw LayerError(values.where(),
                     text(values.where(), "block ", quote(block.name), settings_text(values), " requires that ",
                          condition.is_string() ? condition.as_string().substr(1) : condition.describe(),
                          "; its input is ", given.inputs.empty() ? "" : batch_text(given.inputs.front().with(0, 0))));
  }
  try {
    input_names_ = block.input_names(given.inputs.size());
  } catch (const Error& e) {
    throw LayerError(values.where(), text(values.where(), e.what()));
  }
  Build inner = given;
  inner.variables = std::move(variables);
  build(block.body, block.outputs, inner);
} catch (const TooMany&) {
  throw;
} catch (const ModelErrors& e) {
  std::vector<Mistake> mistakes = e.mistakes();
  for (Mistake& mistake : mistakes)
    mistake.line += used_at(mistake.line, block, values, values.where(), given.blocks_around <= 1);
  throw ModelErrors(std::move(mistakes));
} catch (const LayerError& e) {
  const bool of_the_use = e.where().known() && e.where().offset() == values.where().offset() &&
                          e.where().source() == values.where().source();
  if (of_the_use) throw;
  throw LayerError(e.where().known() ? e.where() : values.where(),
                   e.what() + used_at(e.what(), block, values, values.where(), given.blocks_around <= 1));
} catch (const Error& e) {
  throw LayerError(values.where(),
                   e.what() + used_at(e.what(), block, values, values.where(), given.blocks_around <= 1));
}

void Model::build(const Json& list, const Json& outputs, const Build& given) {
  Builder builder{*this, given};
  for (const Shape& input : given.inputs) {
    if (input.rank() == 0) fail_at(list, "the model's input is a scalar; it needs a batch dimension");
    builder.slots.emplace_back(input.with(0, 0), given.input.value_or(given.dtype));
  }
  if (builder.slots.size() != input_names_.size())
    fail_at(list, text("this list has one input, but is given ", builder.slots.size()));
  builder.input_read.assign(builder.slots.size(), false);
  const Around variables = list_variables(given.variables, given.inputs, given.classes);
  builder.foresee(list);
  builder.add_all(list, variables);
  builder.current.clear();
  try {
    builder.add_results(list, outputs, *variables);
    builder.check_all_read(list);
  } catch (const Error& error) {
    builder.note(list.where(), error);
  }
  builder.throw_mistakes();
  slot_count_ = builder.slots.size();
  output_shape_ = for_one(builder.slots[result_slots_.front()].shape());
  find_last_reads();
}

/// Says of each step which values nobody reads after it.
void Model::find_last_reads() {
  std::vector<bool> later(slot_count_);
  for (const size_t slot : result_slots_) later[slot] = true;
  for (size_t i = steps_.size(); i-- > 0;)
    for (const size_t slot : steps_[i].reads)
      if (!later[slot]) {
        later[slot] = true;
        steps_[i].last_reads.push_back(slot);
      }
}

std::unique_ptr<Model> make_model(const Json& model, const Build& build) {
  const Blocks* blocks = build.shared->blocks.get();
  if (model.is_array() || !blocks) return std::make_unique<Model>(model, build);
  if (!build.shared->checked) {
    Problems problems;
    resolve_model(model, *blocks, problems);
    problems.throw_any();
    check_count(model, *blocks, build.inputs, build.classes);
    build.shared->checked = true;
  }
  const auto variables = list_variables(nullptr, build.inputs, build.classes);
  Json values = model.is_string() ? Json::object() : substituted(model, *variables);
  values.set_where(model.where());
  values.erase("type");
  const BlockDefinition& block = *blocks->find(type_of(model));  // resolve_model has seen to it
  return std::make_unique<Model>(block, values, build);
}

}  // namespace tarn
