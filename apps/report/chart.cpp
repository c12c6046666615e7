// Drawing line charts.
#include "apps/report/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/columns.h"

namespace tarn {

namespace {

constexpr double chart_width = 420;
constexpr double chart_height = 240;
constexpr double chart_left = 58;
constexpr double chart_right = 14;
constexpr double chart_top = 46;
constexpr double chart_bottom = 36;
constexpr size_t most_points = 500;   // of one curve: more would be closer than a pixel
constexpr size_t most_dots = 30;      // above this the dots would hide the curve; they appear when pointed at
constexpr double most_drawn = 1e300;  // values beyond are drawn at the edge, so that differences stay finite

// "5e-05" as "5e-5": there is little room beside the axis.
std::string tick_text(double value) {
  std::string out = formatted(value, "%.4g");
  const size_t exponent = out.find('e');
  if (exponent == std::string::npos) return out;
  while (out.size() > exponent + 3 && out[exponent + 2] == '0') out.erase(exponent + 2, 1);
  return out;
}

// The least of 1, 2, 2.5, 5 and 10 times a power of ten that is not below `raw`.
double round_up(double raw) {
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double nice : {1.0, 2.0, 2.5, 5.0})
    if (raw <= nice * power * (1 + 1e-9)) return nice * power;
  return 10 * power;
}

/// Where values and epochs are drawn.
class Scale {
 public:
  explicit Scale(const Chart& chart) {
    for (const Line& line : chart.lines) {
      count_ = std::max(count_, line.values.size());
      for (const double v : line.values) {
        if (!std::isfinite(v)) continue;
        low_ = std::min(low_, std::max(v, -most_drawn));
        high_ = std::max(high_, std::min(v, most_drawn));
      }
    }
    if (!(low_ <= high_)) low_ = 0, high_ = 1;
    const double magnitude = std::max(std::abs(low_), std::abs(high_));
    if (high_ - low_ <= 1e-9 * magnitude || high_ == low_) {  // flat: the curve runs through the middle
      const double room = magnitude > 0 ? 0.1 * magnitude : 1;
      flat_ = true;
      low_ -= room;
      high_ += room;
    }
    logarithmic_ = chart.logarithmic && low_ > 0 && high_ / low_ > 5;
  }
  size_t count() const { return count_; }
  bool logarithmic() const { return logarithmic_; }
  double x(size_t i) const {
    const double fraction = count_ > 1 ? static_cast<double>(i) / static_cast<double>(count_ - 1) : 0.5;
    return chart_left + fraction * (chart_width - chart_left - chart_right);
  }
  double y(double v) const {
    const double clamped = std::clamp(v, low_, high_);
    const double fraction = logarithmic_ ? (std::log(high_) - std::log(clamped)) / (std::log(high_) - std::log(low_))
                                         : (high_ - clamped) / (high_ - low_);
    return chart_top + fraction * (chart_height - chart_top - chart_bottom);
  }
  /// Round values with a grid line each.
  std::vector<double> ticks() const {
    if (flat_) return {low_ / 2 + high_ / 2};
    return logarithmic_ ? logarithmic_ticks() : linear_ticks();
  }
  /// Epochs, counted from 0, that are written below: the first, and round ones.
  std::vector<size_t> epochs() const {
    std::vector<size_t> out;
    if (count_ > 0) out.push_back(0);
    const auto step = static_cast<size_t>(std::max(1.0, std::ceil(round_up(static_cast<double>(count_) / 6))));
    for (size_t e = step; e <= count_; e += step)
      if (e > std::max<size_t>(1, step / 3)) out.push_back(e - 1);
    return out;
  }

