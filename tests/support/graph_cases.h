// Graphs to lay out: random ones with nested groups, and shapes that networks have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/graph/graph.h"

namespace tarn::test {

/// Whole numbers that look random, the same everywhere.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  size_t below(size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state_ >> 33) % n;
  }

 private:
  uint64_t state_;
};

inline size_t add_node(Graph& graph, size_t group = no_group, const std::vector<size_t>& reads = {}) {
  const size_t node = graph.nodes.size();
  GraphNode added{"n" + std::to_string(node), "Type", {}, {}, GraphKind::other, group};
  graph.nodes.push_back(added);
  for (const size_t from : reads) graph.edges.push_back({from, node, 0, from % 3 == 0 ? "8×8" : ""});
  return node;
}

/// `n` nodes after the ones that are there, some of them in groups of their own, and these in groups again.
inline void add_nodes(Graph& graph, Numbers& numbers, size_t n, size_t group, int deepest) {
  while (n > 0) {
    const size_t part = 1 + numbers.below(n);
    if (deepest > 0 && numbers.below(3) > 0) {
      graph.groups.push_back({"g" + std::to_string(graph.groups.size()), "Block", {}, group});
      add_nodes(graph, numbers, part, graph.groups.size() - 1, deepest - 1);
    } else {
      for (size_t i = 0; i < part; ++i) add_node(graph, group);
    }
    n -= part;
  }
}

/// A random graph; groups are runs of nodes, so that nothing leaves one and comes back.
inline Graph random_graph(uint64_t seed, size_t nodes, size_t edges) {
  Numbers numbers(seed);
  Graph graph{"random"};
  add_nodes(graph, numbers, nodes, no_group, 4);
  for (size_t e = 0; nodes > 1 && e < edges; ++e) {
    const size_t to = 1 + numbers.below(nodes - 1);
    const size_t near = 1 + numbers.below(numbers.below(4) > 0 ? std::min<size_t>(to, 4) : to);
    graph.edges.push_back({to - near, to, numbers.below(8) > 0 ? 0u : 1u, numbers.below(2) > 0 ? "" : "64×8×8"});
  }
  return graph;
}

inline Graph chain(size_t n) {
  Graph graph{"chain"};
  for (size_t i = 0; i < n; ++i) add_node(graph, no_group, i > 0 ? std::vector<size_t>{i - 1} : std::vector<size_t>{});
  return graph;
}

/// `modules` groups one after the other, in each of which every one of `columns` values is joined to every other.
inline Graph exchanges(size_t modules, size_t columns) {
  Graph graph{"exchanges"};
  std::vector<size_t> values;
  for (size_t i = 0; i < columns; ++i) values.push_back(add_node(graph));
  for (size_t m = 0; m < modules; ++m) {
    graph.groups.push_back({"module" + std::to_string(m)});
    std::vector<size_t> branches;
    for (const size_t value : values) branches.push_back(add_node(graph, m, {value}));
    for (size_t i = 0; i < columns; ++i) {
      std::vector<size_t> joined;
      for (size_t j = 0; j < columns; ++j) joined.push_back(i == j ? branches[j] : add_node(graph, m, {branches[j]}));
      values[i] = add_node(graph, m, joined);
    }
  }
  for (const size_t value : values) add_node(graph, no_group, {value});
  for (GraphNode& node : graph.nodes) node.name = "same";  // texts of different widths would move columns a little
  for (GraphEdge& edge : graph.edges) edge.label.clear();
  return graph;
}

}  // namespace tarn::test
