// Making the schema: one definition for each registered name, one for each registry, and the experiment on top.
#include "apps/schema.h"

#include "apps/catalog.h"
#include "apps/experiment.h"

namespace tarn {

namespace {

Json typed(std::string_view type) {
  return Json::object().set("type", type);
}
Json reference(const std::string& definition) {
  return Json::object().set("$ref", "#/$defs/" + definition);
}
Json any_of(Json a, Json b) {
  return Json::object().set("anyOf", Json::array().push(std::move(a)).push(std::move(b)));
}
Json list_of(Json items) {
  return typed("array").set("items", std::move(items));
}
Json described(Json schema, std::string_view description) {
  return schema.set("description", description);
}
Json only_required(Json names) {
  return Json::object().set("required", std::move(names));
}
Json one_name(const char* name) {
  return Json::array().push(name);
}

/// Gives a field that takes any JSON the schema of what it really takes; description and default stay.
void refine(Json& properties, std::string_view field, const Json& schema) {
  Json* property = properties.find(field);
  if (property == nullptr) return;
  Json refined = schema;
  for (const Member& member : property->members()) refined.set(member.key, member.value);
  *property = std::move(refined);
}

void add_item_keys(Json& properties);

Json when_schema() {
  return described(any_of(typed("boolean"), typed("string").set("pattern", "^=")),
                   "where this is false the item is left out");
}

/// {"for": "i", "in": …, "body": […]}.
Json loop_schema() {
  Json properties = Json::object();
  properties.set("for", described(typed("string"), "the variable that takes each value"));
  properties.set("in", described(any_of(typed("array"), typed("string").set("pattern", "^=")),
                                 "a list, or an expression such as \"=range(3)\""));
  properties.set("body", list_of(reference("layer")).set("minItems", 1));
  properties.set("when", when_schema());
  Json required = Json::array().push("for").push("in").push("body");
  return described(typed("object"), "items that are written out once for each value")
      .set("properties", properties)
      .set("required", required)
      .set("additionalProperties", false);
}

/// A name that no layer has.
Json block_name_schema() {
  Json names = Json::array();
  for (const std::string& name : layer_names()) names.push(name);
  return typed("string").set("not", Json::object().set("enum", names));
}

/// The use of a block: a type that is no layer's, and whatever settings the block has.
Json block_use_schema() {
  Json properties = Json::object().set("type", block_name_schema());
  add_item_keys(properties);
  properties.erase("init");
  return described(typed("object"), "the use of a block")
      .set("properties", properties)
      .set("required", one_name("type"));
}

/// A section "blocks".
Json blocks_schema() {
  const Json names = list_of(typed("string"));
  Json properties = Json::object();
  properties.set("params", described(typed("object"), "what a use may set, with defaults; null: must be given"));
  properties.set("inputs", described(names, "names of several inputs"));
  properties.set("outputs", described(names, "items that are results"));
  properties.set("require", described(names, "expressions that must be true where the block is used"));
  properties.set("body", list_of(reference("layer")).set("minItems", 1));
  Json block = typed("object").set("properties", properties).set("required", one_name("body"));
  return any_of(typed("object").set("additionalProperties", block.set("additionalProperties", false)), typed("null"));
}

/// What stands in any item of a model besides the layer's own fields.
void add_item_keys(Json& properties) {
  properties.set("name", described(typed("string"), "what other items call it, and its parameters' prefix"));
  const Json name = typed("string");
  properties.set("from", described(any_of(name, list_of(name).set("minItems", 1)),
                                   "the earlier item or items that it reads; left out: the one before it"));
  properties.set("shared", described(name, "an earlier item of the same type whose parameters it uses again"));
  properties.set("size_of", described(name, "one more earlier item that it reads, for its size"));
  properties.set("when", when_schema());
  const Json initial = typed("object").set("additionalProperties", reference("initializer"));
  const Json* own = properties.find("init");  // PReLU has a number of that name
  properties.set("init", own ? any_of(*own, initial) : described(initial, "other initial values, by parameter"));
}

/// One registered name: {"type": NAME, …}.
Json entry_schema(const CatalogSection& section, const CatalogEntry& entry) {
  const bool is_layer = section.place == "model";
  const Json own = entry.config.schema(is_layer);
  Json properties = Json::object();
  properties.set("type", Json::object().set("const", entry.name));
  for (const Member& member : own.at("properties").members()) properties.set(member.key, member.value);
  const Json layers = list_of(reference("layer"));
  for (const std::string& field : entry.lists)
    refine(properties, field, any_of(any_of(layers, list_of(layers)), typed("null")));
  refine(properties, "augment", list_of(reference("augmentation")));
  refine(properties, "schedulers", list_of(reference("schedule")));
  if (properties.find("groups") && section.place == "optimizer") {
    Json group = properties;
    for (const char* key : {"type", "groups"}) group.erase(key);
    const Json name = typed("string");
    group.set("params", described(any_of(name, list_of(name)), "patterns of parameter names; '*' is any text"));
    Json one = typed("object").set("properties", group).set("required", one_name("params"));
    refine(properties, "groups", list_of(one.set("additionalProperties", false)));
  }
  if (is_layer) add_item_keys(properties);
  Json schema = described(typed("object"), entry.doc);
  schema.set("properties", properties).set("required", one_name("type")).set("additionalProperties", false);
  const Json* required = own.find("required");
  if (required && is_layer)
    return schema.set("anyOf", any_of(only_required(*required), only_required(one_name("shared"))).at("anyOf"));
  if (required)
    for (const Json& name : required->items()) schema.find("required")->push(name);
  return schema;
}

/// All names of a registry: bare where nothing has to be given, or as objects.
void add_section(Json& definitions, const CatalogSection& section, const std::string& name) {
  Json bare = Json::array();
  Json choices = Json::array();
  for (const CatalogEntry& entry : section.entries) {
    if (!entry.config.schema(false).find("required")) bare.push(entry.name);
    choices.push(reference(name + "." + entry.name));
    definitions.set(name + "." + entry.name, entry_schema(section, entry));
  }
  if (section.place == "model") {
    Json again = typed("object").set("required", one_name("shared"));  // the type is the other item's
    choices.push(again.set("not", only_required(one_name("type"))));
    choices.push(loop_schema()).push(block_use_schema());
    choices.push(block_name_schema());
  }
  if (bare.size() > 0) choices.push(Json::object().set("enum", bare));
  definitions.set(name, Json::object().set("anyOf", choices));
}

/// A registry's name among the definitions.
std::string definition_of(const CatalogSection& section) {
  if (section.place == "model") return "layer";
  return section.place == "augment" ? "augmentation" : section.place == "init" ? "initializer" : section.place;
}

}  // namespace

namespace {

/// What a config must hold that does not extend another: sections that are whole.
Json whole_experiment() {
  const Json use = any_of(block_name_schema(), block_use_schema());
  Json properties = Json::object();
  for (const char* section : {"data", "loss", "optimizer"}) properties.set(section, reference(section));
  properties.set("schedule", any_of(reference("schedule"), typed("null")));
  properties.set("model", any_of(list_of(reference("layer")).set("minItems", 1), use));
  return only_required(Json::array().push("data").push("model")).set("properties", properties);
}

}  // namespace

Json experiment_schema() {
  Experiment experiment;
  const Json own = schema_of(experiment);
  const Json file = typed("string");
  Json properties = Json::object();
  properties.set("$schema", described(typed("string"), "where editors find this schema"));
  properties.set("extends",
                 described(file, "another config; objects merge key by key, null removes, anything else replaces"));
  properties.set("include", described(any_of(file, list_of(file)), "configs whose blocks are used"));
  for (const Member& member : own.at("properties").members()) properties.set(member.key, member.value);
  refine(properties, "blocks", blocks_schema());
  Json definitions = Json::object();
  for (const CatalogSection& section : catalog()) add_section(definitions, section, definition_of(section));
  Json schema = Json::object();
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema").set("title", "A Tarn experiment");
  for (const Member& member : own.members())
    if (member.key != "required") schema.set(member.key, member.value);
  schema.set("properties", properties).set("$defs", definitions);
  return schema.set("anyOf", any_of(whole_experiment(), only_required(one_name("extends"))).at("anyOf"));
}

}  // namespace tarn
