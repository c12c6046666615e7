// One reference case: its attributes, tensors and tolerance, read by name and type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/golden/compare.h"
#include "apps/golden/group.h"
#include "core/json.h"
#include "core/tensor.h"

namespace tarn::golden {

/// Thrown by an adapter for a case that needs something Tarn does not have; `why` names it.
struct Skip {
  std::string why;
};

/// Attributes by name and type. null counts as not given. Where a name is missing and no fallback is given, BadFile is
/// thrown; a value of another kind than asked for throws an Error, as a call in code would not compile.
class Attributes {
 public:
  explicit Attributes(const Json& object) : object_(&object) {}

  bool given(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t fallback) const { return given(name) ? integer(name) : fallback; }
  /// Also reads "inf", "-inf" and "nan".
  double number(std::string_view name) const;
  double number(std::string_view name, double fallback) const { return given(name) ? number(name) : fallback; }
  bool flag(std::string_view name, bool fallback) const;
  std::string text(std::string_view name) const;
  std::string text(std::string_view name, std::string fallback) const {
    return given(name) ? text(name) : std::move(fallback);
  }
  /// One integer or a list of them; nothing for null.
  std::vector<int64_t> integers(std::string_view name) const;
  std::optional<int64_t> maybe_integer(std::string_view name) const;
  std::optional<double> maybe_number(std::string_view name) const;
  const Json& json() const { return *object_; }

 private:
  const Json& value(std::string_view name) const;
  const Json* object_;
};

/// A number, or one of the strings that stand for numbers that JSON lacks.
double read_number(const Json& value);

/// A tensor and its part in the case, such as "weight".
struct Role {
  std::string name;
  Tensor tensor;
};

/// A case ready to be run. Inputs and parameters that have expected gradients are leaves.
class Case {
 public:
  Case(const Group& group, const Json& json);

  const std::string& name() const { return name_; }
  const std::string& op() const { return op_; }
  Dtype dtype() const { return dtype_; }
  const Attributes& attributes() const { return attributes_; }
  const Json& json() const { return *json_; }
  const Group& group() const { return *group_; }

  const Tensors& inputs() const { return inputs_; }
  /// Input `i`; throws BadFile where the case has fewer.
  const Tensor& input(size_t i = 0) const;
  const std::vector<Role>& params() const { return params_; }
  /// The parameter or buffer of that role, undefined where the case has none.
  Tensor param(std::string_view role) const;
  const std::vector<Role>& buffers() const { return buffers_; }
  /// An adapter reports a buffer's value after the call under its role, to be compared with `buffers_after`.
  void set_buffer(std::string_view role, Tensor value);

  /// A tensor of the case by a member that holds its name, undefined where the member is missing or null.
  Tensor tensor(std::string_view member) const;
  /// The same for a member that is a list of names; empty where it is missing.
  Tensors tensors(std::string_view member) const;
  /// How near results must come: none away where the case does not say.
  Tolerance tolerance() const;

 private:
  std::vector<Role> roles(std::string_view member, std::string_view gradients) const;

  const Group* group_;
  const Json* json_;
  std::string name_, op_;
  Dtype dtype_;
  Attributes attributes_;
  Tensors inputs_;
  std::vector<Role> params_, buffers_;
};

}  // namespace tarn::golden
