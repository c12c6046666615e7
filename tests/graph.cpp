// Tests of the layout of graphs: what has to hold for every picture.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/graph/layout.h"
#include "apps/graph/level.h"
#include "apps/graph/svg.h"
#include "tests/support/errors.h"
#include "tests/support/graph_cases.h"

namespace tarn::test_graph {
namespace {

using test::message_of;

constexpr double slack = 0.01;

bool apart(const GraphBox& a, const GraphBox& b) {
  return a.x + a.width <= b.x + slack || b.x + b.width <= a.x + slack || a.y + a.height <= b.y + slack ||
         b.y + b.height <= a.y + slack;
}

bool holds(const GraphBox& outer, const GraphBox& inner) {
  return inner.x >= outer.x - slack && inner.y >= outer.y - slack &&
         inner.x + inner.width <= outer.x + outer.width + slack &&
         inner.y + inner.height <= outer.y + outer.height + slack;
}

bool is_in(const Graph& graph, size_t group, size_t ancestor) {
  for (; group != no_group; group = graph.groups[group].parent)
    if (group == ancestor) return true;
  return false;
}

/// Node boxes are apart, groups hold their own and nothing else, everything is in the picture.
void check_boxes(const Graph& graph, const GraphLayout& layout) {
  const GraphBox page{0, 0, layout.width, layout.height};
  for (size_t a = 0; a < graph.nodes.size(); ++a) {
    CHECK(holds(page, layout.nodes[a]));
    for (size_t b = 0; b < a; ++b) CHECK(apart(layout.nodes[a], layout.nodes[b]));
  }
  for (size_t g = 0; g < graph.groups.size(); ++g) {
    const GraphBox& box = layout.groups[g];
    CHECK(holds(page, box));
    for (size_t n = 0; n < graph.nodes.size(); ++n)
      CHECK((is_in(graph, graph.nodes[n].group, g) ? holds(box, layout.nodes[n]) : apart(box, layout.nodes[n])));
    for (size_t h = 0; h < g; ++h)  // later groups are never around earlier ones
      CHECK((is_in(graph, g, h) ? holds(layout.groups[h], box) : apart(layout.groups[h], box)));
  }
}

GraphBox rectangle(const GraphPoint& a, const GraphPoint& b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::abs(a.x - b.x), std::abs(a.y - b.y)};
}

/// Lines pass through no box of a node, and through no border of a group but where they enter or leave it.
void check_lines(const Graph& graph, const GraphLayout& layout) {
  for (const GraphLine& line : layout.lines)
    for (const GraphPiece& piece : line.pieces)
      for (size_t k = 0; k + 1 < piece.size(); ++k) {
        const GraphBox box = rectangle(piece[k], piece[k + 1]);
        for (size_t n = 0; n < graph.nodes.size(); ++n) CHECK(apart(box, layout.nodes[n]));
        for (const GraphBox& group : layout.groups) CHECK((apart(box, group) || holds(group, box)));
      }
}

std::pair<long, long> rounded(const GraphPoint& p) {
  return {std::lround(p.x * 10), std::lround(p.y * 10)};
}

/// Points of a value's lines that can be reached from the middle of its node's side.
std::set<std::pair<long, long>> reached(const GraphLayout& layout, const GraphEdge& edge) {
  const GraphBox& from = layout.nodes[edge.from];
  const bool down = layout.direction == GraphDirection::down;
  std::set<std::pair<long, long>> points;
  for (bool more = true; more;) {
    more = false;
    for (const GraphLine& line : layout.lines) {
      if (line.from != edge.from || line.output != edge.output) continue;
      for (const GraphPiece& piece : line.pieces) {
        const bool starts = down ? std::abs(piece[0].y - from.y - from.height) < slack && piece[0].x >= from.x &&
                                       piece[0].x <= from.x + from.width
                                 : std::abs(piece[0].x - from.x - from.width) < slack && piece[0].y >= from.y &&
                                       piece[0].y <= from.y + from.height;
        if (!starts && !points.contains(rounded(piece[0]))) continue;
        for (const GraphPoint& p : piece) more |= points.insert(rounded(p)).second;
      }
    }
  }
  return points;
}

/// Each edge goes forwards, and its value's lines lead from one end to a tip at the other.
void check_edges(const Graph& graph, const GraphLayout& layout) {
  size_t tips = 0;
  for (const GraphLine& line : layout.lines) tips += line.tips.size();
  CHECK(tips == graph.edges.size());
  const bool down = layout.direction == GraphDirection::down;
  for (const GraphEdge& edge : graph.edges) {
    const GraphBox& from = layout.nodes[edge.from];
    const GraphBox& to = layout.nodes[edge.to];
    CHECK((down ? from.y + from.height < to.y : from.x + from.width < to.x));
    const auto points = reached(layout, edge);
    bool arrives = false;
    for (const GraphLine& line : layout.lines)
      for (const GraphPoint& tip : line.tips) {
        const bool at_box = down ? std::abs(tip.y - to.y) < slack && tip.x > to.x && tip.x < to.x + to.width
                                 : std::abs(tip.x - to.x) < slack && tip.y > to.y && tip.y < to.y + to.height;
        arrives |= at_box && line.from == edge.from && line.output == edge.output && points.contains(rounded(tip));
      }
    CHECK(arrives);
  }
}

void check_layout(const Graph& graph, GraphDirection direction) {
  const GraphLayout layout = lay_out(graph, direction);
  check_boxes(graph, layout);
  check_lines(graph, layout);
  check_edges(graph, layout);
}

double middle(const GraphBox& box) {
  return box.x + box.width / 2;
}

size_t pieces(const GraphLayout& layout) {
  size_t n = 0;
  for (const GraphLine& line : layout.lines) n += line.pieces.size();
  return n;
}

TEST_CASE("random graphs with nested groups are laid out without overlaps, forwards, with all edges") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const size_t nodes = 1 + seed * 7 % 41;
    const Graph graph = test::random_graph(seed, nodes, nodes * (1 + seed % 3));
    check_layout(graph, seed % 2 == 0 ? GraphDirection::down : GraphDirection::right);
  }
}

