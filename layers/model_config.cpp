// Checks models and blocks without building them, and writes out every default.
#include <algorithm>
#include <map>

#include "layers/initializer.h"
#include "layers/model.h"
#include "layers/scope.h"

namespace tarn {
namespace {

/// Checks the items of one list. Values of variables are not known here, their names are.
class Resolver {
 public:
  Resolver(const Blocks& blocks, Problems& problems) : blocks_(blocks), problems_(problems) {}

  Json list(const Json& list, const Around& variables);
  /// The use of a block, or of a layer: {"type": …}.
  Json item(const Json& item, const Around& variables);

 private:
  /// The settings of a list's items by name, for those that share them.
  struct Known {
    std::map<std::string, Json, std::less<>> items = {};
    bool complete = true;  // false once there was a name that is not known yet
    size_t count = 0;
  };

  void add_items(const Json& list, const Around& variables, Known& known, Json& out);
  Json loop(const Json& item, const Around& variables, Known& known);
  Json one(const Json& item, const Around& variables, Known* known);
  Json layer(Json object, const Around& variables);
  Json block_use(const BlockDefinition& block, const Json& object, const Around& variables);
  Json with_shared(const Json& object, Known* known);
  void remember(const Json& object, const Around& variables, Known& known);
  void lists(Json& value, const Around& variables);
  void check_condition(const Json& when, const Around& variables);
  void check_names(const Json& object, const Around& variables);
  void check_expressions(const Json& value, const Around& variables);
  /// Keys other than `known` are mistakes; where none is near, `own` are told. What was said comes back.
  std::vector<std::string> refuse_unknown(const Json& object, const std::vector<std::string>& known,
                                          const std::vector<std::string>& own);

