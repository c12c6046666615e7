// Checks a model's list of items without building it, and writes out every default.
#include <map>

#include "layers/initializer.h"
#include "layers/model.h"

namespace tarn {
namespace {

/// The settings of a list's items by name, for those that share them.
using Known = std::map<std::string, Json, std::less<>>;

/// Replaces the lists of layers below `value` (a list, or a list of lists) by resolved ones.
void resolve_lists(Json& value, int64_t classes, Problems& problems) {
  if (!value.is_array()) return;
  const bool nested = value.size() > 0 && value.items().front().is_array();
  if (!nested) {
    if (value.size() > 0) value = resolve_model(value, classes, problems);
    return;
  }
  for (Json& list : value.items()) resolve_lists(list, classes, problems);
}

/// `object`, with what its "shared" item lends it; throws where there is no such item or it is of another type.
Json with_shared(const Json& object, const Known& known) {
  const Json* shared = object.find("shared");
  if (!shared) return object;
  const auto owner = known.find(shared->as_string());
  if (owner == known.end()) {
    std::vector<std::string> names;
    for (const auto& [name, item] : known) names.push_back(name);
    fail(shared->where(), "no earlier item is named ", quote(shared->as_string()),
         did_you_mean(shared->as_string(), names));
  }
  const Json* type = object.find("type");
  const std::string& lent = owner->second.at("type").as_string();
  if (type && type->as_string() != lent)
    fail(type->where(), quote(type->as_string()), " cannot share the parameters of ", quote(owner->first),
         ", which is a ", lent);
  Json merged = owner->second;
  merged.set_where(object.where());
  for (const Member& member : object.members()) merged.set(member.key, member.value);
  return merged;
}

/// Checks one item and returns it with its defaults; its settings become known under its name.
Json resolve_item(const Json& item, size_t position, int64_t classes, Problems& problems, Known& known) {
  Json object = layer_object(item, classes);
  if (object.find("shared")) object = with_shared(object, known);
  const Json initial = take_initial(object);
  Json lent = object;
  for (const char* key : {"name", "from", "shared"}) lent.erase(key);
  const Json* name = object.find("name");
  known.insert_or_assign(name && name->is_string() ? name->as_string() : std::to_string(position), std::move(lent));

  const LayerInfo& row = layer_row(object);
  if (object.find("shared") && initial.is_object())
    problems.add(initial.where(), "a shared item uses another's parameters; give them initial values there");
  if (initial.is_object())
    for (const Member& part : initial.members()) problems.attempt(part.where, [&] { make_initializer(part.value); });
  Json resolved = row.config.resolve(object, problems);
  for (const std::string& field : row.lists)
    if (Json* value = resolved.find(field)) resolve_lists(*value, classes, problems);
  if (initial.is_object()) resolved.set("init", initial);
  return resolved;
}

}  // namespace

Json resolve_model(const Json& list, int64_t classes, Problems& problems) {
  Json out = Json::array();
  if (!list.is_array()) {
    problems.add(list.where(), "expected a list of layers, found " + list.describe());
    return out;
  }
  if (list.size() == 0) problems.add(list.where(), "the list of layers is empty; a model has at least one");
  Known known;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& item = list.items()[i];
    problems.attempt(item.where(), [&] { out.push(resolve_item(item, i, classes, problems, known)); });
  }
  return out;
}

}  // namespace tarn
