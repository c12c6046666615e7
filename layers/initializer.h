// Initial values by name, as a config's "init" chooses them: the registry over PyTorch's initialisers.
#pragma once

#include <string>
#include <string_view>

#include "layers/module.h"

namespace tarn {

/// A row of the registry of initialisers.
struct InitializerInfo {
  static constexpr const char* kind = "initializer";
  std::string name, doc;
  ConfigInfo config;
  std::function<Initial(const Json& config)> make;
};

InitializerInfo& add_initializer_row(InitializerInfo row);

/// Registers initialiser C: a struct with `void fields(Fields& f)` and
/// `Tensor operator()(const Shape&, const Stream&, Dtype) const`.
template <class C>
InitializerInfo& add_initializer(std::string name, std::string doc) {
  InitializerInfo row{std::move(name), std::move(doc), config_info<C>(), nullptr};
  row.make = [](const Json& json) -> Initial { return read_registered<C>(json); };
  return add_initializer_row(std::move(row));
}

/// The initialiser that `json` describes: an object with "type", or just the name. Throws located errors.
Initial make_initializer(const Json& json);

}  // namespace tarn
