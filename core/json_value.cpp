// The JSON value: making, reading and changing one.
#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/json.h"

namespace tarn {

namespace {

int64_t fitting(unsigned long long value) {
  check(value <= static_cast<unsigned long long>(std::numeric_limits<int64_t>::max()), value, " does not fit an int64");
  return static_cast<int64_t>(value);
}

}  // namespace

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(bool value) : value_(value) {}
Json::Json(int value) : value_(int64_t{value}) {}
Json::Json(unsigned value) : value_(int64_t{value}) {}
Json::Json(long value) : value_(int64_t{value}) {}
Json::Json(long long value) : value_(int64_t{value}) {}
Json::Json(unsigned long value) : value_(fitting(value)) {}
Json::Json(unsigned long long value) : value_(fitting(value)) {}
Json::Json(double value) : value_(value) {}
Json::Json(const char* value) : value_(std::string(value)) {}
Json::Json(std::string_view value) : value_(std::string(value)) {}
Json::Json(std::string value) : value_(std::move(value)) {}
Json::Json(Array items) : value_(std::move(items)) {}
Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json Json::array() {
  return Json(Array{});
}

Json Json::object() {
  Json out;
  out.value_ = Object{};
  return out;
}

void Json::mismatch(std::string_view wanted) const {
  fail(where_, "expected ", wanted, ", found ", describe());
}

bool Json::as_boolean() const {
  if (kind() != Kind::boolean) mismatch("true or false");
  return std::get<bool>(value_);
}

int64_t Json::as_integer() const {
  if (kind() != Kind::integer) mismatch("an integer");
  return std::get<int64_t>(value_);
}

double Json::as_number() const {
  if (kind() == Kind::integer) return static_cast<double>(std::get<int64_t>(value_));
  if (kind() != Kind::number) mismatch("a number");
  return std::get<double>(value_);
}

const std::string& Json::as_string() const {
  if (kind() != Kind::string) mismatch("a string");
  return std::get<std::string>(value_);
}

const Json::Array& Json::items() const {
  if (kind() != Kind::array) mismatch("a list");
  return std::get<Array>(value_);
}

Json::Array& Json::items() {
  return const_cast<Array&>(std::as_const(*this).items());
}

const Json::Object& Json::members() const {
  if (kind() != Kind::object) mismatch("an object");
  return std::get<Object>(value_);
}

Json::Object& Json::members() {
  return const_cast<Object&>(std::as_const(*this).members());
}

size_t Json::size() const {
  return is_array() ? std::get<Array>(value_).size() : is_object() ? std::get<Object>(value_).size() : 0;
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members()) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Json* Json::find(std::string_view key) {
  return const_cast<Json*>(std::as_const(*this).find(key));
}

const Json& Json::at(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) fail(where_.prefix(key), "must be given");
  return *found;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  if (Json* found = find(key)) {
    *found = std::move(value);
  } else {
    const Where where = value.where();
    members().push_back({std::string(key), where, std::move(value)});
  }
  return *this;
}

bool Json::erase(std::string_view key) {
  return std::erase_if(members(), [&](const Member& member) { return member.key == key; }) > 0;
}

Json& Json::push(Json item) {
  if (is_null()) value_ = Array{};
  items().push_back(std::move(item));
  return *this;
}

std::string Json::describe() const {
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return std::get<bool>(value_) ? "true" : "false";
    case Kind::integer:
    case Kind::number:
      return to_text(*this);
    case Kind::string:
      return quote(std::get<std::string>(value_));
    case Kind::array:
      return text("a list of ", size());
    case Kind::object:
      return "an object";
  }
  return {};
}

bool Json::operator==(const Json& other) const {
  return value_ == other.value_;
}

}  // namespace tarn