 private:
  std::vector<double> linear_ticks() const {
    std::vector<double> out;
    const double step = round_up((high_ - low_) / 5);
    const double first = std::ceil(low_ / step - 1e-9);
    for (int i = 0; i < 8; ++i) {
      const double v = (first + i) * step;
      if (v <= high_ + step * 1e-9) out.push_back(std::abs(v) < step / 2 ? 0 : v);
    }
    return out;
  }
  std::vector<double> logarithmic_ticks() const {
    std::vector<double> out;
    const double first = std::floor(std::log10(low_));
    const double decades = std::log10(high_) - std::log10(low_);
    const double every = std::max(1.0, std::ceil(decades / 6));
    for (int i = 0; i < 8; ++i)
      for (const double digit : {1.0, 2.0, 5.0}) {
        const double v = digit * std::pow(10, first + i * every);
        const bool wanted = digit == 1 || decades <= 2;
        if (wanted && v >= low_ * (1 - 1e-9) && v <= high_ * (1 + 1e-9)) out.push_back(v);
      }
    return out;
  }

  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
  size_t count_ = 0;
  bool logarithmic_ = false;
  bool flat_ = false;
};

std::string chart_grid(const Scale& s) {
  std::string out;
  for (const double v : s.ticks()) {
    const std::string y = formatted(s.y(v));
    out += "<line class=g x1=" + formatted(chart_left) + " x2=" + formatted(chart_width - chart_right) + " y1=" + y +
           " y2=" + y + " />";
    out += "<text class=t text-anchor=end x=" + formatted(chart_left - 6) + " y=" + formatted(s.y(v) + 4) + ">" +
           tick_text(v) + "</text>";
  }
  for (const size_t i : s.epochs())
    out += "<text class=t text-anchor=middle x=" + formatted(s.x(i)) +
           " y=" + formatted(chart_height - chart_bottom + 16) + ">" + std::to_string(i + 1) + "</text>";
  return out + "<text class=t text-anchor=middle x=" + formatted((chart_left + chart_width - chart_right) / 2) +
         " y=" + formatted(chart_height - 6) + ">epoch</text>";
}

std::string marked(const Scale& s, const Chart& chart) {
  if (chart.mark < 1 || static_cast<size_t>(chart.mark) > s.count()) return "";
  const std::string x = formatted(s.x(static_cast<size_t>(chart.mark - 1)));
  return "<line class=m x1=" + x + " x2=" + x + " y1=" + formatted(chart_top) +
         " y2=" + formatted(chart_height - chart_bottom) + "><title>" + escaped(chart.mark_name) + ": epoch " +
         std::to_string(chart.mark) + "</title></line>";
}

std::string curve(const Scale& s, const Line& line) {
  std::string d;
  std::string dots;
  bool pen_down = false;
  const size_t n = line.values.size();
  const size_t every = (n + most_points - 1) / most_points;
  for (size_t i = 0; i < n; i += every) {
    const double v = line.values[i];
    if (!std::isfinite(v)) {
      pen_down = false;
      continue;
    }
    const std::string x = formatted(s.x(i));
    const std::string y = formatted(s.y(v));
    d += pen_down ? "L" + x + " " + y : "M" + x + " " + y + "h0";  // a lone point is a dot
    pen_down = true;
    dots += "<circle cx=" + x + " cy=" + y + " r=3><title>" + escaped(line.name) + ", epoch " + std::to_string(i + 1) +
            ": " + formatted(v) + "</title></circle>";
  }
  return "<g style='color:" + line.colour + "'><path d='" + d +
         "' /><g class=" + (s.count() > most_dots ? "hidden" : "dots") + ">" + dots + "</g></g>";
}

std::string legend(const Chart& chart) {
  if (chart.lines.size() < 2 && chart.mark < 1) return "";
  std::string out = "<text class=t x=" + formatted(chart_left) + " y=36>";
  std::string space;
  for (const Line& line : chart.lines) {
    out += "<tspan" + space + " style='fill:" + line.colour + "'>● " + escaped(line.name) + "</tspan>";
    space = " dx=12";
  }
  if (chart.mark > 0) out += "<tspan" + space + ">┆ " + escaped(chart.mark_name) + "</tspan>";
  return out + "</text>";
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

std::string svg(const Chart& chart) {
  const Scale scale(chart);
  const std::string title = chart.title + (scale.logarithmic() ? " (logarithmic)" : "");
  std::string out = "<svg role=img aria-label='" + escaped(title) + "' viewBox='0 0 " + formatted(chart_width) + " " +
                    formatted(chart_height) + "'>";
  out += "<text class=h x=" + formatted(chart_left) + " y=20>" + escaped(title) + "</text>" + legend(chart) +
         chart_grid(scale);
  out += marked(scale, chart);
  for (const Line& line : chart.lines) out += curve(scale, line);
  return out + "</svg>";
}

}  // namespace tarn
