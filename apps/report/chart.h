// Line charts as SVG text.
#pragma once

#include <string>
#include <vector>

namespace tarn {

/// One curve; values that are not finite leave a gap.
struct Line {
  std::string name;
  std::string colour;  ///< a CSS colour
  std::vector<double> values;
};

/// A chart of curves over epochs 1, 2, …, with axes, grid and a legend. Each point tells its value when pointed at.
std::string line_chart(const std::string& title, const std::vector<Line>& curves);

/// Text with &, <, > and quotes made safe for HTML.
std::string escaped(const std::string& text);

}  // namespace tarn
