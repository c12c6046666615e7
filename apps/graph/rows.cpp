// Rows of a level: longest paths, items with slack drawn towards those they are joined to, bends where edges are long.
#include <algorithm>

#include "apps/graph/level.h"
#include "core/error.h"

namespace tarn {

namespace {

constexpr size_t most_bends = 300'000;
constexpr int most_row_sweeps = 8;

struct Links {
  std::vector<std::vector<size_t>> before, after;  // items, by item

  explicit Links(const Level& level) : before(level.items.size()), after(level.items.size()) {
    for (const LevelEdge& e : level.edges) {
      after[e.from].push_back(e.to);
      before[e.to].push_back(e.from);
    }
  }
};

std::string item_name(const Level& level, size_t i, const Graph& graph) {
  const LevelItem& item = level.items[i];
  const bool group = item.role == LevelItem::Role::group;
  return group ? graph.groups[item.index].name : graph.nodes[item.index].name;
}

/// Items so that edges go to later ones.
std::vector<size_t> sorted_items(const Level& level, const Links& links, const Graph& graph) {
  std::vector<size_t> waits_for(level.items.size());
  std::vector<size_t> order;
  for (size_t i = 0; i < level.items.size(); ++i) {
    waits_for[i] = links.before[i].size();
    if (waits_for[i] == 0) order.push_back(i);
  }
  for (size_t done = 0; done < order.size(); ++done)
    for (const size_t next : links.after[order[done]])
      if (--waits_for[next] == 0) order.push_back(next);
  if (order.size() == level.items.size()) return order;
  std::string names;
  for (size_t i = 0, named = 0; i < level.items.size() && named < 3; ++i)
    if (waits_for[i] > 0 && level.items[i].is_box() && ++named)
      names += (names.empty() ? "" : ", ") + quote(item_name(level, i, graph));
  fail("graph: edges form a circle through or behind ", names, "; what leaves a group must not come back into it");
}

/// A row for each item: entries 0, exits the last, the others between.
struct RowFinder {
  Level& level;
  const Links links;
  std::vector<size_t> order;
  size_t last = 1;

  void find() {
    for (const size_t i : order) {
      LevelItem& item = level.items[i];
      item.row = item.role == LevelItem::Role::entry ? 0 : first_row(i);
      if (item.role != LevelItem::Role::exit) last = std::max(last, item.row + 1);
    }
    for (LevelItem& item : level.items)
      if (item.role == LevelItem::Role::exit) item.row = last;
    bool moved = true;
    for (int sweep = 0; moved && sweep < most_row_sweeps; ++sweep) {
      moved = false;
      for (const size_t i : order) moved |= draw(i);
      std::reverse(order.begin(), order.end());
    }
  }

 private:
  size_t first_row(size_t i) const {
    size_t row = 1;
    for (const size_t b : links.before[i]) row = std::max(row, level.items[b].row + 1);
    return row;
  }
  /// Moves an item to the side where it has more edges, as far as these allow. Edges get shorter.
  bool draw(size_t i) {
    LevelItem& item = level.items[i];
    if (!item.is_box() || links.before[i].size() == links.after[i].size()) return false;
    size_t row = first_row(i);
    if (links.after[i].size() > links.before[i].size()) {
      row = last;
      for (const size_t a : links.after[i]) row = std::min(row, level.items[a].row);
      --row;
    }
    std::swap(row, item.row);
    return row != item.row;
  }
};

/// Lays the edges of one value over bends: one chain down to the furthest reader, from which the others branch.
struct Bender {
  Level& level;
  std::vector<LevelEdge> pieces = {};

  void lay(std::vector<LevelEdge>::iterator first, std::vector<LevelEdge>::iterator end) {
    const auto row_of = [this](size_t i) { return level.items[i].row; };
    std::stable_sort(first, end, [&](const LevelEdge& a, const LevelEdge& b) { return row_of(a.to) < row_of(b.to); });
    size_t at = first->from;
    for (; first != end; ++first) {
      while (row_of(first->to) > row_of(at) + 1) {
        const size_t bend = level.items.size();
        level.items.push_back({LevelItem::Role::bend, first->value, 0, 0, row_of(at) + 1});
        pieces.push_back({at, bend, first->value});
        at = bend;
      }
      pieces.push_back({at, first->to, first->value});
    }
  }
};

}  // namespace

void assign_rows(Level& level, size_t& bends, const Graph& graph) {
  Links links(level);
  std::vector<size_t> order = sorted_items(level, links, graph);
  RowFinder finder{level, std::move(links), std::move(order)};
  finder.find();

  std::vector<LevelEdge>& edges = level.edges;
  std::stable_sort(edges.begin(), edges.end(),
                   [](const LevelEdge& a, const LevelEdge& b) { return a.value < b.value; });
  Bender bender{level};
  for (auto first = edges.begin(); first != edges.end();) {
    const auto end = std::find_if(first, edges.end(), [&](const LevelEdge& e) { return e.value != first->value; });
    size_t lowest = 0;
    for (auto e = first; e != end; ++e) lowest = std::max(lowest, level.items[e->to].row);
    bends += lowest - level.items[first->from].row - 1;
    check(bends <= most_bends, "graph: its long edges pass more than ", most_bends,
          " rows; it is too large for one picture: collapse blocks with --depth");
    bender.lay(first, end);
    first = end;
  }
  edges = std::move(bender.pieces);

  level.rows.assign(finder.last + 1, {});
  for (size_t i = 0; i < level.items.size(); ++i) level.rows[level.items[i].row].push_back(i);
  level.above.assign(level.items.size(), {});
  level.below.assign(level.items.size(), {});
  for (size_t e = 0; e < edges.size(); ++e) {
    level.below[edges[e].from].push_back(e);
    level.above[edges[e].to].push_back(e);
  }
}

}  // namespace tarn
