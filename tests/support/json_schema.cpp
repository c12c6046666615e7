// Checking a value against a schema, keyword by keyword.
#include "tests/support/json_schema.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace tarn {

namespace {

bool is_number(const Json& value) {
  return value.kind() == Json::Kind::integer || value.kind() == Json::Kind::number;
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.kind() == Json::Kind::boolean;
  if (type == "integer") return is_number(value) && std::floor(value.as_number()) == value.as_number();
  check(type == "number", "schema: unknown type ", type);
  return is_number(value);
}

/// The definition that "#/a/b" points to.
const Json& referred(const std::string& pointer, const Json& root) {
  check(pointer.starts_with("#/"), "schema: '", pointer, "' points outside");
  const Json* at = &root;
  for (size_t begin = 2; begin <= pointer.size();) {
    const size_t end = std::min(pointer.find('/', begin), pointer.size());
    at = &at->at(pointer.substr(begin, end - begin));
    begin = end + 1;
  }
  return *at;
}

bool fits(const Json& value, const Json& schema, const Json& root) {
  return schema_mistake(value, schema, root).empty();
}

std::string bounds_mistake(const Json& value, const std::string& keyword, const Json& limit) {
  const double bound = limit.as_number();
  bool good = true;
  if (is_number(value)) {
    const double number = value.as_number();
    if (keyword == "minimum") good = number >= bound;
    if (keyword == "maximum") good = number <= bound;
    if (keyword == "exclusiveMinimum") good = number > bound;
    if (keyword == "exclusiveMaximum") good = number < bound;
  }
  if (value.is_array()) {
    const auto size = static_cast<double>(value.size());
    if (keyword == "minItems") good = size >= bound;
    if (keyword == "maxItems") good = size <= bound;
  }
  return good ? "" : text(value.describe(), " against ", keyword, " ", bound);
}

std::string members_mistake(const Json& value, const Json& schema, const Json& root) {
  const Json* properties = schema.find("properties");
  const Json* others = schema.find("additionalProperties");
  for (const Member& member : value.members()) {
    const Json* own = properties ? properties->find(member.key) : nullptr;
    const Json* rule = own ? own : others;
    if (rule == nullptr || *rule == Json(true)) continue;
    if (*rule == Json(false)) return "unknown member " + member.key;
    if (std::string mistake = schema_mistake(member.value, *rule, root); !mistake.empty())
      return member.key + ": " + mistake;
  }
  return "";
}

std::string keyword_mistake(const Json& value, const std::string& keyword, const Json& rule, const Json& root) {
  const auto fits_one = [&](const Json& choice) { return fits(value, choice, root); };
  if (keyword == "$ref") return schema_mistake(value, referred(rule.as_string(), root), root);
  if (keyword == "type")
    return has_type(value, rule.as_string()) ? "" : value.describe() + " is no " + rule.as_string();
  if (keyword == "const") return value == rule ? "" : value.describe() + " is not " + rule.describe();
  if (keyword == "enum")
    return std::ranges::find(rule.items(), value) != rule.items().end() ? "" : value.describe() + " is no choice";
  if (keyword == "anyOf") return std::ranges::any_of(rule.items(), fits_one) ? "" : value.describe() + " fits nothing";
  if (keyword == "not") return fits(value, rule, root) ? value.describe() + " fits what it must not" : "";
  if (keyword == "pattern") {  // of the form ^TEXT
    const std::string& pattern = rule.as_string();
    check(pattern.starts_with('^'), "schema: unknown pattern ", pattern);
    return !value.is_string() || value.as_string().starts_with(pattern.substr(1)) ? "" : value.describe();
  }
  if (keyword == "items") {
    for (size_t i = 0; value.is_array() && i < value.size(); ++i)
      if (std::string mistake = schema_mistake(value.items()[i], rule, root); !mistake.empty())
        return text(i, ": ", mistake);
    return "";
  }
  if (keyword == "required") {
    for (const Json& name : rule.items())
      if (value.is_object() && !value.find(name.as_string())) return "no member " + name.as_string();
    return "";
  }
  return bounds_mistake(value, keyword, rule);
}

}  // namespace

std::string schema_mistake(const Json& value, const Json& schema, const Json& root) {
  constexpr std::string_view notes[] = {"$schema", "$defs", "title", "description", "default"};
  constexpr std::string_view together[] = {"properties", "additionalProperties"};
  constexpr std::string_view known[] = {"$ref",
                                        "type",
                                        "const",
                                        "enum",
                                        "anyOf",
                                        "not",
                                        "pattern",
                                        "items",
                                        "required",
                                        "minimum",
                                        "maximum",
                                        "minItems",
                                        "maxItems",
                                        "exclusiveMinimum",
                                        "exclusiveMaximum"};
  if (value.is_object())
    if (std::string mistake = members_mistake(value, schema, root); !mistake.empty()) return mistake;
  for (const Member& member : schema.members()) {
    if (std::ranges::find(notes, member.key) != std::end(notes)) continue;
    if (std::ranges::find(together, member.key) != std::end(together)) continue;
    check(std::ranges::find(known, member.key) != std::end(known), "schema: unknown keyword ", member.key);
    if (std::string mistake = keyword_mistake(value, member.key, member.value, root); !mistake.empty()) return mistake;
  }
  return "";
}

}  // namespace tarn
