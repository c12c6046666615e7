// Puts levels together, from the innermost groups outwards, and then everything in its place, from the outside in.
#include "apps/graph/layout.h"

#include <algorithm>
#include <cmath>

#include "apps/graph/level.h"
#include "apps/graph/metrics.h"
#include "core/error.h"

namespace tarn {

namespace {

constexpr double picture_margin = 16;    // around the picture
constexpr double group_padding = 12;     // between a group's border and what is in it
constexpr double group_title_room = 22;  // of a group
constexpr double most_widening = 40;     // of a group, to both sides, for its title
constexpr double row_gap = 22;           // between rows where all edges are straight; an arrow and a bit of line
constexpr double port_gap = 12;          // the same between a group's border and the rows in it
constexpr double label_height = 13;      // in a gap

class Arrangement {
 public:
  Arrangement(const Graph& graph, GraphDirection direction)
      : graph_(graph), down_(direction == GraphDirection::down), levels_(split_into_levels(graph, values_)) {
    layout_.direction = direction;
    layout_.nodes.resize(graph.nodes.size());
    layout_.groups.resize(graph.groups.size());
    layout_.title_room.resize(graph.groups.size());
    insets_.resize(levels_.size());
    origins_.resize(levels_.size());
    find_labels();
    find_sizes();
  }

  GraphLayout made() {
    size_t bends = 0;
    for (size_t g = graph_.groups.size(); g-- > 0;) {
      arrange(levels_[g], bends);
      enclose(g);
    }
    arrange(levels_.back(), bends);
    origins_.back() = {picture_margin, picture_margin};
    put(levels_.back(), origins_.back());
    for (size_t g = 0; g < graph_.groups.size(); ++g) put(levels_[g], origins_[g]);
    for (size_t level = levels_.size(); level-- > 0;) draw_lines(levels_[level], origins_[level]);
    const double across = levels_.back().breadth + 2 * picture_margin;
    const double along = levels_.back().length + 2 * picture_margin;
    layout_.width = down_ ? across : along;
    layout_.height = down_ ? along : across;
    return std::move(layout_);
  }

 private:
  /// A point or size in the picture: here x runs across the rows, y along the edges.
  GraphPoint turned(double across, double along) const {
    return down_ ? GraphPoint{across, along} : GraphPoint{along, across};
  }

  void find_labels() {
    labels_.resize(values_.size());
    std::map<GraphValue, size_t> number;
    for (size_t v = 0; v < values_.size(); ++v) number[values_[v]] = v;
    for (auto e = graph_.edges.rbegin(); e != graph_.edges.rend(); ++e)
      labels_[number[{e->from, e->output}]] = e->label;
  }

  void find_sizes() {
    std::vector<size_t> inputs(graph_.nodes.size());
    for (const GraphEdge& e : graph_.edges) ++inputs[e.to];
    std::vector<double> label(graph_.nodes.size());
    for (size_t v = 0; v < values_.size(); ++v)
      label[values_[v].first] = std::max(label[values_[v].first], text_width(labels_[v], graph_text_size));
    for (Level& level : levels_)
      for (LevelItem& item : level.items) {
        if (item.role != LevelItem::Role::node) continue;
        const GraphSize size = node_size(graph_.nodes[item.index], inputs[item.index], down_ ? label[item.index] : 0);
        item.breadth = down_ ? size.width : size.height;
        item.length = down_ ? size.height : size.width;
      }
  }

  void arrange(Level& level, size_t& bends) {
    assign_rows(level, bends, graph_);
    for (LevelEdge& e : level.edges) {
      e.from_at = port_of(level.items[e.from], e.value);
      e.to_at = port_of(level.items[e.to], e.value);
    }
    order_rows(level);
    spread_ends(level);
    place_across(level);
    place_along(level);
  }

  /// Where a value's line touches an item: groups have been laid out before.
  double port_of(const LevelItem& item, size_t value) const {
    if (item.role != LevelItem::Role::group) return item.breadth / 2;
    const Level& inner = levels_[item.index];
    return insets_[item.index].x + inner.items[inner.ports.at(value)].across;
  }

  /// Room after a row: more where labels stand, and where edges go far across.
  double gap_after(const Level& level, size_t row) const {
    const auto& next = level.rows[row + 1];
    if (level.rows[row].empty() || next.empty()) return 0;
    const bool boxes = level.items[next.front()].role != LevelItem::Role::exit && row > 0;
    double furthest = 0;
    double sloped = 0;
    double label = 0;
    for (const size_t item : level.rows[row])
      for (const size_t e : level.below[item]) {
        const LevelEdge& edge = level.edges[e];
        const double over = level.items[edge.to].across + edge.to_at - level.items[item].across - edge.from_at;
        furthest = std::max(furthest, std::abs(over));
        sloped += std::abs(over) > 1 ? 1 : 0;
        if (level.items[item].role != LevelItem::Role::node || labels_[edge.value].empty()) continue;
        label = std::max(label, down_ ? label_height : text_width(labels_[edge.value], graph_text_size) + 4);
      }
    const double slope = furthest > 1 ? std::min(90.0, 8 + 0.08 * furthest + 2.5 * std::min(sloped, 12.0)) : 0;
    return (boxes ? row_gap : port_gap) + label + slope;
  }