TEST_CASE("the shapes of networks are laid out in both directions") {
  for (const GraphDirection direction : {GraphDirection::down, GraphDirection::right}) {
    check_layout(test::exchanges(2, 4), direction);
    check_layout(test::chain(30), direction);
    Graph dense = test::chain(1);
    for (size_t i = 1; i < 9; ++i) {
      std::vector<size_t> all;
      for (size_t j = 0; j < i; ++j) all.push_back(j);
      test::add_node(dense, no_group, all);
    }
    check_layout(dense, direction);
  }
}

TEST_CASE("single nodes, pieces that are not connected, and empty groups are laid out") {
  check_layout(test::chain(1), GraphDirection::down);
  Graph apart_graph;
  for (int i = 0; i < 5; ++i) test::add_node(apart_graph);
  test::add_node(apart_graph, no_group, {2});
  apart_graph.groups.push_back({"empty"});
  apart_graph.groups.push_back({"in it", "", {}, 0});
  check_layout(apart_graph, GraphDirection::down);
}

TEST_CASE("edges with the same ends have tips of their own") {
  Graph graph = test::chain(1);
  graph.groups.push_back({"group"});
  const size_t inside = test::add_node(graph, 0, {0, 0});
  test::add_node(graph, no_group, {inside, inside, inside});
  check_layout(graph, GraphDirection::down);
  const GraphLayout layout = lay_out(graph);
  std::set<std::pair<long, long>> tips;
  for (const GraphLine& line : layout.lines)
    for (const GraphPoint& tip : line.tips) tips.insert(rounded(tip));
  CHECK(tips.size() == 5);
}

TEST_CASE("the same graph gives the same bytes") {
  const Graph graph = test::random_graph(5, 120, 300);
  CHECK(graph_svg(graph, lay_out(graph)) == graph_svg(graph, lay_out(graph)));
}

TEST_CASE("a chain with shortcuts is one straight line, and so are the columns of modules that exchange values") {
  Graph graph = test::chain(1);
  for (size_t i = 1; i < 40; ++i)  // every second node also reads what is four before it
    test::add_node(graph, no_group,
                   i % 2 == 0 && i > 4 ? std::vector<size_t>{i - 1, i - 4} : std::vector<size_t>{i - 1});
  const GraphLayout layout = lay_out(graph);
  for (const GraphBox& box : layout.nodes) CHECK(std::abs(middle(box) - middle(layout.nodes[0])) < 1);

  constexpr size_t columns = 4;
  const Graph modules = test::exchanges(3, columns);
  const GraphLayout placed = lay_out(modules);
  const size_t per_module = columns + columns * columns;  // branches, joints between different columns, sums
  for (size_t m = 0; m < 3; ++m)
    for (size_t i = 0; i < columns; ++i) {
      const size_t branch = columns + m * per_module + i;
      const size_t sum = columns + m * per_module + columns + (i + 1) * columns - 1;
      CHECK(std::abs(middle(placed.nodes[branch]) - middle(placed.nodes[columns + i])) < 1);
      CHECK(std::abs(middle(placed.nodes[sum]) - middle(placed.nodes[branch])) < 1);
    }
}

