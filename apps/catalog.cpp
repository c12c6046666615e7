// Collecting the rows of all registries, with an example of each.
#include "apps/catalog.h"

#include <algorithm>

#include "data/augment.h"
#include "data/dataset.h"
#include "layers/initializer.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace tarn {

namespace {

/// A value that a field's schema accepts, for a field that has no default.
Json sample_value(std::string_view name, const Json& schema) {
  if (const Json* choices = schema.find("enum")) return choices->items().front();
  if (const Json* either = schema.find("anyOf")) return sample_value(name, either->items().front());
  const Json* type = schema.find("type");
  const std::string kind = type ? type->as_string() : "";
  if (kind == "boolean") return true;
  if (kind == "string") return text("data/", name);
  if (kind == "array") return Json::array().push(sample_value(name, schema.at("items")));
  const Json* least = schema.find("minimum");
  if (kind == "integer") return std::max<int64_t>(10, least ? least->as_integer() : 0);
  if (kind == "number") return 0.5;
  return 0.1;  // whatever a schedule says of a rate
}

/// {"type": name} with what must be given, and the learning rate where there is one.
Json make_example(const std::string& name, const ConfigInfo& config) {
  const Json schema = config.schema(false);
  Json example = Json::object();
  example.set("type", name);
  const Json& properties = schema.at("properties");
  if (const Json* required = schema.find("required"))
    for (const Json& field : required->items())
      example.set(field.as_string(), sample_value(field.as_string(), properties.at(field.as_string())));
  if (properties.find("schedulers")) {
    const Json decay = Json::object().set("type", "ExponentialLR").set("gamma", 0.9);
    example.set("schedulers", Json::array().push("ConstantLR").push(decay));
    if (properties.find("milestones")) example.set("milestones", Json::array().push(5));
  }
  const Json* rate = properties.find("lr");
  if (rate && rate->find("default")) example.set("lr", rate->at("default"));
  return example.size() == 1 ? Json(name) : example;
}

/// The sample that a layer was registered with, as an item of a model.
Json layer_example(const LayerInfo& row) {
  const Json sample = row.sample_config.empty() ? Json::object() : parse_json(row.sample_config, row.name);
  if (sample.size() == 0) return row.name;
  Json example = Json::object();
  example.set("type", row.name);
  for (const Member& member : sample.members()) example.set(member.key, member.value);
  return example;
}

template <class Row>
CatalogSection section(std::string title, std::string place) {
  CatalogSection out{Row::kind, std::move(title), std::move(place), {}};
  for (const auto& [name, row] : Registry<Row>::all()) {
    CatalogEntry entry{Row::kind, name, row.doc, "", "", row.config, Json()};
    if constexpr (requires { row.formula_text; }) {
      entry.formula = row.formula_text;
      entry.source = row.source_text;
      if constexpr (requires { row.use_text; }) entry.use = row.use_text;
    }
    if constexpr (requires { row.sample_config; }) {
      entry.example = layer_example(row);
      entry.lists = row.lists;
    } else {
      entry.example = make_example(name, row.config);
    }
    out.entries.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

std::string spaced(const Json& value) {
  if (!value.is_array() && !value.is_object()) return to_text(value);
  std::string inside;
  if (value.is_array())
    for (const Json& item : value.items()) inside += (inside.empty() ? "" : ", ") + spaced(item);
  if (value.is_object())
    for (const Member& member : value.members())
      inside += (inside.empty() ? "" : ", ") + to_text(Json(member.key)) + ": " + spaced(member.value);
  if (value.is_array()) return "[" + inside + "]";
  return inside.empty() ? "{}" : "{ " + inside + " }";
}

std::vector<CatalogSection> catalog() {
  return {
      section<LayerInfo>("Layers", "model"),
      section<LossInfo>("Losses", "loss"),
      section<OptimizerInfo>("Optimizers", "optimizer"),
      section<ScheduleInfo>("Schedules", "schedule"),
      section<DatasetInfo>("Data sets", "data"),
      section<AugmentationInfo>("Augmentations", "augment"),
      section<InitializerInfo>("Initial values", "init"),
  };
}

std::string example_line(const CatalogSection& section, const CatalogEntry& entry) {
  const std::string item = spaced(entry.example);
  if (section.place == "model") return item;
  if (section.place == "augment") return "\"augment\": [" + item + "]";
  if (section.place == "init") return "\"init\": { \"weight\": " + item + " }";
  return "\"" + section.place + "\": " + item;
}

}  // namespace tarn