  void place_along(Level& level) {
    double along = 0;
    for (size_t r = 0; r < level.rows.size(); ++r) {
      double length = 0;
      for (const size_t i : level.rows[r]) length = std::max(length, level.items[i].length);
      for (const size_t i : level.rows[r]) level.items[i].along = along + (length - level.items[i].length) / 2;
      level.starts.push_back(along);
      level.ends.push_back(along + length);
      along += length;
      if (r + 1 < level.rows.size()) along += gap_after(level, r);
    }
    level.length = along;
  }

  /// Gives a group's item in its parent the size of what is in it, a border, and room for a title beside the lines that
  /// enter it.
  void enclose(size_t g) {
    const Level& level = levels_[g];
    Level& parent = graph_.groups[g].parent == no_group ? levels_.back() : levels_[graph_.groups[g].parent];
    LevelItem& item = parent.items[level.member];
    const double title = group_title_width(graph_.groups[g]);
    double first = title;  // line, from the border
    if (down_)
      for (const size_t i : level.rows.front()) first = std::min(first, level.items[i].across + group_padding);
    const double more = std::min(title - first, most_widening);
    const double breadth = level.breadth + 2 * (group_padding + more) + (down_ ? 0 : group_title_room);
    const double length = level.length + (down_ ? group_title_room : 0) + group_padding;
    item.breadth = down_ ? std::max(breadth, title) : breadth;
    item.length = down_ ? length : std::max(length, title);
    insets_[g] = {(item.breadth - breadth) / 2 + group_padding + more + (down_ ? 0 : group_title_room),
                  down_ ? group_title_room : 0};
    double& room = layout_.title_room[g];
    room = down_ ? item.breadth : item.length;
    if (down_)
      for (const size_t i : level.rows.front()) room = std::min(room, level.items[i].across + insets_[g].x);
  }

  void put(const Level& level, GraphPoint origin) {
    for (const LevelItem& item : level.items) {
      if (!item.is_box()) continue;
      const double across = origin.x + item.across;
      const double along = origin.y + item.along;
      const GraphPoint at = turned(across, along);
      const GraphPoint size = turned(item.breadth, item.length);
      const bool group = item.role == LevelItem::Role::group;
      (group ? layout_.groups : layout_.nodes)[item.index] = {at.x, at.y, size.x, size.y};
      if (group) origins_[item.index] = {across + insets_[item.index].x, along + insets_[item.index].y};
    }
  }

  void draw_lines(const Level& level, GraphPoint origin) {
    const size_t number = static_cast<size_t>(&level - levels_.data());
    std::map<size_t, size_t> line_of;  // by value
    for (const LevelEdge& edge : level.edges) {
      const auto [found, added] = line_of.emplace(edge.value, layout_.lines.size());
      if (added) layout_.lines.push_back({values_[edge.value].first, values_[edge.value].second});
      draw(level, edge, origin, number, layout_.lines[found->second]);
      const LevelItem& from = level.items[edge.from];
      if (!added || from.role != LevelItem::Role::node || labels_[edge.value].empty()) continue;
      layout_.labels.push_back(
          {turned(origin.x + from.across + edge.from_at, origin.y + from.along + from.length), labels_[edge.value]});
    }
  }

  void draw(const Level& level, const LevelEdge& edge, GraphPoint origin, size_t number, GraphLine& line) const {
    const LevelItem& from = level.items[edge.from];
    const LevelItem& to = level.items[edge.to];
    const double x = origin.x + from.across + edge.from_at;
    const double to_x = origin.x + to.across + edge.to_at;
    const double gap_start = level.ends[from.row];
    const double gap_end = level.starts[to.row];
    double start = from.along + from.length;
    double end = to.along;
    if (from.role == LevelItem::Role::entry) start = -insets_[number].y;  // the border
    if (from.role == LevelItem::Role::bend) {
      const bool first =
          &level.edges[level.below[edge.from].front()] == &edge;  // the run through the row is drawn once
      start = first ? level.starts[from.row] : gap_start;
    }
    if (to.role == LevelItem::Role::exit) end = border_after(number) - origin.y;
    if (to.role == LevelItem::Role::node) line.tips.push_back(turned(to_x, origin.y + end));
    line.pieces.push_back({turned(x, origin.y + start), turned(x, origin.y + gap_start),
                           turned(to_x, origin.y + gap_end), turned(to_x, origin.y + end)});
  }

  double border_after(size_t group) const {
    const GraphBox& box = layout_.groups[group];
    return down_ ? box.y + box.height : box.x + box.width;
  }

  const Graph& graph_;
  bool down_;
  std::vector<GraphValue> values_ = {};
  std::vector<Level> levels_;
  std::vector<std::string> labels_ = {};  // by value
  std::vector<GraphPoint> insets_ = {};   // by level: from the group's corner to its content
  std::vector<GraphPoint> origins_ = {};  // by level: of its content
  GraphLayout layout_ = {};
};

}  // namespace

GraphLayout lay_out(const Graph& graph, GraphDirection direction) {
  check(!graph.nodes.empty(), "graph: there is no node");
  check(graph.nodes.size() <= most_graph_nodes, "graph: ", graph.nodes.size(), " nodes are more than ",
        most_graph_nodes, ", the most that a picture may have; collapse blocks with --depth");
  return Arrangement(graph, direction).made();
}

}  // namespace tarn
