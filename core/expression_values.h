// What the operators and functions of expressions do with known values. For expression.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace tarn {

// All throw an Error that says what was found and what was expected.

/// A boolean; `who` wants one.
bool truth(const Json& value, std::string_view who);
/// Numbers with each other in any way; anything else only for equality, where values of different kinds differ.
Json compare(std::string_view op, const Json& left, const Json& right);
/// + - * / // % ^ of numbers; + of lists puts them together.
Json arithmetic(std::string_view op, const Json& left, const Json& right);
Json item_of(const Json& list, const Json& index);
/// A number as it is written: "3", "0.5", "1e-3".
Json number_from(std::string_view written);
/// Throws, with the nearest, where there is no such function.
void check_function(const std::string& name);
Json call_function(const std::string& name, const std::vector<Json>& arguments);
/// A value for messages: "3", "[1, 2]".
std::string shown(const Json& value);

}  // namespace tarn
