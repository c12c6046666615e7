// Drawing line charts.
#include "apps/report/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace tarn {

namespace {

constexpr double width = 560;
constexpr double height = 240;
constexpr double left = 52;
constexpr double right = 12;
constexpr double top = 28;
constexpr double bottom = 30;

std::string number(double value, const char* format = "%.5g") {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// A round step that gives about five grid lines.
double round_step(double range) {
  const double raw = range / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double nice : {1.0, 2.0, 2.5, 5.0})
    if (raw <= nice * power) return nice * power;
  return 10 * power;
}

struct Scale {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  size_t count = 0;

  explicit Scale(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      count = std::max(count, line.values.size());
      for (const double v : line.values) {
        if (!std::isfinite(v)) continue;
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
    if (!(low <= high)) low = 0, high = 1;
    if (high - low < 1e-12 * std::max(1.0, std::abs(high))) high = low + std::max(1e-6, std::abs(low) * 0.1);
  }
  double x(size_t i) const {
    const double fraction = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.5;
    return left + fraction * (width - left - right);
  }
  double y(double v) const { return top + (high - v) / (high - low) * (height - top - bottom); }
};

std::string grid(const Scale& s) {
  std::string out;
  const double step = round_step(s.high - s.low);
  for (double v = std::ceil(s.low / step) * step; v <= s.high + step * 1e-9; v += step) {
    const std::string y = number(s.y(v));
    out += "<line class=g x1=" + number(left) + " x2=" + number(width - right) + " y1=" + y + " y2=" + y + " />";
    out += "<text class=t text-anchor=end x=" + number(left - 6) + " y=" + number(s.y(v) + 4) + ">" +
           number(std::abs(v) < step / 2 ? 0 : v, "%.4g") + "</text>";
  }
  const size_t every = std::max<size_t>(1, (s.count + 9) / 10);
  for (size_t i = 0; i < s.count; i += every)
    out += "<text class=t text-anchor=middle x=" + number(s.x(i)) + " y=" + number(height - 10) + ">" +
           std::to_string(i + 1) + "</text>";
  return out;
}

std::string path(const Scale& s, const Line& line) {
  std::string d;
  std::string dots;
  bool pen_down = false;
  for (size_t i = 0; i < line.values.size(); ++i) {
    const double v = line.values[i];
    if (!std::isfinite(v)) {
      pen_down = false;
      continue;
    }
    const std::string x = number(s.x(i));
    const std::string y = number(s.y(v));
    d += (pen_down ? "L" : "M") + x + " " + y;
    pen_down = true;
    dots += "<circle cx=" + x + " cy=" + y + " r=2.5><title>" + escaped(line.name) + ", epoch " +
            std::to_string(i + 1) + ": " + number(v) + "</title></circle>";
  }
  return "<g style='color:" + line.colour + "'><path d='" + d +
         "' fill=none stroke=currentColor stroke-width=1.8 /><g fill=currentColor>" + dots + "</g></g>";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string line_chart(const std::string& title, const std::vector<Line>& lines) {
  const Scale scale(lines);
  std::string out =
      "<svg role=img aria-label='" + escaped(title) + "' viewBox='0 0 " + number(width) + " " + number(height) + "'>";
  out += "<text class=h x=" + number(left) + " y=16>" + escaped(title) + "</text>" + grid(scale);
  double x = width - right;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    out += "<text class=t text-anchor=end x=" + number(x) + " y=16 style='fill:" + line->colour + "'>● " +
           escaped(line->name) + "</text>";
    x -= 24 + 7 * static_cast<double>(line->name.size());
  }
  for (const Line& line : lines) out += path(scale, line);
  return out + "</svg>";
}

}  // namespace tarn
