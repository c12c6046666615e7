// One level of a graph's layout: what stands directly in a group, in rows, with the lines between. For the layout only.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "apps/graph/graph.h"

namespace tarn {

/// Something in a row. `across` runs along the row, `along` with the edges, from row to row.
struct LevelItem {
  enum class Role { node, group, entry, exit, bend };  ///< entry and exit: where a value crosses the group's border
  Role role = Role::node;
  size_t index = 0;  ///< of the node or group; of the value otherwise
  double breadth = 0, length = 0;
  size_t row = 0;
  double across = 0, along = 0;

  bool is_box() const { return role == Role::node || role == Role::group; }
};

/// From one item to a later one. After `assign_rows`: to one in the next row.
struct LevelEdge {
  size_t from = 0, to = 0;
  size_t value = 0;
  double from_at = 0, to_at = 0;  ///< where it touches them, counted from their lesser side
};

struct Level {
  std::vector<LevelItem> items = {};
  std::vector<LevelEdge> edges = {};
  std::vector<std::vector<size_t>> rows = {};  ///< items, by place; entries alone stand in the first, exits in the last
  std::vector<std::vector<size_t>> above = {}, below = {};  ///< by item: edges that end in it, and that start there
  std::map<size_t, size_t> ports = {};                      ///< by value: the entry or exit
  size_t member = SIZE_MAX;                                 ///< the item of the parent's level that this one is
  double breadth = 0, length = 0;
  std::vector<double> starts = {}, ends = {};  ///< of the rows, along the edges
};

/// A value: output `second` of node `first`.
using GraphValue = std::pair<size_t, size_t>;

/// The levels of a graph: one for each group, in order, and that of everything last. `values` gets the values that are
/// read, which edges count by. Throws where edges or groups name what does not exist, or are nested too deep.
std::vector<Level> split_into_levels(const Graph& graph, std::vector<GraphValue>& values);

/// Gives every item a row, so that edges go to later rows and are short, and lays long ones over bends, one chain for
/// each value. Adds the number of bends to `bends`; throws where they get too many, or edges form a circle.
void assign_rows(Level& level, size_t& bends, const Graph& graph);

/// Orders the rows so that few edges cross. Deterministic, in bounded time.
void order_rows(Level& level);

/// Number of crossings between edges of neighbouring rows.
size_t count_crossings(const Level& level);

/// Spreads the ends of edges over the sides of nodes, in the order of where they come from.
void spread_ends(Level& level);

/// Chooses `across` for all items: rows keep their order and gaps, and long edges and chains are straight where they
/// can be.
void place_across(Level& level);

}  // namespace tarn
