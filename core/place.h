// Puts the place in a config file in front of errors that arise while something is built from it.
#pragma once

#include <string_view>
#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace tarn {

/// Runs `f`. An Error that does not yet begin with a place in the file gets that of `where`.
template <class F>
decltype(auto) with_place(const Where& where, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const Error& error) {
    if (!where.known() || std::string_view(error.what()).starts_with(where.source()->name)) throw;
    fail(where, error.what());
  }
}

/// A registered thing's Config, checked field by field and then as a whole by its `validate()`, if it has one.
template <class Config>
Config read_valid(const Json& json) {
  Config config = read_registered<Config>(json);
  if constexpr (requires { config.validate(); }) with_place(json.where(), [&config] { config.validate(); });
  return config;
}

/// The type that an item of a registry names: a bare word, or the member "type".
inline const std::string& type_of(const Json& json) {
  return json.is_string() ? json.as_string() : json.at("type").as_string();
}

}  // namespace tarn
