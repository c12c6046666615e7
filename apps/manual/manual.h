// The pages of the manual about poolings, from the layer registry and from running each layer.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/manual/example.h"
#include "apps/manual/results.h"
#include "layers/module.h"

namespace tarn {

/// The layers that differ in their number of dimensions only; they share a page.
struct PoolFamily {
  std::string name;  ///< "SoftPool"
  std::vector<const LayerInfo*> rows;
  PoolExample example;

  /// The row that the page shows: of two dimensions where there is one.
  const LayerInfo& shown() const { return shown_row(rows); }
  static const LayerInfo& shown_row(const std::vector<const LayerInfo*>& rows);
  /// "SoftPool", or the full name where there is but one.
  std::string heading() const { return rows.size() == 1 ? rows[0]->name : name; }
};

/// All poolings of the registry, sorted by name.
std::vector<PoolFamily> pool_families();

/// The page of a family, in the folder of all pages.
std::string family_page(const PoolFamily& family, const std::vector<PoolResults>& results);

/// pooling.md: how to read the pages, all families by group, and the results.
std::string pooling_page(const std::vector<PoolFamily>& families, const std::vector<PoolResults>& results);

/// Files by their path: pooling.md, pooling/NAME.md, pooling/images/….svg. The same bytes each time.
std::map<std::string, std::string> pooling_manual(const std::vector<PoolResults>& results);

/// reference.md: every layer, loss, optimizer, schedule, data set, augmentation and initialiser.
std::string reference_page();

/// Text in which no character means anything to Markdown.
std::string plain_markdown(const std::string& text);

}  // namespace tarn
