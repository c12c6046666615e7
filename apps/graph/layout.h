// Where everything in the picture of a graph stands.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "apps/graph/graph.h"

namespace tarn {

struct GraphPoint {
  double x = 0, y = 0;
};

struct GraphBox {
  double x = 0, y = 0, width = 0, height = 0;
};

/// A stretch of a line: straight from the first point to the second and from the third to the fourth, and between these
/// a curve that leaves and arrives in the direction of the graph, so that it stays in the rectangle of its ends.
using GraphPiece = std::array<GraphPoint, 4>;

/// All lines of one value inside one group.
struct GraphLine {
  size_t from = 0, output = 0;  ///< whose value it is
  std::vector<GraphPiece> pieces = {};
  std::vector<GraphPoint> tips = {};  ///< where it enters nodes
};

struct GraphLabel {
  GraphPoint at;  ///< where its value leaves a node
  std::string text;
};

enum class GraphDirection { down, right };

struct GraphLayout {
  GraphDirection direction = GraphDirection::down;
  double width = 0, height = 0;
  std::vector<GraphBox> nodes = {};     ///< in the graph's order
  std::vector<GraphBox> groups = {};    ///< in the graph's order; each holds its members, and nothing else
  std::vector<double> title_room = {};  ///< by group: pixels from its left border to the first line through its title
  std::vector<GraphLine> lines = {};
  std::vector<GraphLabel> labels = {};
};

/// Nodes that a picture may have.
constexpr size_t most_graph_nodes = 20'000;

/// Lays the graph out in rows, each group by itself first, then as one box among those beside it (Sugiyama, Tagawa and
/// Toda 1981, with straight chains). The same graph gives the same layout. Throws an Error where the graph has no node
/// or more than `most_graph_nodes`, where edges form a circle (see Graph), or where long edges pass too many rows.
GraphLayout lay_out(const Graph& graph, GraphDirection direction = GraphDirection::down);

}  // namespace tarn
