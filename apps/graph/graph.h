// What a picture of a graph shows: nodes in nested groups, and the values that go from node to node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tarn {

/// What a node does, which chooses its colour.
enum class GraphKind { conv, norm, activation, pooling, linear, merge, other, block, input, output };

/// The group of what is in none, and the parent of a group that is in none.
constexpr size_t no_group = SIZE_MAX;

/// A box of the picture. All texts are UTF-8 and may hold any character.
struct GraphNode {
  std::string name;                       ///< in bold; may be empty where `type` is not
  std::string type;                       ///< "Conv2d"
  std::vector<std::string> details = {};  ///< the first stands behind the type, others on lines of their own
  std::vector<std::string> tooltip = {};  ///< lines that are shown when the box is pointed at
  GraphKind kind = GraphKind::other;
  size_t group = no_group;
};

/// A rounded box around nodes and other groups.
struct GraphGroup {
  std::string name;
  std::string type = {};
  std::vector<std::string> tooltip = {};
  size_t parent = no_group;  ///< an earlier group
};

/// One reading of a value: output number `output` of node `from`, by node `to`. Several edges may have the same ends.
struct GraphEdge {
  size_t from = 0;
  size_t to = 0;
  size_t output = 0;
  std::string label = {};  ///< stands once at the value's start: that of its first edge
};

/// Edges must not form a circle, neither between nodes nor between groups and what stands beside them: what leaves a
/// group does not come back into it.
struct Graph {
  std::string title;
  std::vector<std::string> notes = {};  ///< lines below the title
  std::vector<GraphNode> nodes = {};
  std::vector<GraphGroup> groups = {};
  std::vector<GraphEdge> edges = {};
};

}  // namespace tarn
