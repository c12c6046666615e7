// Putting the report of a run together.
#include "apps/report/report.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "apps/columns.h"
#include "apps/model_table.h"
#include "apps/progress.h"
#include "apps/report/chart.h"
#include "apps/report/page.h"
#include "apps/report/picture.h"
#include "apps/report/places.h"

namespace tarn {

namespace {

constexpr size_t most_mistakes = 60;
constexpr int64_t most_classes = 50;  // of a confusion matrix that is drawn

std::string figure(const std::string& value, const std::string& label) {
  return "<div class=figure><b>" + escaped(value) + "</b><span>" + escaped(label) + "</span></div>";
}

std::string share_text(double value) {
  return formatted(100 * value, "%.2f %%");
}

std::string head_figures(const Trainer& trainer, const Evaluation& test, int64_t parameter_total) {
  double seconds = 0;
  for (const EpochRecord& r : trainer.history()) seconds += r.seconds;
  std::string out = "<div class=figures>";
  if (test.examples)
    for (const Metric& m : test.metrics())
      if (std::isfinite(m.value)) out += figure(share_text(m.value), "test " + spoken(m.name));
  if (test.examples && test.classification())
    out += figure(grouped(static_cast<int64_t>(test.mistakes.size())) + " of " + grouped(test.examples),
                  "test samples wrong");
  if (test.examples) out += figure(std::isfinite(test.loss) ? formatted(test.loss, "%.4g") : "not finite", "test loss");
  out += figure(grouped(trainer.epoch()), trainer.epoch() == 1 ? "epoch" : "epochs");
  out += figure(duration_text(seconds), "training time");
  return out + figure(grouped(parameter_total), "parameters") + "</div>";
}

/// Two curves over the epochs.
struct Curves {
  std::vector<Line> lines{{"training", "rgb(var(--a))", {}}, {"validation", "rgb(var(--b))", {}}};
  void add(double training, double validation) {
    lines[0].values.push_back(training);
    lines[1].values.push_back(validation);
  }
};

std::string curves(const Trainer& trainer, Task task) {
  const std::vector<std::string> names = metric_names(task);
  Curves loss;
  std::vector<Curves> metrics(names.size());
  Line rate{"learning rate", "rgb(var(--a))", {}};
  bool validated = false;
  for (const EpochRecord& r : trainer.history()) {
    loss.add(r.train_loss, r.validation_loss);
    for (size_t i = 0; i < names.size(); ++i) metrics[i].add(r.train[i].value, r.validation[i].value);
    rate.values.push_back(r.lr);
    validated = validated || std::isfinite(r.validation_loss);
  }
  const int64_t best = validated ? trainer.best_epoch() : 0;
  const auto chart = [&](std::string title, Curves& both, bool logarithmic) {
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    if (!validated) both.lines.pop_back();
    return svg({title, both.lines, logarithmic, best, "best epoch"});
  };
  std::string out = "<h2>Curves</h2><div class=charts>" + chart("Loss", loss, true);
  for (size_t i = 0; i < names.size(); ++i) out += chart(spoken(names[i]), metrics[i], false);
  return out + svg({"Learning rate", {rate}}) + "</div>";
}

// Strong enough to see a single mistake; right answers in one colour, wrong ones in the other.
std::string confusion_cell(bool right, int64_t count, int64_t total, bool samples) {
  if (count == 0) return "<td></td>";
  const double part = static_cast<double>(count) / static_cast<double>(total);
  return "<td class=" + std::string(right ? "right" : "wrong") +
         " style='--p:" + formatted(0.15 + 0.6 * std::sqrt(part), "%.2f") + "'>" +
         (samples ? std::to_string(count) : formatted(100 * part, "%.1f")) + "</td>";
}

std::string confusion(const Data& data, const Counts& counts) {
  const int64_t n = data.classes;
  const bool samples = data.task == Task::classification;
  if (n > most_classes || counts.confusion.empty()) return "";
  std::string out = "<section><h2>Confusion matrix</h2><p class=note>Test " +
                    std::string(samples ? "samples" : "pixels, in percent of their row") +
                    ": a row for each true class, a column for each guess.</p><div class=wide><table "
                    "class=confusion><thead><tr><th></th>";
  for (int64_t j = 0; j < n; ++j) out += "<th>" + escaped(class_name(data, j)) + "</th>";
  out += "<th>right</th></tr></thead>";
  for (int64_t i = 0; i < n; ++i) {
    const int64_t* row = counts.confusion.data() + i * n;
    const int64_t total = std::accumulate(row, row + n, int64_t{0});
    out += "<tr><th>" + escaped(class_name(data, i)) + "</th>";
    for (int64_t j = 0; j < n; ++j) out += confusion_cell(i == j, row[j], total, samples);
    const double right = total ? static_cast<double>(row[i]) / static_cast<double>(total) : 0;
    out += "<td class=share>" + (total ? formatted(100 * right, "%.1f %%") : "") + "</td></tr>";
  }
  return out + "</table></div></section>";
}

std::string mistake(const Data& data, const Evaluation::Mistake& m) {
  const std::string words = class_name(data, m.truth) + " → " + class_name(data, m.guess);
  const std::string at = std::to_string(m.example);
  std::string out = "<figure>";
  if (drawable(data.input))
    out +=
        "<img alt='test sample " + at + ", " + escaped(words) + "' src='" + picture_uri(data.test.x, m.example) + "'>";
  return out + "<figcaption>" + escaped(words) + "<br><span>" + formatted(100 * m.confidence, "%.0f %%") + ", no. " +
         at + "</span></figcaption></figure>";
}

std::string mistakes(const Data& data, const Evaluation& test) {
  std::string out = "<section class=grow><h2>Misclassified test samples</h2>";
  if (test.mistakes.empty()) return out + "<p>None.</p></section>";
  auto sorted = test.mistakes;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.confidence > b.confidence; });
  const size_t shown = std::min(sorted.size(), most_mistakes);
  out += "<p class=note>" +
         (shown < sorted.size() ? "The " + std::to_string(shown) + " surest of " + std::to_string(sorted.size())
                                : std::string("All")) +
         ", the surest first: truth → guess, and the probability given to the guess.</p><div class=mistakes>";
  for (size_t i = 0; i < shown; ++i) out += mistake(data, sorted[i]);
  return out + "</div></section>";
}

