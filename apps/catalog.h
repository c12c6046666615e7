// The catalog: everything that a config can name, from all registries, in one form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace tarn {

/// One row of one registry.
struct CatalogEntry {
  std::string kind;  ///< as messages say it: "layer", "data set"
  std::string name, doc;
  std::string formula, source;  ///< empty where the registry has none
  ConfigInfo config;
  Json example;                         ///< how a config may write it: a bare name, or an object with "type"
  std::vector<std::string> lists = {};  ///< fields that hold a list of layers, or a list of such lists
  std::string use = {};                 ///< when to use it, where the registry says so
};

/// One registry.
struct CatalogSection {
  std::string kind;
  std::string title;  ///< "Layers"
  std::string place;  ///< where its names stand in a config: "model"
  std::vector<CatalogEntry> entries;
};

/// All registries, layers first; entries sorted by name.
std::vector<CatalogSection> catalog();

/// JSON on one line with blanks where people put them: { "type": "ReLU", "size": [1, 2] }.
std::string spaced(const Json& value);

/// The example as a line of a config: `"optimizer": { "type": "Adam", "lr": 0.001 }`; a layer is an item of the model.
std::string example_line(const CatalogSection& section, const CatalogEntry& entry);

}  // namespace tarn
