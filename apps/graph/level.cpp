// Splitting a graph into levels, with ports where values cross the borders of groups.
#include "apps/graph/level.h"

#include <array>
#include <set>

#include "core/error.h"

namespace tarn {

namespace {

constexpr size_t deepest_group = 64;  // groups in each other

struct Splitter {
  const Graph& graph;
  std::vector<Level> levels = {};
  std::vector<size_t> depth = {};  // of groups; the last, which is that of everything, has 0
  std::vector<size_t> item_of_node = {};
  std::set<std::array<size_t, 4>> seen = {};  // pieces that are there already: level, from, to, value

  size_t level_of(size_t group) const { return group == no_group ? graph.groups.size() : group; }
  size_t parent(size_t level) const { return level_of(graph.groups[level].parent); }

  void make_levels();
  size_t port(size_t level, size_t value, LevelItem::Role role);
  void piece(size_t level, size_t from, size_t to, size_t value, bool once);
  void add(const GraphEdge& edge, size_t value);
};

void Splitter::make_levels() {
  const size_t groups = graph.groups.size();
  levels.resize(groups + 1);
  depth.assign(groups + 1, 0);
  for (size_t g = 0; g < groups; ++g) {
    const GraphGroup& group = graph.groups[g];
    check(group.parent == no_group || group.parent < g, "graph: the parent of group ", quote(group.name),
          " is no earlier group");
    depth[g] = depth[parent(g)] + 1;
    check(depth[g] <= deepest_group, "graph: group ", quote(group.name), " is in more than ", deepest_group,
          " others; collapse blocks with --depth");
  }
  // Nodes and groups in the order in which they first occur, which rows start from.
  const auto join = [this](size_t g) {
    for (; g < graph.groups.size() && levels[g].member == SIZE_MAX; g = parent(g)) {
      std::vector<LevelItem>& items = levels[parent(g)].items;
      levels[g].member = items.size();
      items.push_back({LevelItem::Role::group, g});
    }
  };
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const size_t group = graph.nodes[n].group;
    check(group == no_group || group < groups, "graph: node ", quote(graph.nodes[n].name), " is in no known group");
    join(level_of(group));
    item_of_node.push_back(levels[level_of(group)].items.size());
    levels[level_of(group)].items.push_back({LevelItem::Role::node, n});
  }
  for (size_t g = 0; g < groups; ++g) join(g);  // empty ones
}

/// The item of `level` where the value crosses its border.
size_t Splitter::port(size_t level, size_t value, LevelItem::Role role) {
  const auto [found, added] = levels[level].ports.emplace(value, levels[level].items.size());
  if (added) levels[level].items.push_back({role, value});
  return found->second;
}

void Splitter::piece(size_t level, size_t from, size_t to, size_t value, bool once) {
  if (!once || seen.insert({level, from, to, value}).second) levels[level].edges.push_back({from, to, value});
}

/// An edge goes up from the group of its start to the innermost one that holds both ends, and down to the other.
void Splitter::add(const GraphEdge& edge, size_t value) {
  size_t up = level_of(graph.nodes[edge.from].group);
  size_t down = level_of(graph.nodes[edge.to].group);
  size_t from = item_of_node[edge.from];
  size_t to = item_of_node[edge.to];
  bool to_port = false;
  while (up != down) {
    if (depth[up] >= depth[down]) {
      piece(up, from, port(up, value, LevelItem::Role::exit), value, true);
      from = levels[up].member;
      up = parent(up);
    } else {
      piece(down, port(down, value, LevelItem::Role::entry), to, value, to_port);
      to = levels[down].member;
      to_port = true;
      down = parent(down);
    }
  }
  piece(up, from, to, value, to_port);
}

}  // namespace

std::vector<Level> split_into_levels(const Graph& graph, std::vector<GraphValue>& values) {
  Splitter splitter{graph};
  splitter.make_levels();
  std::map<GraphValue, size_t> numbers;
  for (const GraphEdge& edge : graph.edges) {
    check(edge.from < graph.nodes.size() && edge.to < graph.nodes.size(), "graph: an edge from node ", edge.from,
          " to ", edge.to, ", but there are ", graph.nodes.size());
    check(edge.from != edge.to, "graph: node ", quote(graph.nodes[edge.from].name), " reads itself");
    const auto [found, added] = numbers.emplace(GraphValue{edge.from, edge.output}, values.size());
    if (added) values.push_back(found->first);
    splitter.add(edge, found->second);
  }
  return std::move(splitter.levels);
}

}  // namespace tarn