std::string count_cell(int64_t n, const std::string& words) {
  return n ? "<td>" + words + "</td>" : "<td class=none>–</td>";
}

std::string model_table(const Model& model) {
  std::string out =
      "<h2>Model</h2><p class=note>Shapes and counts for one sample.</p><div class=wide><table class=model>"
      "<tr><th class=l>layer</th><th class=l>type</th><th class=l>output</th><th>parameters</th><th>multiply-adds</th>"
      "<th>activations</th></tr>";
  for (const ModelRow& r : model_rows(model))
    out += "<tr><td class=l>" + escaped(r.name) + "</td><td class=l>" + escaped(r.type) + "</td><td class=l>" +
           escaped(r.shape) + "</td>" + count_cell(r.parameters, grouped(r.parameters)) +
           count_cell(r.multiply_adds, grouped(r.multiply_adds)) + count_cell(r.bytes, bytes_text(r.bytes)) + "</tr>";
  return out + "</table></div>";
}

std::string head(const Experiment& experiment, const Data& data) {
  std::string out = page_head(experiment.name) + "<p class=note>" + escaped(data.description) +
                    (data.description.empty() ? "" : ". ") + grouped(data.train.size()) + " samples to learn from";
  if (data.validation.size() > 0) out += ", " + grouped(data.validation.size()) + " to choose the best epoch by";
  if (data.test.size() > 0) out += ", " + grouped(data.test.size()) + " to test on";
  return out + ".</p>";
}

}  // namespace

std::string report_html(const Experiment& experiment, const Data& data, Trainer& trainer, const Evaluation& test) {
  std::string out = head(experiment, data) + head_figures(trainer, test, parameter_count(trainer.model()));
  if (trainer.history().empty())
    out += "<p>Not trained: these are the initial weights.</p>";
  else
    out += curves(trainer, data.task);
  if (test.classification() && test.examples > 0)
    out += "<div class=pair>" + confusion(data, test.counts) + mistakes(data, test) + "</div>";
  if (test.task == Task::segmentation && test.examples > 0)
    out += "<div class=pair>" + class_table(data, test) + confusion(data, test.counts) + "</div>" +
           worst_masks(data, test, trainer.model());
  if (test.task == Task::keypoints && test.examples > 0)
    out += joint_table(data, test) + worst_joints(data, test, trainer.model());
  out += model_table(trainer.model());
  return out + "<details><summary>Config, with every default written out</summary><pre>" +
         escaped(to_text(resolved(experiment), 2)) + "</pre></details></html>\n";
}

}  // namespace tarn
