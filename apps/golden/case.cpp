// Reading a reference case: attributes by type, tensors by name, and made-up tensors for cases that must be refused.
#include "apps/golden/case.h"

#include <limits>

#include "core/error.h"

namespace tarn::golden {
namespace {

Dtype dtype_named(const Json& name) {
  const std::string& text = name.as_string();
  if (text == "f32") return Dtype::f32;
  if (text == "f64") return Dtype::f64;
  if (text == "i64") return Dtype::i64;
  throw BadFile(name.where().prefix() + "unknown dtype " + name.describe());
}

/// "weight" of "conv2d_001/weight".
std::string role_of(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

/// A tensor for a case that must be refused: the given values, or any.
Tensor made_up(const Json& specification) {
  std::vector<int64_t> sizes;
  for (const Json& size : specification.at("shape").items()) sizes.push_back(size.as_integer());
  const Shape shape{std::span<const int64_t>(sizes)};
  const Dtype dtype = dtype_named(specification.at("dtype"));
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = dtype == Dtype::i64 ? 0 : 0.1 * static_cast<double>(i % 7 + 1);
  if (const Json* given = specification.find("values"); given && !given->is_null()) {
    if (given->size() != values.size())
      throw BadFile(given->where().prefix() + "as many values as the shape has elements were expected");
    for (size_t i = 0; i < values.size(); ++i) values[i] = read_number(given->items()[i]);
  }
  return dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    return Tensor(shape, std::vector<T>(values.begin(), values.end()));
  });
}

}  // namespace

double read_number(const Json& value) {
  if (!value.is_string()) return value.as_number();
  const std::string& text = value.as_string();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return value.as_number();  // throws what was expected
}

bool Attributes::given(std::string_view name) const {
  const Json* found = object_->find(name);
  return found && !found->is_null();
}

const Json& Attributes::value(std::string_view name) const {
  const Json* found = object_->find(name);
  if (!found) throw BadFile(object_->where().prefix() + "the attribute '" + std::string(name) + "' is missing");
  return *found;
}

int64_t Attributes::integer(std::string_view name) const {
  return value(name).as_integer();
}

double Attributes::number(std::string_view name) const {
  return read_number(value(name));
}

bool Attributes::flag(std::string_view name, bool fallback) const {
  return given(name) ? value(name).as_boolean() : fallback;
}

std::string Attributes::text(std::string_view name) const {
  return value(name).as_string();
}

std::vector<int64_t> Attributes::integers(std::string_view name) const {
  std::vector<int64_t> numbers;
  if (!given(name)) return numbers;
  const Json& list = value(name);
  if (!list.is_array()) return {list.as_integer()};
  for (const Json& item : list.items()) numbers.push_back(item.as_integer());
  return numbers;
}

std::optional<int64_t> Attributes::maybe_integer(std::string_view name) const {
  if (!given(name)) return std::nullopt;
  return integer(name);
}

std::optional<double> Attributes::maybe_number(std::string_view name) const {
  if (!given(name)) return std::nullopt;
  return number(name);
}

Case::Case(const Group& group, const Json& json)
    : group_(&group),
      json_(&json),
      name_(json.at("name").as_string()),
      op_(json.at("op").as_string()),
      dtype_(dtype_named(json.at("dtype"))),
      attributes_(json.at("attrs")) {
  for (Role& role : roles("inputs", "grad_inputs")) inputs_.push_back(std::move(role.tensor));
  if (const Json* params = json.find("params"); params && params->size() && !json.find("state"))
    params_ = roles("params", "grad_params");
  buffers_ = roles("buffers", "");
}

std::vector<Role> Case::roles(std::string_view member, std::string_view gradients) const {
  std::vector<Role> found;
  const Json* list = json_->find(member);
  if (!list || list->is_null()) return found;
  const Json* expected = json_->find(gradients);
  for (const Json& item : list->items()) {
    if (item.is_object()) {
      found.push_back({item.at("role").as_string(), made_up(item)});
      continue;
    }
    Tensor value = group_->tensor(item);
    const size_t i = found.size();
    const bool leaf = expected && expected->is_array() && i < expected->size() && !expected->items()[i].is_null();
    if (leaf && value.floating()) value = value.requires_grad();
    found.push_back({role_of(item.as_string()), std::move(value)});
  }
  return found;
}

const Tensor& Case::input(size_t i) const {
  if (i >= inputs_.size()) throw BadFile(json_->where().prefix("inputs") + "more inputs were expected");
  return inputs_[i];
}

Tensor Case::param(std::string_view role) const {
  for (const std::vector<Role>* list : {&params_, &buffers_})
    for (const Role& part : *list)
      if (part.name == role) return part.tensor;
  return {};
}

void Case::set_buffer(std::string_view role, Tensor value) {
  for (Role& buffer : buffers_)
    if (buffer.name == role) buffer.tensor = std::move(value);
}

Tensor Case::tensor(std::string_view member) const {
  const Json* name = json_->find(member);
  return name ? group_->tensor(*name) : Tensor();
}

Tensors Case::tensors(std::string_view member) const {
  Tensors list;
  const Json* names = json_->find(member);
  if (!names || names->is_null()) return list;
  for (const Json& name : names->items()) list.push_back(group_->tensor(name));
  return list;
}

Tolerance Case::tolerance() const {
  Tolerance t;
  if (const Json* given = json().find("tolerance")) {
    t.rtol = read_number(given->at("rtol"));
    t.atol = read_number(given->at("atol"));
  }
  return t;
}

}  // namespace tarn::golden
