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

/// What stands in any item of a model besides the layer's own fields.
void add_item_keys(Json& properties) {
  properties.set("name", described(typed("string"), "what other items call it, and its parameters' prefix"));
  const Json name = typed("string");
  properties.set("from", described(any_of(name, list_of(name).set("minItems", 1)),
                                   "the earlier item or items that it reads; left out: the one before it"));
  properties.set("shared", described(name, "an earlier item of the same type whose parameters it uses again"));
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

Json experiment_schema() {
  Experiment experiment;
  const Json own = schema_of(experiment);
  Json properties = Json::object();
  properties.set("$schema", described(typed("string"), "where editors find this schema"));
  for (const Member& member : own.at("properties").members()) properties.set(member.key, member.value);
  refine(properties, "model", list_of(reference("layer")).set("minItems", 1));
  for (const char* section : {"data", "loss", "optimizer"}) refine(properties, section, reference(section));
  refine(properties, "schedule", any_of(reference("schedule"), typed("null")));
  Json definitions = Json::object();
  for (const CatalogSection& section : catalog()) add_section(definitions, section, definition_of(section));
  Json schema = Json::object();
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema").set("title", "A Tarn experiment");
  for (const Member& member : own.members()) schema.set(member.key, member.value);
  return schema.set("properties", properties).set("$defs", definitions);
}

}  // namespace tarn
