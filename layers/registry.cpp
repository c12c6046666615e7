// The registry of layers, and how a config item becomes a layer: its type, its sizes that follow from the data, its
// initial values.
#include <algorithm>
#include <map>
#include <numeric>

#include "layers/alias.h"
#include "layers/initializer.h"
#include "layers/module.h"

namespace tarn {
namespace {

std::map<std::string, std::string, std::less<>>& aliases() {
  static std::map<std::string, std::string, std::less<>> all;
  return all;
}

std::vector<std::string> part_names(Module& module) {
  std::vector<std::string> names;
  for (const NamedTensor& part : parameters(module)) names.push_back(part.name);
  return names;
}

std::string inputs_text(const Build& build) {
  std::string out = build.inputs.size() == 1 ? "input " : "inputs ";
  for (size_t i = 0; i < build.inputs.size(); ++i) out += (i ? ", " : "") + batch_text(build.inputs[i]);
  return out;
}

}  // namespace

std::unique_ptr<Module> located(const Json& json, const Build& build,
                                const std::function<std::unique_ptr<Module>()>& make) {
  try {
    return make();
  } catch (const LayerError&) {
    throw;
  } catch (const Error& e) {
    const std::string layer = build.path.empty() ? "" : "layer '" + build.path + "' ";
    throw LayerError(json.where(), text(json.where().prefix(), layer, "(", json.at("type").as_string(), ") with ",
                                        inputs_text(build), ": ", e.what()));
  }
}

LayerInfo& LayerInfo::formula(std::string text) {
  formula_text = std::move(text);
  return *this;
}
LayerInfo& LayerInfo::source(std::string text) {
  source_text = std::move(text);
  return *this;
}
LayerInfo& LayerInfo::pools(PoolGroup family, std::string when) {
  is_pooling = true;
  group = family;
  use_text = std::move(when);
  return *this;
}
LayerInfo& LayerInfo::shown_with(std::string config_text, std::string inputs_text) {
  shown_config = std::move(config_text);
  shown_inputs = std::move(inputs_text);
  return *this;
}
LayerInfo& LayerInfo::takes(int least, int most) {
  inputs_min = least;
  inputs_max = most;
  return *this;
}
LayerInfo& LayerInfo::draws_random_numbers() {
  random = true;
  return *this;
}
LayerInfo& LayerInfo::samples_from(Domain values) {
  domain = values;
  return *this;
}
LayerInfo& LayerInfo::reads_indices(int64_t below) {
  std::vector<int64_t> indices(static_cast<size_t>(below));
  std::iota(indices.begin(), indices.end(), 0);
  return reads_labels(0, std::move(indices));
}
LayerInfo& LayerInfo::reads_labels(size_t input, std::vector<int64_t> values) {
  labels[input] = std::move(values);
  return *this;
}

LayerInfo& LayerInfo::holds_lists(std::vector<std::string> fields) {
  lists = std::move(fields);
  return *this;
}

LayerInfo& add_layer_row(LayerInfo row) {
  const std::string name = row.name;
  return Registry<LayerInfo>::all().add(name, std::move(row));
}

Tensor draw_labels(const Shape& shape, const std::vector<int64_t>& labels, const Stream& stream) {
  std::vector<int64_t> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = labels[static_cast<size_t>(stream.below(i, static_cast<int64_t>(labels.size())))];
  return {shape, values};
}

Tensors sample_inputs(const LayerInfo& row, const std::vector<Shape>& shapes, uint64_t variant) {
  Tensors inputs = draw({shapes, row.domain}, variant);
  for (const auto& [i, values] : row.labels)
    if (i < inputs.size()) inputs[i] = draw_labels(shapes[i], values, {variant, purpose_of("sample"), i});
  return inputs;
}

bool add_layer_alias(std::string alias, std::string name) {
  return aliases().emplace(std::move(alias), std::move(name)).second;
}

bool add_layer_aliases(const std::string& alias, const std::string& family) {
  for (const char* rank : {"1d", "2d", "3d"}) add_layer_alias(alias + rank, family + rank);
  return true;
}

std::string_view own_layer_name(std::string_view name) {
  const auto found = aliases().find(name);
  return found == aliases().end() ? name : std::string_view(found->second);
}

const LayerInfo* find_layer(std::string_view name) {
  return Registry<LayerInfo>::all().find(own_layer_name(name));
}

std::vector<const LayerInfo*> all_layers() {
  std::vector<const LayerInfo*> all;
  for (const auto& [name, row] : Registry<LayerInfo>::all()) all.push_back(&row);
  return all;
}

std::vector<std::string> layer_names() {
  return Registry<LayerInfo>::all().names();
}

Json layer_object(const Json& json) {
  Json object = json;
  if (json.is_string()) {
    object = Json::object();
    object.set("type", json);
    object.set_where(json.where());
  }
  if (!object.is_object())
    fail(json.where(), "expected a layer (an object with \"type\", or a name), found ", json.describe());
  if (const Json* type = object.find("type");
      type && type->is_string() && own_layer_name(type->as_string()) != type->as_string()) {
    Json own(std::string(own_layer_name(type->as_string())));
    own.set_where(type->where());
    object.set("type", std::move(own));
  }
  return object;
}

const LayerInfo& layer_row(const Json& object) {
  const Json& type = object.at("type");
  return Registry<LayerInfo>::all().get(type.as_string(), type.where());
}

Json take_initial(Json& object) {
  const Json* init = object.find("init");
  if (!init || !init->is_object()) return {};  // PReLU has a number of that name
  Json taken = *init;
  object.erase("init");
  return taken;
}

std::unique_ptr<Module> make_layer(const Json& json, Build& build) {
  Json object = layer_object(json);
  const LayerInfo& row = layer_row(object);
  const auto given = static_cast<int>(build.inputs.size());
  if (given < row.inputs_min || (row.inputs_max >= 0 && given > row.inputs_max))
    throw LayerError(
        json.where(),
        text(json.where(), row.name, " takes ", row.inputs_min, row.inputs_max == row.inputs_min ? "" : " or more",
             row.inputs_max == 1 ? " input" : " inputs", ", but reads ", given, "; see \"from\""));
  const Json initial = take_initial(object);
  build.initial.clear();
  if (initial.is_object())
    for (const Member& part : initial.members()) build.initial[part.key] = make_initializer(part.value);
  auto module = row.make(object, build);
  for (const Member& part : initial.is_object() ? initial.members() : Json::Object{})
    if (build.initial.contains(part.key))
      throw LayerError(part.where,
                       text(part.where, row.name, " has no parameter '", part.key,
                            "' that could be given initial values", did_you_mean(part.key, part_names(*module))));
  return module;
}

}  // namespace tarn
