// Reads definitions of blocks, and refuses those that would never end.
#include "layers/blocks.h"

#include <algorithm>
#include <functional>

#include "core/expression.h"
#include "layers/module.h"
#include "layers/scope.h"

namespace tarn {

namespace {

void check_params(const Json& params, Problems& problems) {
  if (!params.is_object()) {
    problems.add(params.where(), "expected an object of parameters and their defaults, found " + params.describe());
    return;
  }
  for (const Member& param : params.members()) {
    if (!is_variable_name(param.key))
      problems.add_line(param.where,
                        text(param.where, quote(param.key), " cannot be a parameter; use letters, digits and '_'"));
    else if (is_item_key(param.key))
      problems.add_line(param.where,
                        text(param.where, quote(param.key), " has a meaning of its own; choose another name"));
  }
}

/// The definition's own keys, for the reader.
struct Definition {
  Json params = Json::object();
  std::vector<std::string> inputs, outputs, require;
  Json body;
  void fields(Fields& f) {
    f("params", params, "what a use may set, with defaults; null: must be given", {.inside = check_params});
    f("inputs", inputs, "names of several inputs; a last one such as \"x*\" stands for any number, x0, x1, …");
    f("outputs", outputs, "items that are results, or patterns of their names; left out: the last item");
    f("require", require, "expressions that must be true where the block is used");
    f("body", body, "what the block is made of", {.required = true, .list_of = "layers"});
  }
};

/// Calls f(type, its place) for each item of a list and of the lists in it that names a type.
void each_type(const Json& value, const std::function<void(const std::string&, const Where&)>& f) {
  if (value.is_string()) f(value.as_string(), value.where());
  if (value.is_array())
    for (const Json& item : value.items()) each_type(item, f);
  if (!value.is_object()) return;
  for (const Member& member : value.members()) {
    if (member.key == "type" && member.value.is_string()) f(member.value.as_string(), member.value.where());
    const bool others = member.key == "from" || member.key == "in";  // names of items, and values
    if (member.value.is_array() && !others) each_type(member.value, f);
  }
}

}  // namespace

Blocks::Blocks(const Json& section, Problems& problems) {
  if (section.is_null()) return;
  if (!section.is_object()) {
    problems.add(section.where(), "expected an object of blocks by name, found " + section.describe());
    return;
  }
  for (const Member& member : section.members()) add(member, problems);
  refuse_cycles(problems);
}

void Blocks::add(const Member& member, Problems& problems) {
  const auto refuse = [&](const std::string& what) {
    problems.add_line(member.where, text(member.where, what));
    broken_.insert(member.key);
  };
  if (!is_variable_name(member.key))
    return refuse(quote(member.key) + " cannot be the name of a block; use letters, digits and '_'");
  if (find_layer(member.key)) return refuse(quote(member.key) + " is a layer already; choose another name");
  Definition definition;
  const size_t before = problems.size();
  read_config(definition, member.value, problems);
  if (problems.size() > before) {
    broken_.insert(member.key);
    return;
  }
  for (size_t i = 0; i < definition.inputs.size(); ++i) {
    std::string name = definition.inputs[i];
    const bool many = name.ends_with('*');
    if (many) name.pop_back();
    if (!is_variable_name(name) || (many && i + 1 < definition.inputs.size()))
      problems.add(member.value.at("inputs").items()[i].where(),
                   quote(definition.inputs[i]) +
                       " cannot be an input; use letters, digits and '_', and '*' at the end of the last one only");
  }
  const auto list = [&](const char* key) {
    const Json* given = member.value.find(key);
    return given ? *given : Json::array();
  };
  // With its mistakes, too: its uses are none then.
  blocks_.emplace(member.key, BlockDefinition{member.key, member.where, definition.params, definition.inputs,
                                              list("outputs"), list("require"), definition.body});
}

/// A block that uses itself, directly or through others, has no end.
void Blocks::refuse_cycles(Problems& problems) const {
  enum class Mark { open, done };
  std::map<std::string, Mark, std::less<>> marks;
  std::vector<std::string> chain;
  const std::function<void(const BlockDefinition&)> visit = [&](const BlockDefinition& block) {
    marks[block.name] = Mark::open;
    chain.push_back(block.name);
    each_type(block.body, [&](const std::string& type, const Where& where) {
      const BlockDefinition* used = find(type);
      if (!used) return;
      const auto mark = marks.find(type);
      if (mark == marks.end()) return visit(*used);
      if (mark->second == Mark::done) return;
      std::string path;
      for (auto at = std::ranges::find(chain, type); at != chain.end(); ++at) path += *at + " → ";
      problems.add(where, text("block ", quote(type), " uses itself (", path, type, "); it would have no end"));
    });
    chain.pop_back();
    marks[block.name] = Mark::done;
  };
  for (const auto& [name, block] : blocks_)
    if (!marks.contains(name)) visit(block);
}

const BlockDefinition* Blocks::find(std::string_view name) const {
  const auto found = blocks_.find(name);
  return found == blocks_.end() ? nullptr : &found->second;
}

std::vector<std::string> Blocks::names() const {
  std::vector<std::string> out;
  for (const auto& [name, block] : blocks_) out.push_back(name);
  return out;
}

std::vector<std::string> BlockDefinition::input_names(size_t count) const {
  std::vector<std::string> names = inputs.empty() ? std::vector<std::string>{"input"} : inputs;
  const bool many = names.back().ends_with('*');
  const size_t fixed = many ? names.size() - 1 : names.size();
  check(many ? count > fixed : count == fixed, "block ", quote(name), " takes ", many ? "more than " : "", fixed,
        fixed == 1 ? " input" : " inputs", ", but reads ", count, "; see \"from\"");
  if (!many) return names;
  const std::string stem = names.back().substr(0, names.back().size() - 1);
  names.pop_back();
  for (size_t i = 0; names.size() < count; ++i) names.push_back(stem + std::to_string(i));
  return names;
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // The text between two stars goes to its first place after the one before; the last must end the name.
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (size_t next = pattern.find('*'); next != std::string_view::npos; next = pattern.find('*')) {
    const size_t found = name.find(pattern.substr(0, next));
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + next);
    pattern.remove_prefix(next + 1);
  }
  return name.ends_with(pattern);
}

}  // namespace tarn
