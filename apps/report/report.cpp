// Putting the report of a run together.
#include "apps/report/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/model_table.h"
#include "apps/progress.h"
#include "apps/report/chart.h"
#include "apps/report/picture.h"

namespace tarn {

namespace {

constexpr size_t most_mistakes = 60;

constexpr const char* style = R"css(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6773; --line: #d9dfe5; --page: #fff; --card: #f6f8fa; --a: #0b6bcb; --b: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333b44; --page: #14181d; --card: #1c2229; --a: #5aa9f5; --b: #f59e5a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 1180px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 10px; }
p.note { color: var(--soft); margin: 0 0 12px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px 16px; min-width: 120px; }
.figure b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; } .figure span { color: var(--soft); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
svg { width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
svg .g { stroke: var(--line); } svg .t { font-size: 11px; fill: var(--soft); } svg .h { font-size: 13px; font-weight: 600; fill: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 3px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; } th { color: var(--soft); font-weight: 600; }
table.model th:nth-child(-n+3), table.model td:nth-child(-n+3) { text-align: left; }
table.confusion td { text-align: center; min-width: 34px; border: 1px solid var(--page); }
.mistakes { display: flex; flex-wrap: wrap; gap: 12px; } .mistakes figure { margin: 0; text-align: center; font-size: 13px; }
.mistakes img { width: 84px; height: 84px; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 6px; display: block; background: #000; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; overflow-x: auto; font-size: 13px; }
)css";

std::string number(double value, const char* format) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string figure(const std::string& value, const std::string& label) {
  return "<div class=figure><b>" + escaped(value) + "</b><span>" + escaped(label) + "</span></div>";
}

std::string head_figures(const Trainer& trainer, const Evaluation& test, int64_t parameter_total) {
  double seconds = 0;
  for (const EpochRecord& r : trainer.history()) seconds += r.seconds;
  std::string out = "<div class=figures>";
  if (test.examples && test.classification()) {
    out += figure(number(100 * test.accuracy(), "%.2f %%"), "test accuracy");
    out +=
        figure(std::to_string(test.mistakes.size()) + " of " + std::to_string(test.examples), "wrong on the test part");
  }
  if (test.examples) out += figure(number(test.loss, "%.4f"), "test loss");
  out += figure(std::to_string(trainer.epoch()), "epochs") + figure(duration_text(seconds), "training time");
  return out + figure(grouped(parameter_total), "parameters") + "</div>";
}

std::string curves(const std::vector<EpochRecord>& history) {
  Line loss[] = {{"training", "var(--a)", {}}, {"validation", "var(--b)", {}}};
  Line accuracy[] = {{"training", "var(--a)", {}}, {"validation", "var(--b)", {}}};
  Line rate{"learning rate", "var(--a)", {}};
  bool validated = false;
  for (const EpochRecord& r : history) {
    loss[0].values.push_back(r.train_loss);
    loss[1].values.push_back(r.validation_loss);
    accuracy[0].values.push_back(r.train_accuracy);
    accuracy[1].values.push_back(r.validation_accuracy);
    rate.values.push_back(r.lr);
    validated = validated || std::isfinite(r.validation_loss);
  }
  const auto lines = [&](const Line* both) { return std::vector<Line>(both, both + (validated ? 2 : 1)); };
  return "<h2>Curves</h2><div class=charts>" + line_chart("Loss", lines(loss)) +
         line_chart("Accuracy", lines(accuracy)) + line_chart("Learning rate at the epoch's end", {rate}) + "</div>";
}

std::string class_name(const Data& data, int64_t c) {
  return static_cast<size_t>(c) < data.class_names.size() ? data.class_names[static_cast<size_t>(c)]
                                                          : std::to_string(c);
}

std::string confusion(const Data& data, const Evaluation& test) {
  const int64_t n = data.classes;
  if (!test.classification() || test.examples == 0 || n > 50) return "";
  std::string out =
      "<h2>Confusion matrix</h2><p class=note>Test samples: a row for each true class, a column for each guess.</p>"
      "<div class=wide><table class=confusion><tr><th></th>";
  for (int64_t j = 0; j < n; ++j) out += "<th>" + escaped(class_name(data, j)) + "</th>";
  out += "</tr>";
  for (int64_t i = 0; i < n; ++i) {
    int64_t total = 0;
    for (int64_t j = 0; j < n; ++j) total += test.confusion[static_cast<size_t>(i * n + j)];
    out += "<tr><th>" + escaped(class_name(data, i)) + "</th>";
    for (int64_t j = 0; j < n; ++j) {
      const int64_t count = test.confusion[static_cast<size_t>(i * n + j)];
      const double share = total ? static_cast<double>(count) / static_cast<double>(total) : 0;
      // Strong enough to see a single mistake; right answers in one colour, wrong ones in the other.
      const std::string shade = number(count ? 12 + 63 * std::sqrt(share) : 0, "%.0f");
      out += "<td style='background:color-mix(in srgb," + std::string(i == j ? "var(--a)" : "var(--b)") + " " + shade +
             "%,transparent)'>" + (count ? std::to_string(count) : "") + "</td>";
    }
    out += "</tr>";
  }
  return out + "</table></div>";
}

std::string mistakes(const Data& data, const Evaluation& test) {
  if (!test.classification() || test.examples == 0) return "";
  std::string out = "<h2>Misclassified test samples</h2>";
  if (test.mistakes.empty()) return out + "<p>None.</p>";
  auto sorted = test.mistakes;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.confidence > b.confidence; });
  const bool pictures = drawable(data.input);
  const size_t shown = std::min(sorted.size(), most_mistakes);
  out +=
      "<p class=note>" +
      std::string(shown < sorted.size() ? "The " + std::to_string(shown) + " surest of " + std::to_string(sorted.size())
                                        : "All") +
      ", the surest first: truth → guess, and the probability given to the guess.</p><div class=mistakes>";
  for (size_t i = 0; i < shown; ++i) {
    const auto& m = sorted[i];
    const std::string words = class_name(data, m.truth) + " → " + class_name(data, m.guess);
    out += "<figure>";
    if (pictures)
      out += "<img alt='test sample " + std::to_string(m.example) + ", " + escaped(words) + "' src='" +
             picture_uri(data.test.x, m.example) + "'>";
    out += "<figcaption>" + escaped(words) + "<br>" + number(m.confidence, "%.2f") + " (no. " +
           std::to_string(m.example) + ")</figcaption></figure>";
  }
  return out + "</div>";
}

std::string model_table(const Model& model) {
  std::string out =
      "<h2>Model</h2><p class=note>Shapes and counts for one sample.</p><div class=wide><table class=model>"
      "<tr><th>layer</th><th>type</th><th>output</th><th>parameters</th><th>multiply-adds</th><th>activations</th></"
      "tr>";
  for (const ModelRow& r : model_rows(model))
    out += "<tr><td>" + escaped(r.name) + "</td><td>" + escaped(r.type) + "</td><td>" + escaped(r.shape) + "</td><td>" +
           grouped(r.parameters) + "</td><td>" + grouped(r.multiply_adds) + "</td><td>" + bytes_text(r.bytes) +
           "</td></tr>";
  return out + "</table></div>";
}

}  // namespace

std::string report_html(const Experiment& experiment, const Data& data, Trainer& trainer, const Evaluation& test) {
  std::string out =
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content='width=device-width,initial-scale=1'><title>";
  out += escaped(experiment.name) + " – Tarn</title><style>" + style + "</style><h1>" + escaped(experiment.name) +
         "</h1><p class=note>" + escaped(data.description) + ": " + grouped(data.train.size()) +
         " samples to learn from, " + grouped(data.validation.size()) + " to choose the best epoch by, " +
         grouped(data.test.size()) + " to test on.</p>";
  out += head_figures(trainer, test, parameter_count(trainer.model()));
  if (!trainer.history().empty()) out += curves(trainer.history());
  out += confusion(data, test) + mistakes(data, test) + model_table(trainer.model());
  out += "<h2>Config</h2><p class=note>With every default written out.</p><pre>" +
         escaped(to_text(resolved(experiment, data.classes), 2)) + "</pre></html>\n";
  return out;
}

}  // namespace tarn
