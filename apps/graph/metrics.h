// How much room texts and boxes of a graph's picture take, for fonts that are not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/graph/graph.h"

namespace tarn {

/// Sizes of letters, in pixels.
constexpr double graph_name_size = 12.5;
constexpr double graph_text_size = 11;
constexpr double graph_title_size = 12;  // of a group
constexpr double graph_line_height = 15;

struct GraphSize {
  double width = 0, height = 0;
};

/// Pixels that a text takes at most in a common sans-serif font: those of DejaVu Sans, which is a wide one.
double text_width(std::string_view text, double size);

/// `text` cut to `most` characters of UTF-8, with an ellipsis where something is missing.
std::string shortened(std::string_view text, size_t most);

/// The lines of a node's box; the first is its name, or its type where it has none.
std::vector<std::string> node_lines(const GraphNode& node);

/// What is written in a group's corner: its name and type, or its name alone where `room` is for no more.
std::string group_title(const GraphGroup& group, double room);
/// Pixels that the shortest title of a group takes.
double group_title_width(const GraphGroup& group);

/// The box of a node that `inputs` edges enter and whose longest label of a value is `label` pixels wide.
GraphSize node_size(const GraphNode& node, size_t inputs, double label);

}  // namespace tarn
