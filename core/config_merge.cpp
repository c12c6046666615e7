// Changing a config before it is read: values given on the command line, and one file that extends another.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/config.h"
#include "core/config_words.h"

namespace tarn {

namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    out.emplace_back(path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return out;
}

std::string pointer_of(const std::vector<std::string>& steps) {
  std::string out;
  for (const std::string& step : steps) out += "/" + step;
  return out;
}

// A value that --set gives: JSON where it is JSON, otherwise the word itself.
Json parse_setting(const std::shared_ptr<const Source>& source) {
  const std::string& written = source->text;
  const bool meant_as_json = !written.empty() && std::string_view("{[\"").find(written[0]) != std::string_view::npos;
  try {
    return parse_json(source);
  } catch (const Error&) {
    if (meant_as_json) throw;
  }
  Json word(written);
  word.set_where(Where(source, 0));
  return word;
}

// Walks down a path, making what is missing.
class Setter {
 public:
  explicit Setter(const Where& where) : where_(where) {}

  // The item of a list that a step of the path names.
  Json& item(Json& list, const std::string& step) const {
    size_t index = 0;
    const auto result = std::from_chars(step.data(), step.data() + step.size(), index);
    const bool whole = result.ec == std::errc() && result.ptr == step.data() + step.size();
    if (!whole || index >= list.size()) {
      const std::string there_are = list.size() == 0 ? "is empty" : text("has items 0 to ", list.size() - 1);
      fail(where_, "there is no item ", quote(step), "; the list ", there_are);
    }
    return list.items()[index];
  }

  // The value that a step leads to, made if it is missing.
  Json& step_into(Json& value, const std::string& step) const {
    if (value.is_array()) return item(value, step);
    if (Json* found = make_object(value, step).find(step)) return *found;
    Json made;
    made.set_where(where_);
    value.set(step, std::move(made));
    return *value.find(step);
  }

  void set(Json& value, const std::string& step, Json setting) const {
    if (value.is_array()) {
      item(value, step) = std::move(setting);
    } else if (make_object(value, step); setting.is_null()) {
      value.erase(step);
    } else {
      value.set(step, std::move(setting));
    }
  }

 private:
  Json& make_object(Json& value, const std::string& step) const {
    if (value.is_object()) return value;
    Json made = Json::object();
    if (value.is_string()) {
      made.set("type", value);  // a bare name is a type with nothing else to say
    } else if (!value.is_null()) {
      fail(where_, "there is no ", quote(step), " in ", value.describe());
    }
    made.set_where(where_);
    value = std::move(made);
    return value;
  }

  const Where& where_;
};

}  // namespace

void set_path(Json& root, std::string_view path, std::string_view value) {
  const std::vector<std::string> steps = split_path(path);
  const std::string shown = quote(path);
  const std::string name = "--set " + shown.substr(1, shown.size() - 2);
  const auto source = std::make_shared<const Source>(
      Source{.name = name, .text = std::string(value), .pointer = pointer_of(steps), .lines = false});
  const Where where(source, 0);
  const bool named = std::ranges::none_of(steps, [](const std::string& step) { return step.empty(); });
  check(named, name, ": a path is names and item numbers with dots between them, as optimizer.lr or model.0.p");
  check(steps.size() < JsonLimits().depth, name, ": the path is deeper than ", JsonLimits().depth, " levels");
  Json setting = parse_setting(source);

  const Setter setter(where);
  Json* at = &root;
  for (size_t i = 0; i + 1 < steps.size(); ++i) at = &setter.step_into(*at, steps[i]);
  setter.set(*at, steps.back(), std::move(setting));
}

Json merge(Json base, const Json& over) {
  if (!base.is_object() || !over.is_object()) return over;
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < base.size(); ++i) index.emplace(base.members()[i].key, i);
  std::vector<bool> removed(base.size());
  Json::Object added;
  for (const Member& member : over.members()) {
    const auto found = index.find(member.key);
    if (found == index.end()) {
      if (!member.value.is_null()) added.push_back(member);
    } else if (member.value.is_null()) {
      removed[found->second] = true;
    } else {
      Member& old = base.members()[found->second];
      old.where = member.where;
      old.value = merge(std::move(old.value), member.value);
    }
  }
  Json out = Json::object();
  out.set_where(over.where());
  for (size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) out.members().push_back(std::move(base.members()[i]));
  }
  for (Member& member : added) out.members().push_back(std::move(member));
  return out;
}

}  // namespace tarn
