// Puts the place in a config file in front of errors that arise while something is built from it.
#pragma once

#include <string_view>
#include <utility>

#include "core/config.h"
#include "core/error.h"

namespace tarn {

/// An Error that begins with a place in a file.
class PlacedError : public Error {
 public:
  using Error::Error;
};

/// Runs `f`. An Error that does not yet begin with a place gets the one that `place(message)` says.
template <class F, class Place>
decltype(auto) placed(F&& f, const Place& place) {
  try {
    return std::forward<F>(f)();
  } catch (const PlacedError&) {
    throw;
  } catch (const Error& error) {
    const Where& where = place(error.what());
    if (!where.known()) throw;
    if (std::string_view(error.what()).starts_with(where.source()->name)) throw PlacedError(error.what());
    throw PlacedError(text(where, error.what()));
  }
}
/// At `where`.
template <class F>
decltype(auto) with_place(const Where& where, F&& f) {
  return placed(std::forward<F>(f), [&where](std::string_view) -> const Where& { return where; });
}
/// At the member of `json` that the message begins with, if it does.
template <class F>
decltype(auto) with_place(const Json& json, F&& f) {
  return placed(std::forward<F>(f),
                [&json](std::string_view message) -> const Where& { return place_in(json, message); });
}

/// A registered thing's Config, checked field by field and then as a whole by its `validate()`, if it has one.
template <class Config>
Config read_valid(const Json& json) {
  Config config = read_registered<Config>(json);
  if constexpr (requires { config.validate(); }) with_place(json, [&config] { config.validate(); });
  return config;
}

/// The type that an item of a registry names: a bare word, or the member "type".
inline const std::string& type_of(const Json& json) {
  return json.is_string() ? json.as_string() : json.at("type").as_string();
}

}  // namespace tarn
