// The plot of a comparison: a row for each contestant, with its accuracy, its time and its memory.
#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/columns.h"
#include "apps/compare/compare.h"
#include "apps/report/chart.h"
#include "core/error.h"

namespace tarn {
namespace {

constexpr double plot_row_height = 22;
constexpr double plot_top = 44;
constexpr double names_end = 210;
constexpr double accuracy_end = 560;
constexpr double bar_length = 130;
constexpr double panel_step = 205;  // from one panel of bars to the next: a bar, its value and a gap
constexpr double plot_width = accuracy_end + 2 * panel_step + 20;

double row_of(size_t i) {
  return plot_top + plot_row_height * (static_cast<double>(i) + 0.5);
}

/// Mean and range of each as a dot on a line.
std::string ranges(const std::vector<Contestant>& all, double low, double high) {
  const double room = std::max(high - low, 1e-6) * 0.05;
  low -= room;
  high += room;
  const bool accuracy = all[0].by_accuracy();
  const double factor = accuracy ? 100 : 1;
  const auto x = [&](double v) { return names_end + 10 + (v - low) / (high - low) * (accuracy_end - names_end - 30); };
  std::string out = text("<text class=h x=", names_end + 10, " y=16>", accuracy ? "accuracy %" : "loss", "</text>");
  for (int i = 0; i <= 4; ++i) {
    const double v = low + (high - low) * i / 4;
    out += text("<line class=g x1=", x(v), " x2=", x(v), " y1=", plot_top - 6, " y2=", row_of(all.size()),
                " /><text class=t x=", x(v), " y=", plot_top - 10, " text-anchor=middle>",
                formatted(factor * v, "%.4g"), "</text>");
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const Contestant& c = all[i];
    if (!std::isfinite(c.mean())) continue;
    out += text("<path d='M", x(c.least()), " ", row_of(i), "H", x(c.most()), "'/><circle r=4.5 cx=", x(c.mean()),
                " cy=", row_of(i), "><title>", escaped(c.config), ": ", formatted(factor * c.mean(), "%.4g"), " ± ",
                formatted(factor * c.spread(), "%.2g"), "</title></circle>");
  }
  return out;
}

/// A bar from 0 for each, with its value behind it.
std::string bars(const std::vector<Contestant>& all, double left, const char* title,
                 double (Contestant::*value)() const) {
  double most = 0;
  for (const Contestant& c : all)
    if (const double v = (c.*value)(); std::isfinite(v)) most = std::max(most, v);
  std::string out = text("<text class=h x=", left, " y=16>", title, "</text>");
  for (size_t i = 0; i < all.size() && most > 0; ++i) {
    const double v = (all[i].*value)();
    if (!std::isfinite(v) || !std::isfinite(all[i].mean())) continue;
    const double length = v / most * bar_length;
    out += text("<path style='stroke-width:9;stroke-linecap:butt' d='M", left, " ", row_of(i), "h", length,
                "'/><text class=t x=", left + length + 6, " y=", row_of(i) + 4, ">", formatted(v, "%.3g"), "</text>");
  }
  return out;
}

}  // namespace

std::string comparison_plot(const std::vector<Contestant>& all) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Contestant& c : all) {
    if (!std::isfinite(c.mean())) continue;
    low = std::min(low, c.least());
    high = std::max(high, c.most());
  }
  if (!(low <= high)) return "";
  std::string out = text("<svg viewBox='0 0 ", plot_width, " ", row_of(all.size()), "'>");
  for (size_t i = 0; i < all.size(); ++i)
    out += text("<text class=t x=", names_end - 10, " y=", row_of(i) + 4, " text-anchor=end>", escaped(all[i].config),
                "</text>");
  out += "<g style='color:rgb(var(--a))'>" + ranges(all, low, high) + "</g><g style='color:rgb(var(--b))'>" +
         bars(all, accuracy_end + 20, "seconds per epoch", &Contestant::epoch_seconds) +
         bars(all, accuracy_end + 20 + panel_step, "tensors MB", &Contestant::tensors_mb) + "</g>";
  return out + "</svg>";
}

}  // namespace tarn