TEST_CASE("work grows with the graph: a chain of 5,000 has as many pieces of lines, and local edges few bends") {
  const GraphLayout layout = lay_out(test::chain(5000));
  CHECK(pieces(layout) == 4999);
  for (const GraphBox& box : layout.nodes) CHECK(std::abs(middle(box) - middle(layout.nodes[0])) < 1);
  Graph local = test::chain(3);
  for (size_t i = 3; i < 5000; ++i) test::add_node(local, no_group, {i - 1, i - 3});
  CHECK(pieces(lay_out(local)) < 5 * 5000);
  Graph wide = test::chain(1);
  std::vector<size_t> all;
  for (size_t i = 0; i < 3000; ++i) all.push_back(test::add_node(wide, no_group, {0}));
  test::add_node(wide, no_group, all);
  CHECK(pieces(lay_out(wide)) == 6000);
}

TEST_CASE("crossings are counted as a loop over all pairs counts them, and rows are ordered so that they get fewer") {
  size_t before = 0;
  size_t after = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<GraphValue> values;
    const Graph graph = test::random_graph(seed, 40, 80);
    Level level = split_into_levels(graph, values).back();
    size_t bends = 0;
    assign_rows(level, bends, graph);
    std::vector<size_t> place(level.items.size());
    const auto naive = [&] {
      for (const auto& row : level.rows)
        for (size_t i = 0; i < row.size(); ++i) place[row[i]] = i;
      size_t n = 0;
      for (const LevelEdge& a : level.edges)
        for (const LevelEdge& b : level.edges)
          n += level.items[a.from].row == level.items[b.from].row && place[a.from] < place[b.from] &&
               place[a.to] > place[b.to];
      return n;
    };
    const size_t first = naive();
    CHECK(count_crossings(level) == first);
    order_rows(level);
    CHECK(count_crossings(level) == naive());
    CHECK(naive() <= first);
    before += first;
    after += naive();
  }
  CHECK(after < before / 2);
}

TEST_CASE("a tree and a ladder are drawn without crossings") {
  for (const bool ladder : {false, true}) {
    Graph graph = test::chain(1);
    for (size_t i = 1; i < 31; ++i) {
      if (!ladder) test::add_node(graph, no_group, {(i - 1) / 2});
      if (ladder)
        test::add_node(graph, no_group, i % 2 == 1 ? std::vector<size_t>{i - 1} : std::vector<size_t>{i - 1, i - 2});
    }
    std::vector<GraphValue> values;
    Level level = split_into_levels(graph, values).back();
    size_t bends = 0;
    assign_rows(level, bends, graph);
    for (auto& row : level.rows) std::reverse(row.begin() + static_cast<ptrdiff_t>(row.size() / 2), row.end());
    order_rows(level);
    CHECK(count_crossings(level) == 0);
  }
}

TEST_CASE("graphs that cannot be drawn are refused in words that say why") {
  CHECK(message_of([] { lay_out({}); }) == "graph: there is no node");

  Graph circle = test::chain(4);
  circle.edges.push_back({3, 1});
  CHECK(message_of([&] {
          lay_out(circle);
        }).starts_with("graph: edges form a circle through or behind 'n1', 'n2', 'n3'"));

  Graph back = test::chain(3);  // the group holds the first and the last
  back.groups.push_back({"split"});
  back.nodes[0].group = back.nodes[2].group = 0;
  CHECK(message_of([&] { lay_out(back); }).find("what leaves a group must not come back") != std::string::npos);

  Graph wrong = test::chain(2);
  wrong.edges.push_back({0, 7});
  CHECK(message_of([&] { lay_out(wrong); }) == "graph: an edge from node 0 to 7, but there are 2");
  Graph self = test::chain(2);
  self.edges.push_back({1, 1});
  CHECK(message_of([&] { lay_out(self); }) == "graph: node 'n1' reads itself");
  Graph lost = test::chain(2);
  lost.nodes[1].group = 3;
  CHECK(message_of([&] { lay_out(lost); }) == "graph: node 'n1' is in no known group");
  Graph upside_down = test::chain(1);
  upside_down.groups.push_back({"inner", "", {}, 0});
  CHECK(message_of([&] { lay_out(upside_down); }) == "graph: the parent of group 'inner' is no earlier group");
  Graph deep = test::chain(1);
  for (size_t g = 0; g < 100; ++g) deep.groups.push_back({"g", "", {}, g > 0 ? g - 1 : no_group});
  CHECK(message_of([&] { lay_out(deep); }) ==
        "graph: group 'g' is in more than 64 others; collapse blocks with --depth");
}

TEST_CASE("graphs that are too large for a picture are refused with a hint") {
  Graph large;
  large.nodes.resize(most_graph_nodes + 1);
  CHECK(message_of([&] { lay_out(large); }).find("20001 nodes are more than 20000") != std::string::npos);
  CHECK(message_of([&] { lay_out(large); }).find("--depth") != std::string::npos);
  Graph dense = test::chain(800);  // every value is read at the end
  for (size_t i = 0; i + 1 < 799; ++i) dense.edges.push_back({i, 799});
  CHECK(message_of([&] { lay_out(dense); }).find("--depth") != std::string::npos);
}

}  // namespace
}  // namespace tarn::test_graph
