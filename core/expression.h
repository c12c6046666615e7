// Expressions of configs: strings such as "=max(channels // r, 8)", evaluated with the variables of the place they
// stand at.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace tarn {

/// The names that expressions see. A null value says that there is such a name and that its value is not known yet.
/// Names that somebody chose hide those that are always there, such as the sizes of the input, at any depth.
class Variables {
 public:
  Variables() = default;
  /// Names of its own in front of those `around` it.
  explicit Variables(std::shared_ptr<const Variables> around) : around_(std::move(around)) {}

  Variables& set(std::string name, Json value);
  /// One that is always there.
  Variables& set_given(std::string name, Json value);
  /// Says why one that is often there is not, for whoever asks for it.
  Variables& set_absent(std::string name, std::string why);
  /// The value of a name; nullptr where there is no such name.
  const Json* find(std::string_view name) const;
  /// Why a name that is not there is not; empty where nothing is known of it.
  std::string absence(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  struct Given {
    Json value;
    std::string absence;  // not empty: it is not there
  };
  const Given* find_given(std::string_view name) const;

  std::shared_ptr<const Variables> around_;
  std::map<std::string, Json, std::less<>> own_;
  std::map<std::string, Given, std::less<>> given_;
};

/// Letters, digits and '_', not beginning with a digit, and none of the language's words: what a variable may be
/// called.
bool is_variable_name(std::string_view name);

/// Whether this is a string that begins with "=".
bool is_expression(const Json& value);
/// The same of anything inside lists and objects.
bool has_expression(const Json& value);

/// The value of an expression: a number, a boolean, a list, or a text that a variable holds; null where it depends on a
/// variable whose value is not known. Integers stay integers (`/` gives a number, `//` rounds down), `round` halves to
/// even, both as in Python. Throws a located Error that shows the expression and the values of its variables: unknown
/// names, wrong types, division by zero, overflow, an index beyond the end, lists of more than 10,000 items in all.
Json evaluate(const Json& expression, const Variables& variables);
/// `value` with every expression in it replaced by its value, at whatever depth.
Json substituted(const Json& value, const Variables& variables);
/// A name in which "{i}", or another expression in braces, is replaced by its value, which is an integer or a text; or
/// the value of an expression, "=if(deep, 'a', 'b')". Nothing where that is not known.
std::optional<std::string> filled_name(const Json& name, const Variables& variables);

}  // namespace tarn
