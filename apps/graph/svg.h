// The picture of a graph as SVG text.
#pragma once

#include <string>
#include <string_view>

#include "apps/graph/graph.h"
#include "apps/graph/layout.h"

namespace tarn {

/// A self-contained picture with a title, a legend of the kinds that occur, tooltips, and colours for light and dark
/// screens. The same graph and layout give the same bytes.
std::string graph_svg(const Graph& graph, const GraphLayout& layout);

/// Text for XML: &, <, > and quotes written as entities; what XML cannot hold (control characters, broken UTF-8) as
/// U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace tarn
