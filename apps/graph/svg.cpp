// Writing a laid out graph as SVG.
#include "apps/graph/svg.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "apps/graph/metrics.h"

namespace tarn {

namespace {

struct KindStyle {
  const char* name;   // the class
  const char* words;  // in the legend
};

// In the order of GraphKind. Colours are tints of Okabe and Ito's palette, which colour-blind people can tell apart;
// the type in each box says the same in words.
constexpr std::array<KindStyle, 10> kind_styles{{{"conv", "convolution"},
                                                 {"norm", "normalization"},
                                                 {"act", "activation"},
                                                 {"pool", "pooling, resizing"},
                                                 {"lin", "linear"},
                                                 {"merge", "merge"},
                                                 {"other", "other"},
                                                 {"block", "block with layers inside"},
                                                 {"in", "input"},
                                                 {"out", "output"}}};

constexpr const char* graph_style = R"css(
.page { fill: #fff }
text { font-family: 'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1c2430 }
.h { font-size: 18px; font-weight: 700 } .s { font-size: 12px; fill: #55606e } .k { font-size: 11px }
.n { font-size: 12.5px; font-weight: 700; text-anchor: middle }
.t { font-size: 11px; text-anchor: middle; fill: #333d4a }
.g rect { fill: #5b6b80; fill-opacity: .07; stroke: #8794a5; stroke-width: 1.2 }
.g text { font-size: 12px; font-weight: 600; fill: #465262 }
.g text, .l text { paint-order: stroke; stroke: #fff; stroke-opacity: .85; stroke-width: 3px; stroke-linejoin: round }
.l text { font-size: 11px; fill: #465262 }
.e { fill: none; stroke: #5a6675; stroke-width: 1.5; stroke-linecap: round } .e .a { fill: #5a6675; stroke: none }
.e:hover { stroke: #c2410c; stroke-width: 3 } .e:hover .a { fill: #c2410c }
.b rect { stroke-width: 1.4 }
.conv rect { fill: #d6eafa; stroke: #0072b2 } .norm rect { fill: #f5e1ee; stroke: #b0568c }
.act rect { fill: #ffe9c2; stroke: #b87900 } .pool rect { fill: #cdeee3; stroke: #00815f }
.lin rect { fill: #fbdcca; stroke: #c04f00 } .merge rect { fill: #f8f3a8; stroke: #8a8000 }
.other rect { fill: #eceff2; stroke: #707c8a } .block rect { fill: #e2e6ec; stroke: #3f4b5a; stroke-width: 2.2 }
.in rect, .out rect { fill: #2d3746; stroke: #2d3746 } .in text, .out text { fill: #fff }
@media (prefers-color-scheme: dark) {
.page { fill: #14181d } text { fill: #eef1f4 } .s, .l text, .g text { fill: #b3bdc9 } .t { fill: #d4dae1 }
.g text, .l text { stroke: #14181d } .g rect { fill: #9fb0c6; stroke: #66758a }
.e { stroke: #97a4b3 } .e .a { fill: #97a4b3 } .e:hover { stroke: #f59e5a } .e:hover .a { fill: #f59e5a }
.conv rect { fill: #123a56; stroke: #56b4e9 } .norm rect { fill: #4a2540; stroke: #dd95bf }
.act rect { fill: #4d3400; stroke: #e69f00 } .pool rect { fill: #0c4234; stroke: #2fc79b }
.lin rect { fill: #562503; stroke: #f08a4b } .merge rect { fill: #45400a; stroke: #e0d53c }
.other rect { fill: #2b323b; stroke: #98a4b2 } .block rect { fill: #343d49; stroke: #c3ccd7 }
.in rect, .out rect { fill: #dfe5ec; stroke: #dfe5ec } .in text, .out text { fill: #14181d } }
)css";

/// A number with at most one decimal, the same on every machine.
std::string tenths(double value) {
  const auto tenths = static_cast<long long>(std::llround(value * 10));
  const long long size = std::abs(tenths);
  return (tenths < 0 ? "-" : "") + std::to_string(size / 10) + (size % 10 ? "." + std::to_string(size % 10) : "");
}

std::string pair(GraphPoint p) {
  return tenths(p.x) + " " + tenths(p.y);
}

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += (all.empty() ? "" : "\n") + line;
  return xml_text(all);
}

std::string tooltip(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : "<title>" + joined_lines(lines) + "</title>";
}

std::string rectangle(const GraphBox& box, double round) {
  return "<rect x='" + tenths(box.x) + "' y='" + tenths(box.y) + "' width='" + tenths(box.width) + "' height='" +
         tenths(box.height) + "' rx='" + tenths(round) + "'/>";
}

std::string text_element(const char* kind, double x, double y, const std::string& what) {
  const std::string type = *kind ? std::string(" class='") + kind + "'" : "";
  return "<text" + type + " x='" + tenths(x) + "' y='" + tenths(y) + "'>" + xml_text(what) + "</text>";
}

std::string node(const GraphNode& n, const GraphBox& box) {
  const std::vector<std::string> lines = node_lines(n);
  const bool end = n.kind == GraphKind::input || n.kind == GraphKind::output;
  std::string out = std::string("<g class='b ") + kind_styles[static_cast<size_t>(n.kind)].name + "'>" +
                    tooltip(n.tooltip) + rectangle(box, end ? box.height / 2 : 5);
  const double x = box.x + box.width / 2;
  double y = box.y + box.height / 2 - graph_line_height * static_cast<double>(lines.size()) / 2 + 11.5;
  for (size_t i = 0; i < lines.size(); ++i, y += graph_line_height)
    out += text_element(i == 0 ? "n" : "t", x, y, lines[i]);
  return out + "</g>\n";
}

std::string group(const GraphGroup& g, const GraphBox& box, double room) {
  return "<g class='g'>" + tooltip(g.tooltip) + rectangle(box, 9) +
         text_element("", box.x + 10, box.y + 15, group_title(g, room)) + "</g>\n";
}

/// Pieces that are joined are one path; a curve leaves and arrives in the graph's direction.
std::string line(const Graph& graph, const GraphLine& l, bool down) {
  std::string d;
  for (const GraphPiece& p : l.pieces) {
    d += "M" + pair(p[0]);
    const bool straight = std::abs(down ? p[1].x - p[2].x : p[1].y - p[2].y) < 0.05;
    if (straight) {
      d += "L" + pair(p[3]);
      continue;
    }
    const GraphPoint middle{(p[1].x + p[2].x) / 2, (p[1].y + p[2].y) / 2};
    const GraphPoint leave = down ? GraphPoint{p[1].x, middle.y} : GraphPoint{middle.x, p[1].y};
    const GraphPoint arrive = down ? GraphPoint{p[2].x, middle.y} : GraphPoint{middle.x, p[2].y};
    d += "L" + pair(p[1]) + "C" + pair(leave) + " " + pair(arrive) + " " + pair(p[2]) + "L" + pair(p[3]);
  }
  std::string tips;
  for (const GraphPoint& tip : l.tips) tips += "M" + pair(tip) + (down ? "l-3.5 -7h7z" : "l-7 -3.5v7z");
  const GraphNode& from = graph.nodes[l.from];
  const std::string name = from.name.empty() ? from.type : from.name;
  return "<g class='e'>" +
         tooltip({"value of " + name + (l.output > 0 ? ", output " + std::to_string(l.output) : "")}) + "<path d='" +
         d + "'/>" + (tips.empty() ? "" : "<path class='a' d='" + tips + "'/>") + "</g>\n";
}

/// The head of the picture: title, summary, and a legend of the kinds that occur, in lines that fit.
struct Head {
  std::string content;
  double width = 0, height = 0;

  Head(const Graph& graph, double room) {
    constexpr double left = 16;
    double y = 8;
    const auto write = [&](const char* kind, const std::string& what, double size, double weight) {
      if (what.empty()) return;
      y += size + 6;
      content += text_element(kind, left, y, what) + "\n";
      width = std::max(width, 2 * left + weight * text_width(what, size));
    };
    write("h", shortened(graph.title, 60), 18, 1.1);
    for (const std::string& note : graph.notes) write("s", shortened(note, 140), 12, 1);
    room = std::max({room, width, 420.0});
    y += 12;
    double x = left;
    for (size_t k = 0; k < kind_styles.size(); ++k) {
      const bool occurs = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                      [k](const GraphNode& n) { return static_cast<size_t>(n.kind) == k; });
      if (!occurs || k >= static_cast<size_t>(GraphKind::input)) continue;  // inputs and outputs say so themselves
      const double wide = 40 + text_width(kind_styles[k].words, 11);
      if (x > left && x + wide > room) {
        x = left;
        y += 20;
      }
      content += std::string("<g class='b ") + kind_styles[k].name + "'>" + rectangle({x, y, 16, 12}, 3) + "</g>" +
                 text_element("k", x + 22, y + 10, kind_styles[k].words) + "\n";
      x += wide;
      width = std::max(width, x);
    }
    height = y + (x > left ? 18 : 0);
  }
};

std::string body(const Graph& graph, const GraphLayout& layout) {
  std::string out;
  for (size_t g = 0; g < graph.groups.size(); ++g)
    out += group(graph.groups[g], layout.groups[g], layout.title_room[g]);
  const bool down = layout.direction == GraphDirection::down;
  for (const GraphLine& l : layout.lines) out += line(graph, l, down);
  for (size_t n = 0; n < graph.nodes.size(); ++n) out += node(graph.nodes[n], layout.nodes[n]);
  out += "<g class='l'>\n";
  for (const GraphLabel& label : layout.labels)
    out += text_element("", label.at.x + (down ? 6 : 4), label.at.y + (down ? 12 : -5), label.text) + "\n";
  return out + "</g>\n";
}

}  // namespace

std::string graph_svg(const Graph& graph, const GraphLayout& layout) {
  const Head head(graph, layout.width);
  const double width = std::ceil(std::max(head.width, layout.width));
  const double height = std::ceil(head.height + layout.height);
  const std::string size = tenths(width) + "' height='" + tenths(height);
  return "<svg xmlns='http://www.w3.org/2000/svg' width='" + size + "' viewBox='0 0 " + tenths(width) + " " +
         tenths(height) + "' role='img' aria-labelledby='graph-title graph-desc'>\n<title id='graph-title'>" +
         xml_text(graph.title) + "</title>\n<desc id='graph-desc'>" + joined_lines(graph.notes) + "</desc>\n<style>" +
         graph_style + "</style>\n<rect class='page' width='" + size + "'/>\n" + head.content +
         "<g transform='translate(" + tenths((width - layout.width) / 2) + " " + tenths(head.height) + ")'>\n" +
         body(graph, layout) + "</g>\n</svg>\n";
}

}  // namespace tarn