  const Blocks& blocks_;
  Problems& problems_;
};

Json Resolver::list(const Json& list, const Around& variables) {
  Json out = Json::array();
  out.set_where(list.where());
  if (!list.is_array()) {
    problems_.add(list.where(), "expected a list of layers, found " + list.describe());
    return out;
  }
  if (list.size() == 0) problems_.add(list.where(), "the list of layers is empty; a model has at least one");
  Known known;
  add_items(list, variables, known, out);
  return out;
}

void Resolver::add_items(const Json& list, const Around& variables, Known& known, Json& out) {
  for (const Json& item : list.items())
    problems_.attempt(item.where(), [&] {
      const bool loops = item.is_object() && item.find("for");
      out.push(loops ? loop(item, variables, known) : one(item, variables, &known));
    });
}

Json Resolver::loop(const Json& item, const Around& variables, Known& known) {
  const std::vector<std::string> keys{"for", "in", "body", "when"};
  const std::vector<std::string> unknown = refuse_unknown(item, keys, keys);
  const auto missing = [&](const char* key, const char* what) {
    if (item.find(key)) return false;
    if (std::ranges::any_of(unknown, [&](const std::string& message) { return suggests(message, key); })) return true;
    problems_.add_line(item.where(), text(item.where().prefix(key), "must be given: ", what));
    return true;
  };
  const bool no_values = missing("in", "the values of the loop, a list or an expression such as \"=range(3)\"");
  const bool no_body = missing("body", "the list of layers that is repeated");
  if (no_values || no_body) return item;
  const Json& name = item.at("for");
  const Json& values = item.at("in");
  const Json& body = item.at("body");
  if (!name.is_string() || !is_variable_name(name.as_string()))
    problems_.add(name.where(), "expected the name of a new variable, found " + name.describe());
  check_expressions(values, variables);
  if (!values.is_array() && !is_expression(values))
    problems_.add(values.where(),
                  "expected a list, or an expression such as \"=range(3)\", found " + values.describe());
  if (const Json* when = item.find("when")) check_condition(*when, variables);
  Json out = item;
  if (!body.is_array() || body.size() == 0) {
    problems_.add(body.where(), "expected a list of at least one layer, found " + body.describe());
    return out;
  }
  auto inner = std::make_shared<Variables>(variables);
  if (name.is_string()) inner->set(name.as_string(), nullptr);
  Json items = Json::array();
  add_items(body, inner, known, items);
  out.set("body", std::move(items));
  return out;
}

Json Resolver::item(const Json& item, const Around& variables) {
  return one(item, variables, nullptr);
}

Json Resolver::one(const Json& item, const Around& variables, Known* known) {
  Json object = item.is_string() ? Json::object().set("type", item) : item;
  object.set_where(item.where());
  if (!object.is_object())
    fail(item.where(), "expected a layer (an object with \"type\", or a name), found ", item.describe());
  check_names(object, variables);
  if (const Json* when = object.find("when")) check_condition(*when, variables);
  Json used = object;
  bool lent = true;
  if (object.find("shared"))
    problems_.attempt(object.where(), [&] {
      lent = false;
      used = with_shared(object, known);
      lent = true;
    });
  if (known) remember(used, variables, *known);
  if (!lent) return object;  // what it would be given is not known
  const Json* type = used.find("type");
  if (!type && object.find("shared")) return object;  // of an item whose name is not known
  if (!type_in(used, LayerInfo::kind, problems_)) return object;
  if (type && is_expression(*type)) {
    check_expressions(object, variables);
    return object;
  }
  if (blocks_.is_broken(type->as_string()) && !find_layer(type->as_string()))
    return object;  // its own mistakes were told
  const BlockDefinition* block = type && type->is_string() ? blocks_.find(type->as_string()) : nullptr;
  return block ? block_use(*block, used, variables) : layer(std::move(used), variables);
}

void Resolver::check_condition(const Json& when, const Around& variables) {
  check_expressions(when, variables);
  if (!is_expression(when) && when.kind() != Json::Kind::boolean)
    problems_.add(when.where(), "expected true, false or an expression, found " + when.describe());
}

/// Names may hold expressions in braces.
void Resolver::check_names(const Json& object, const Around& variables) {
  const auto check_one = [&](const Json& name) {
    if (!name.is_string()) {
      const std::string found = name.describe();
      const bool position = name.kind() == Json::Kind::integer;
      return problems_.add(name.where(), text("expected the name of an item, found ", found,
                                              position ? "; write \"" + found + "\"" : ""));
    }
    problems_.attempt(name.where(), [&] { filled_name(name, *variables); });
  };
  for (const char* key : {"name", "from", "shared", "size_of"}) {
    const Json* given = object.find(key);
    if (!given) continue;
    if (given->is_array() && std::string_view(key) == "from")
      for (const Json& name : given->items()) check_one(name);
    else
      check_one(*given);
  }
}

void Resolver::check_expressions(const Json& value, const Around& variables) {
  if (is_expression(value)) {
    problems_.attempt(value.where(), [&] { evaluate(value, *variables); });
  } else if (value.is_array()) {
    for (const Json& item : value.items()) check_expressions(item, variables);
  } else if (value.is_object()) {
    for (const Member& member : value.members()) check_expressions(member.value, variables);
  }
}

std::vector<std::string> Resolver::refuse_unknown(const Json& object, const std::vector<std::string>& known,
                                                  const std::vector<std::string>& own) {
  std::vector<std::string> said;
  for (const Member& member : object.members()) {
    if (std::ranges::find(known, member.key) != known.end()) continue;
    said.push_back(unknown_key(member.key, known, own));
    problems_.add_line(member.where, text(member.where, said.back()));
  }
  return said;
}

Json Resolver::block_use(const BlockDefinition& block, const Json& object, const Around& variables) {
  std::vector<std::string> keys{"type", "name", "from", "shared", "when", "size_of"};
  std::vector<std::string> params;
  for (const Member& param : block.params.members()) params.push_back(param.key);
  keys.insert(keys.end(), params.begin(), params.end());
  const std::vector<std::string> unknown = refuse_unknown(object, keys, params);
  const auto misspelt = [&](const std::string& name) {
    return std::ranges::any_of(unknown, [&](const std::string& message) { return suggests(message, name); });
  };
  for (const Member& param : block.params.members()) {
    const Json* given = object.find(param.key);
    if (given)
      check_expressions(*given, variables);
    else if (param.value.is_null() && !misspelt(param.key))
      problems_.add_line(object.where(), text(object.where().prefix(param.key), "must be given: block ",
                                              quote(block.name), " has no default for it"));
  }
  return object;
}

/// `object`, with what its "shared" item lends it; throws where there is no such item or it is of another type.
Json Resolver::with_shared(const Json& object, Known* known) {
  const Json& shared = object.at("shared");
  if (!known) fail(shared.where(), "there is no earlier item here");
  const auto owner = known->items.find(shared.as_string());
  const bool later = shared.as_string().find('{') != std::string::npos || !known->complete;
  if (owner == known->items.end()) {
    if (later) return object;
    std::vector<std::string> names;
    for (const auto& [name, item] : known->items) names.push_back(name);
    fail(shared.where(), "no earlier item is named ", quote(shared.as_string()),
         did_you_mean(shared.as_string(), names));
  }
  const Json* type = object.find("type");
  const Json* lent = owner->second.find("type");
  if (type && lent && !is_expression(*type) && !is_expression(*lent) &&
      own_layer_name(type->as_string()) != own_layer_name(lent->as_string()))
    fail(type->where(), quote(type->as_string()), " cannot share the parameters of ", quote(owner->first),
         ", which is a ", lent->as_string());
  Json merged = owner->second;
  merged.set_where(object.where());
  for (const Member& member : object.members()) merged.set(member.key, member.value);
  return merged;
}

/// The item's own settings become known under its name.
void Resolver::remember(const Json& object, const Around& variables, Known& known) {
  Json lent = object;
  for (const char* key : {"name", "from", "shared", "when", "size_of", "init"})
    if (const Json* value = lent.find(key); value && (std::string_view(key) != "init" || value->is_object()))
      lent.erase(key);
  const Json* name = object.find("name");
  if (object.find("when")) known.complete = false;  // the positions behind it may be others
  std::optional<std::string> called = std::to_string(known.count++);
  if (name && name->is_string()) {
    try {
      called = filled_name(*name, *variables);
    } catch (const Error&) {
      called.reset();  // check_names has said so
    }
  }
  if (called)
    known.items.insert_or_assign(*called, std::move(lent));
  else
    known.complete = false;
}

Json Resolver::layer(Json object, const Around& variables) {
  object = layer_object(object);
  const Json initial = take_initial(object);
  check_expressions(initial, variables);
  const Json& type = object.at("type");
  if (!find_layer(type.as_string())) {
    if (type.as_string().starts_with('{'))
      fail(type.where(), "unknown layer ", quote(type.as_string()),
           "; a type that is chosen is an expression: \"=act\"");
    std::vector<std::string> names = blocks_.names();
    for (std::string& name : layer_names()) names.push_back(std::move(name));
    const std::string elsewhere = blocks_.elsewhere(type.as_string());
    if (!elsewhere.empty()) fail(type.where(), "unknown layer ", quote(type.as_string()), "; ", elsewhere);
    fail(type.where(), unknown_name("layer", type.as_string(), names));
  }
  const LayerInfo& row = layer_row(object);
  if (object.find("shared") && initial.is_object())
    problems_.add(initial.where(), "a shared item uses another's parameters; give them initial values there");
  if (initial.is_object())
    for (const Member& part : initial.members())
      if (!has_expression(part.value)) resolve_item<InitializerInfo>(part.value, problems_);
  if (const Json* odd = object.find("init"); odd && !row.config.defaults().find("init"))
    problems_.add(
        odd->where(),
        "expected initial values by parameter, such as {\"weight\": \"kaiming_normal\"}, found " + odd->describe());
  Json when;
  if (const Json* given = object.find("when")) when = *given;
  Json size_of;
  if (const Json* given = object.find("size_of")) size_of = *given;
  object.erase("when");
  object.erase("size_of");
  for (const Member& member : object.members())
    if (std::ranges::find(row.lists, member.key) == row.lists.end() && !is_item_key(member.key))
      check_expressions(member.value, variables);
  Json resolved = row.config.resolve(object, problems_, true);
  resolved.set_where(object.where());
  for (const std::string& field : row.lists)
    if (Json* value = resolved.find(field)) lists(*value, variables);
  if (initial.is_object()) resolved.set("init", initial);
  if (!when.is_null()) resolved.set("when", when);
  if (!size_of.is_null()) resolved.set("size_of", size_of);
  return resolved;
}

/// Replaces the lists of layers below `value` (a list, or a list of lists) by resolved ones.
void Resolver::lists(Json& value, const Around& variables) {
  if (!value.is_array()) return;  // which was said already
  const bool nested = value.size() > 0 && value.items().front().is_array();
  if (!nested) {
    if (value.size() > 0) value = list(value, variables);
    return;
  }
  for (Json& inner : value.items()) {
    if (!inner.is_array()) problems_.add(inner.where(), "expected a list of layers, found " + inner.describe());
    lists(inner, variables);
  }
}

}  // namespace

Json resolve_model(const Json& model, const Blocks& blocks, Problems& problems) {
  Resolver resolver(blocks, problems);
  const auto variables = unknown_variables();
  if (model.is_array()) return resolver.list(model, variables);
  if (!model.is_string() && !model.is_object()) {
    problems.add(model.where(), "expected a list of layers, or the name of a block, found " + model.describe());
    return model;
  }
  const Json* type = model.is_object() ? model.find("type") : nullptr;
  const Json& name = type ? *type : model;
  if (!name.is_string() || !blocks.find(name.as_string())) {
    const bool layer = name.is_string() && find_layer(name.as_string());
    const std::string none = name.is_string() && !layer ? text("there is no block ", quote(name.as_string()),
                                                               did_you_mean(name.as_string(), blocks.names()), "; ")
                                                        : "";
    problems.add(none.empty() ? model.where() : name.where(), none +
                                                                  "expected a list of layers, or the name of a block" +
                                                                  (layer          ? "; put the layer in a list, [ … ]"
                                                                   : none.empty() ? ", found " + model.describe()
                                                                                  : ""));
    return model;
  }
  Json out = model;
  problems.attempt(model.where(), [&] { out = resolver.item(model, variables); });
  return out;
}

Json resolve_blocks(const Json& section, const Blocks& blocks, Problems& problems) {
  Json out = section;
  for (const auto& [name, block] : blocks) {
    auto variables = unknown_variables();
    for (const Member& param : block.params.members()) {
      if (is_expression(param.value)) problems.attempt(param.where, [&] { evaluate(param.value, *variables); });
      variables->set(param.key, nullptr);
    }
    for (const Json& output : block.outputs.is_array() ? block.outputs.items() : Json::Array{})
      problems.attempt(output.where(), [&] { filled_name(output, *variables); });
    for (const Json& condition : block.require.items()) {
      if (is_expression(condition))
        problems.attempt(condition.where(), [&] { evaluate(condition, *variables); });
      else
        problems.add(condition.where(),
                     "expected an expression, which begins with \"=\", found " + condition.describe());
    }
    Json definition = section.at(name);
    definition.set("body", Resolver(blocks, problems).list(block.body, variables));
    out.set(name, std::move(definition));
  }
  return out;
}

}  // namespace tarn
