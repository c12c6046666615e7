// How messages, manual and schema speak of a field: its type, bounds and choices in words.
#pragma once

#include <span>
#include <string>

#include "core/config.h"

namespace tarn {

/// "an integer", "an integer or a list of 2", "a number or null".
std::string type_words(const Field& field);
/// "[0, 0.95]", "(0, 1]", ">= 1", "< 5"; empty where there are no bounds.
std::string bounds_words(const Rule& rule);
/// "'zeros', 'reflect'".
std::string choices_words(const Rule& rule);
/// "a, b, c"; the end of a long list is left out.
std::string listed(std::span<const std::string> names);

}  // namespace tarn
