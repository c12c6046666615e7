// Grids of cells as SVG pictures that stand by themselves: on a light card, whatever the page's colours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tarn {

/// One cell of a grid. Texts are ASCII.
struct DrawnCell {
  std::string value = {};  ///< in the middle, or in the upper half where there is a `note`
  std::string note = {};   ///< in the lower half
  double shade = 0;        ///< -1 blue … 0 white … 1 orange
  bool outlined = false;   ///< neighbours that are outlined share one contour
  bool faint = false;
};

/// A matrix of cells, with a title above it.
struct DrawnGrid {
  std::string title;
  int64_t columns = 1;
  std::vector<DrawnCell> cells;  ///< row by row
  bool arrow = false;            ///< an arrow stands before it
};

/// The grids side by side, in several rows where they are many. `label` is read to those who do not see them.
std::string drawing(const std::string& label, const std::vector<DrawnGrid>& grids);

/// The same without any text, as small as a line of a table.
std::string thumbnail(const std::string& label, const std::vector<DrawnGrid>& grids);

}  // namespace tarn
