// Reading the lines of comparisons and drawing them.
#include "apps/manual/results.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "apps/manual/numbers.h"
#include "apps/report/chart.h"
#include "core/error.h"
#include "core/file.h"

namespace tarn {
namespace {

constexpr double results_width = 760;
constexpr double results_row_height = 17;
constexpr double results_top = 46;
constexpr double results_left = 210;
constexpr double results_right = 70;

std::vector<Trial> trials_of(const std::string& path) {
  std::vector<Trial> trials;
  const std::string lines = read_file(path, size_t{1} << 26);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    if (end > at) trials.push_back(trial_from(parse_json(lines.substr(at, end - at), path)));
    at = end + 1;
  }
  return trials;
}

std::string plotted(double v) {
  return rounded(v, 5);
}

std::string with_decimals(double v, int decimals) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, v);
  return buffer;
}

/// The least of 1, 2 and 5 times a power of ten that is not below v.
double round_step(double v) {
  const double power = std::pow(10, std::floor(std::log10(v)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= v * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

/// A scale over the means and ranges. Those far below the others, which would press them together, are cut off.
struct ResultScale {
  double low = 0, high = 1;

  explicit ResultScale(const std::vector<Contestant>& all) {
    std::vector<double> values;
    for (const Contestant& c : all)
      if (std::isfinite(c.mean())) values.insert(values.end(), {c.least(), c.most()});
    if (values.empty()) return;
    std::sort(values.begin(), values.end());
    const double upper = values.back();
    const double quarter = values[values.size() / 4];
    low = std::max(values.front(), quarter - 3 * std::max(upper - quarter, 1e-4));
    high = upper;
    const double room = 0.04 * std::max(high - low, 1e-4);
    low -= room;
    high += room;
  }
  double x(double v) const {
    return results_left +
           (std::clamp(v, low, high) - low) / (high - low) * (results_width - results_left - results_right);
  }
};

}  // namespace

std::vector<PoolResults> read_results(const std::string& folder) {
  std::vector<PoolResults> all;
  if (!std::filesystem::is_directory(folder)) return all;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".jsonl")
      all.push_back({entry.path().stem().string(), ranked(trials_of(entry.path().string()))});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.data < b.data; });
  return all;
}

namespace {

/// Lines at round values of `factor` times what is plotted, with their numbers above.
std::string results_grid(const ResultScale& range, double factor, double height) {
  const double step = round_step(factor * (range.high - range.low) / 6);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  std::string out;
  for (double tick = std::ceil(factor * range.low / step); tick * step <= factor * range.high; ++tick) {
    const std::string x = plotted(range.x(tick * step / factor));
    out += "<path stroke='#d0d7de' d='M" + x + " " + plotted(results_top - 8) + "V" + plotted(height - 8) +
           "'/><text x='" + x + "' y='" + plotted(results_top - 12) + "' text-anchor='middle'>" +
           with_decimals(tick * step, decimals) + "</text>\n";
  }
  return out;
}

}  // namespace

std::string results_picture(const PoolResults& results) {
  const bool accuracy =
      !results.ranked.empty() && !results.ranked[0].trials.empty() && !std::isnan(results.ranked[0].trials[0].accuracy);
  const double factor = accuracy ? 100 : 1;
  const ResultScale range(results.ranked);
  const double height = results_top + results_row_height * static_cast<double>(results.ranked.size()) + 14;
  const std::string title = (accuracy ? "Accuracy in % on " : "Loss on ") + results.data + ": mean and range";
  std::string out = "<svg xmlns='http://www.w3.org/2000/svg' width='" + plotted(results_width) + "' height='" +
                    plotted(height) + "' viewBox='0 0 " + plotted(results_width) + " " + plotted(height) +
                    "' role='img' aria-label='" + escaped(title) + "'>\n<rect x='.5' y='.5' width='" +
                    plotted(results_width - 1) + "' height='" + plotted(height - 1) +
                    "' rx='8' fill='#f6f8fa' stroke='#d0d7de'/>\n" +
                    "<g font-family='DejaVu Sans,Verdana,sans-serif' font-size='11' fill='#57606a'>\n<text x='14' "
                    "y='20' font-size='12' fill='#1f2328'>" +
                    escaped(title) + "</text>\n";
  out += results_grid(range, factor, height);
  double y = results_top + results_row_height / 2;
  for (const Contestant& c : results.ranked) {
    out += "<text x='" + plotted(results_left - 10) + "' y='" + plotted(y + 4) + "' text-anchor='end'>" +
           escaped(c.config) + "</text>";
    if (std::isfinite(c.mean()))
      out += "<path stroke='#5694e6' stroke-width='2' d='M" + plotted(range.x(c.least())) + " " + plotted(y) + "H" +
             plotted(range.x(c.most()) + 0.5) + "'/><circle fill='#0b6bcb' r='3.5' cx='" + plotted(range.x(c.mean())) +
             "' cy='" + plotted(y) + "'/><text x='" + plotted(results_width - 14) + "' y='" + plotted(y + 4) +
             "' text-anchor='end' fill='#1f2328'>" + with_decimals(factor * c.mean(), accuracy ? 2 : 4) + "</text>";
    out += "\n";
    y += results_row_height;
  }
  return out + "</g>\n</svg>\n";
}

std::string family_of(const std::string& name) {
  const auto mark = std::find_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); });
  std::string family(name.begin(), mark);
  const size_t n = family.size();
  if (n > 2 && family[n - 1] == 'd' && family[n - 2] >= '1' && family[n - 2] <= '3') family.resize(n - 2);
  return family;
}

}  // namespace tarn
