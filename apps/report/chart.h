// Line charts as SVG text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tarn {

/// One curve; values that are not finite leave a gap.
struct Line {
  std::string name;
  std::string colour;  ///< a CSS colour
  std::vector<double> values;
};

/// Curves over epochs 1, 2, …
struct Chart {
  std::string title;
  std::vector<Line> lines;
  bool logarithmic = false;  ///< if all values are positive and the largest is more than 5 times the least
  int64_t mark = 0;          ///< epoch that gets a dashed line; 0: none
  std::string mark_name = {};
};

/// The chart with axes, grid, and a legend where there are several curves. Points tell their values when pointed at; of
/// very long curves every so-manieth is drawn.
std::string svg(const Chart& chart);

/// Text with &, <, > and quotes made safe for HTML.
std::string escaped(const std::string& text);

}  // namespace tarn
