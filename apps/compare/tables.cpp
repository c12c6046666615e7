// The comparison as a ranking: figures, Markdown, text, and a page.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "apps/columns.h"
#include "apps/compare/compare.h"
#include "apps/report/chart.h"
#include "apps/report/page.h"
#include "apps/trainer.h"
#include "core/error.h"

namespace tarn {
namespace {

/// What is compared: the accuracy, or the loss where nothing is classified.
double score(const Trial& t) {
  return std::isnan(t.accuracy) ? t.loss : t.accuracy;
}

std::string number_text(const char* form, double value) {
  if (!std::isfinite(value)) return "-";
  return formatted(value, form);
}

/// The cells of a row, as text.
std::vector<std::string> cells(const Contestant& c) {
  int64_t failures = 0;
  for (const Trial& t : c.trials) failures += !t.failure.empty();
  const bool accuracy = c.by_accuracy();
  const double factor = accuracy ? 100 : 1;
  const char* form = accuracy ? "%.2f" : "%.4g";
  return {c.config,
          number_text(form, factor * c.mean()),
          number_text(form, factor * c.spread()),
          number_text(form, factor * c.least()),
          number_text(form, factor * c.most()),
          number_text("%.3g", c.epoch_seconds()),
          number_text("%.3g", c.tensors_mb()),
          c.trials.empty() ? "-" : std::to_string(c.trials[0].parameters),
          failures ? std::to_string(failures) : ""};
}

const std::vector<std::string>& titles(bool accuracy) {
  static const std::vector<std::string> percent{"config",    "accuracy %", "±",          "least", "most",
                                                "s / epoch", "tensors MB", "parameters", "failed"};
  static const std::vector<std::string> loss{"config",    "loss",       "±",          "least", "most",
                                             "s / epoch", "tensors MB", "parameters", "failed"};
  return accuracy ? percent : loss;
}

size_t width_of(const std::string& text) {  // in characters
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string html_table(const std::vector<Contestant>& all) {
  std::string out = "<div class=wide><table class=model><tr>";
  const auto& head = titles(all.empty() || all[0].by_accuracy());
  for (size_t i = 0; i < head.size(); ++i) out += (i ? "<th>" : "<th class=l>") + escaped(head[i]) + "</th>";
  out += "</tr>";
  for (const Contestant& c : all) {
    out += "<tr>";
    const std::vector<std::string> row = cells(c);
    for (size_t i = 0; i < row.size(); ++i) out += (i ? "<td>" : "<td class=l>") + escaped(row[i]) + "</td>";
    out += "</tr>";
  }
  return out + "</table></div>";
}

}  // namespace

Json to_json(const Trial& t) {
  Json out = Json::object();
  out.set("event", "trial");
  out.set("config", t.config);
  out.set("key", t.key);
  out.set("seed", t.seed);
  out.set("accuracy", json_number(t.accuracy));
  out.set("loss", json_number(t.loss));
  out.set("epoch_seconds", t.epoch_seconds);
  out.set("tensors_mb", t.tensors_mb);
  out.set("parameters", t.parameters);
  if (!t.failure.empty()) out.set("failure", t.failure);
  return out;
}

Trial trial_from(const Json& json) {
  Trial t{json.at("config").as_string(),      json.at("key").as_string(),         json.at("seed").as_integer(),
          number_or_nan(json.at("accuracy")), number_or_nan(json.at("loss")),     json.at("epoch_seconds").as_number(),
          json.at("tensors_mb").as_number(),  json.at("parameters").as_integer(), {}};
  if (const Json* failure = json.find("failure")) t.failure = failure->as_string();
  return t;
}

double Contestant::mean() const {
  double total = 0;
  double n = 0;
  for (const Trial& t : trials)
    if (t.failure.empty()) {
      total += score(t);
      n += 1;
    }
  return n > 0 ? total / n : no_value;
}

double Contestant::spread() const {
  double total = 0;
  double n = 0;
  for (const Trial& t : trials)
    if (t.failure.empty()) {
      total += (score(t) - mean()) * (score(t) - mean());
      n += 1;
    }
  return n > 1 ? std::sqrt(total / (n - 1)) : 0;
}

double Contestant::least() const {
  double value = std::numeric_limits<double>::infinity();
  for (const Trial& t : trials)
    if (t.failure.empty()) value = std::min(value, score(t));
  return value;
}

double Contestant::most() const {
  double value = -std::numeric_limits<double>::infinity();
  for (const Trial& t : trials)
    if (t.failure.empty()) value = std::max(value, score(t));
  return value;
}

double Contestant::epoch_seconds() const {
  double value = std::numeric_limits<double>::infinity();
  for (const Trial& t : trials)
    if (t.failure.empty()) value = std::min(value, t.epoch_seconds);
  return value;
}

double Contestant::tensors_mb() const {
  double value = 0;
  for (const Trial& t : trials) value = std::max(value, t.tensors_mb);
  return value;
}

bool Contestant::by_accuracy() const {
  return !trials.empty() && !std::isnan(trials[0].accuracy);
}

std::vector<Contestant> ranked(const std::vector<Trial>& trials) {
  std::vector<Contestant> all;
  std::map<std::string, size_t> places;
  for (const Trial& t : trials) {
    const auto [place, added] = places.try_emplace(t.config, all.size());
    if (added) all.push_back({t.config, {}});
    all[place->second].trials.push_back(t);
  }
  std::stable_sort(all.begin(), all.end(), [](const Contestant& a, const Contestant& b) {
    if (std::isnan(a.mean()) || std::isnan(b.mean())) return std::isnan(b.mean()) && !std::isnan(a.mean());
    return a.by_accuracy() ? a.mean() > b.mean() : a.mean() < b.mean();
  });
  return all;
}

std::string comparison_markdown(const std::vector<Contestant>& all) {
  std::string out = "|";
  const auto& head = titles(all.empty() || all[0].by_accuracy());
  for (const std::string& title : head) out += " " + title + " |";
  out += "\n|";
  for (size_t i = 0; i < head.size(); ++i) out += i == 0 ? " --- |" : " ---: |";
  out += "\n";
  for (const Contestant& c : all) {
    out += "|";
    for (const std::string& cell : cells(c)) out += " " + cell + " |";
    out += "\n";
  }
  return out;
}

std::string comparison_text(const std::vector<Contestant>& all) {
  std::vector<std::vector<std::string>> rows{titles(all.empty() || all[0].by_accuracy())};
  for (const Contestant& c : all) rows.push_back(cells(c));
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      out += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    out += "\n";
  }
  return out;
}

std::string comparison_markdown(const Rankings& groups) {
  std::string out;
  for (const auto& [name, all] : groups) {
    if (groups.size() > 1) out += text(out.empty() ? "" : "\n", "## ", name, "\n\n");
    out += comparison_markdown(all);
  }
  return out;
}

std::string comparison_text(const Rankings& groups) {
  std::string out;
  for (const auto& [name, all] : groups) {
    if (groups.size() > 1) out += name + "\n";
    out += comparison_text(all) + (groups.size() > 1 ? "\n" : "");
  }
  return out;
}

std::string comparison_html(const std::string& title, const Rankings& groups) {
  std::string out =
      page_head(title) +
      "<p class=note>Mean over the seeds, from the least to the most; the best is first. The time is that "
      "of the fastest epoch, the memory the most that tensors took beyond the data.</p>";
  for (const auto& [name, all] : groups) {
    if (groups.size() > 1) out += "<h2>" + escaped(name) + "</h2>";
    out += comparison_plot(all) + html_table(all);
  }
  return out + "</html>\n";
}

}  // namespace tarn
