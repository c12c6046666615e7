// Estimated widths of texts, and the boxes that hold them.
#include "apps/graph/metrics.h"

#include <algorithm>

namespace tarn {

namespace {

constexpr size_t most_characters = 34;  // of a line
constexpr double title_margins = 16;
constexpr double bold = 1.1;  // how much wider bold letters are

/// Width of a character as a share of the letters' size.
double letter_share(unsigned char c) {
  if (c >= 0x80) return 0.7;
  if (std::string_view("iljI.,:;'|!()[] ").find(static_cast<char>(c)) != std::string_view::npos) return 0.38;
  if (std::string_view("mwMW@%").find(static_cast<char>(c)) != std::string_view::npos) return 0.95;
  return c >= 'A' && c <= 'Z' ? 0.7 : 0.62;
}

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

}  // namespace

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const char c : text)
    if (starts_character(c)) width += letter_share(static_cast<unsigned char>(c));
  return width * size;
}

std::string shortened(std::string_view text, size_t most) {
  size_t seen = 0;
  size_t cut = 0;  // before the last character that fits beside an ellipsis
  for (size_t i = 0; i < text.size(); ++i) {
    if (!starts_character(text[i])) continue;
    if (seen + 1 == most) cut = i;
    if (seen == most) return std::string(text.substr(0, cut)) + "…";
    ++seen;
  }
  return std::string(text);
}

std::vector<std::string> node_lines(const GraphNode& node) {
  std::vector<std::string> lines;
  if (!node.name.empty()) lines.push_back(node.name);
  std::string second = node.type;
  if (!node.details.empty()) second += (second.empty() ? "" : " · ") + node.details.front();
  if (!second.empty()) lines.push_back(second);
  for (size_t i = 1; i < node.details.size(); ++i) lines.push_back(node.details[i]);
  for (std::string& line : lines) line = shortened(line, most_characters);
  return lines;
}

std::string group_title(const GraphGroup& group, double room) {
  const std::string name = shortened(group.name.empty() ? group.type : group.name, most_characters);
  if (group.name.empty() || group.type.empty()) return name;
  const std::string both = name + " · " + shortened(group.type, most_characters);
  return text_width(both, graph_title_size) + title_margins <= room ? both : name;
}

double group_title_width(const GraphGroup& group) {
  return text_width(group_title(group, 0), graph_title_size) + title_margins;
}

GraphSize node_size(const GraphNode& node, size_t inputs, double label) {
  const std::vector<std::string> lines = node_lines(node);
  double width = 52;
  for (size_t i = 0; i < lines.size(); ++i)
    width = std::max(width, 22 + text_width(lines[i], i == 0 ? bold * graph_name_size : graph_text_size));
  width = std::max(width, std::min(600.0, 12 * static_cast<double>(inputs + 1)));  // room for the ends of edges
  width = std::max(width, 2 * label + 20);  // labels stand to the right of the middle
  return {width, 9 + graph_line_height * static_cast<double>(std::max<size_t>(1, lines.size()))};
}

}  // namespace tarn
