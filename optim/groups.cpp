// Building an optimizer from a config: which parameter belongs to which group, and each group's hyper-parameters.
#include <algorithm>

#include "core/place.h"
#include "optim/method.h"

namespace tarn {
namespace {

/// Whether `name` looks like `pattern`, in which `*` stands for any characters.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

constexpr size_t nowhere = static_cast<size_t>(-1);

/// Puts the parameters that a group's patterns match into it, where no group before has taken them.
void put_in_group(const Json& group, size_t index, const std::vector<NamedTensor>& parameters,
                  std::vector<size_t>& group_of) {
  const Json& params = group.at("params");
  std::vector<const Json*> patterns;
  if (params.is_array()) {
    for (const Json& item : params.items()) patterns.push_back(&item);
  } else {
    patterns.push_back(&params);
  }
  bool taken = false;
  for (const Json* pattern : patterns) {
    bool found = false;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (!matches(pattern->as_string(), parameters[i].name)) continue;
      found = true;
      if (group_of[i] != nowhere) continue;
      group_of[i] = index;
      taken = true;
    }
    if (found) continue;
    std::vector<std::string> names;
    for (const NamedTensor& parameter : parameters) names.push_back(parameter.name);
    fail(pattern->where(), "no parameter is called '", pattern->as_string(), "'",
         did_you_mean(pattern->as_string(), names));
  }
  check(taken, params.where(), "all these parameters belong to groups before this one");
}

/// The optimizer's config with what a group says instead.
Json group_config(const Json& base, const Json& group) {
  Json config = base;
  for (const Member& member : group.members()) {
    if (member.key == "params") continue;
    check(member.key != "type" && member.key != "groups", member.where, "a group has no '", member.key, "'");
    config.erase(member.key);
    config.members().push_back(member);
  }
  return config;
}

}  // namespace

void check_patterns(const Json& params, Problems& problems) {
  const auto is_text = [](const Json& item) { return item.is_string(); };
  const bool list = params.is_array() && params.size() > 0 && std::ranges::all_of(params.items(), is_text);
  if (params.is_string() || list) return;
  problems.add(params.where(), "expected a pattern of parameter names such as \"*.bias\", or a list of them, found " +
                                   params.describe());
}

std::unique_ptr<Optimizer> make_optimizer(const Json& json, std::vector<NamedTensor> parameters) {
  const OptimizerInfo& row = Registry<OptimizerInfo>::all().get(type_of(json), json.where());
  Json base = json;
  std::vector<Json> configs;
  std::vector<size_t> group_of(parameters.size(), nowhere);
  if (const Json* groups = json.is_object() ? json.find("groups") : nullptr) {
    base.erase("groups");
    for (const Json& group : groups->items()) {
      put_in_group(group, configs.size(), parameters, group_of);
      configs.push_back(group_config(base, group));
    }
  }
  const bool left = std::find(group_of.begin(), group_of.end(), nowhere) != group_of.end();
  if (left || configs.empty()) {
    std::replace(group_of.begin(), group_of.end(), nowhere, configs.size());
    configs.push_back(base);
  }
  return with_place(json, [&] { return row.make(configs, std::move(parameters), group_of); });
}

}  // namespace tarn
