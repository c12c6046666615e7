// The page of one family of poolings.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "apps/catalog.h"
#include "apps/manual/manual.h"
#include "apps/manual/numbers.h"
#include "core/error.h"

namespace tarn {
namespace {

constexpr int page_digits = 5;
constexpr int64_t most_printed = 64;  // elements of a parameter
constexpr size_t most_terms = 36;     // of the sum for one cell

std::string code(const std::string& text) {
  return "`" + text + "`";
}

/// The text with its arXiv numbers and DOIs as links.
std::string linked(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    for (const auto& [word, address] :
         {std::pair<std::string, std::string>{"arXiv ", "https://arxiv.org/abs/"}, {"doi ", "https://doi.org/"}}) {
      const size_t begin = at + word.size();
      size_t end = begin;
      const bool found = text.compare(at, word.size(), word) == 0;
      while (found && end < text.size() && text[end] != ')' && text[end] != ';' && text[end] != ',' && text[end] != ' ')
        ++end;
      if (end == begin) continue;
      out += "[" + word + text.substr(begin, end - begin) + "](" + address + text.substr(begin, end - begin) + ")";
      at = end;
    }
    if (at < text.size()) out += plain_markdown(text.substr(at++, 1));
  }
  return out;
}

/// "`A`, `B` and `C`".
std::string names_of(const std::vector<const LayerInfo*>& rows) {
  std::string out;
  for (size_t i = 0; i < rows.size(); ++i)
    out += (i == 0 ? "" : i + 1 == rows.size() ? " and " : ", ") + code(rows[i]->name);
  return out;
}

std::string pictures(const PoolFamily& family) {
  std::string out = "## One window\n";
  const auto image = [&](const char* what, const char* alt, const PoolView& view) {
    return "![" + std::string(alt) + (view.training ? ", training" : "") + "](images/" + family.name + "-" + what +
           (view.training ? "-training" : "") + ".svg)\n";
  };
  for (const PoolView& view : family.example.views) {
    const auto cells = std::count(view.seen.begin(), view.seen.end(), true);
    out += image("window", "one window", view);
    const std::string cell = text("`y", index_text(view.output.shape(), view.cell), "`");
    const std::string value = rounded(view.output.at(view.cell), page_digits);
    if (view.training)
      out += text("\nWhile training, with one draw: ", cell, " is ", value, " and depends on ", cells, " values.\n\n");
    else
      out += text("\n", cell, ", outlined on the right, is ", value, ". It depends on ", cells, " of the ",
                  view.seen.size(),
                  " values of x, outlined on the left; the number below each is ∂y/∂x, the shade says the same.\n\n");
  }
  out += "## Where the gradient goes\n";
  for (const PoolView& view : family.example.views) out += image("gradient", "where the gradient goes", view);
  return out + "\n∂L/∂x where ∂L/∂y is 1 for every value of y: orange is positive, blue negative, white nothing.\n\n";
}

/// The cell as the sum of values times weights, as far as that is what it is.
std::string one_cell(const PoolExample& example) {
  const PoolView& view = example.views[0];
  const std::vector<double> x = cleaned(example.inputs[0]);
  const std::vector<double> w = cleaned(view.weights);
  std::string terms;
  double total = 0;
  double size = 0;
  size_t count = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    if (w[i] == 0) continue;
    total += w[i] * x[i];
    size += std::abs(w[i] * x[i]);
    if (count > 0) terms += count % 6 == 0 ? "\n    " : " ";
    const std::string value = rounded(x[i], page_digits);
    const std::string sign = count > 0 ? (w[i] < 0 ? "- " : "+ ") : w[i] < 0 ? "-" : "";
    terms += sign + rounded(std::abs(w[i]), page_digits) + " · " + (x[i] < 0 ? "(" + value + ")" : value);
    ++count;
  }
  const double y = view.output.at(view.cell);
  const std::string cell = "y" + index_text(view.output.shape(), view.cell);
  if (count == 0) return "No value of x moves " + code(cell) + " by a little: its derivative is 0.\n\n";
  if (count > most_terms) return "";
  const bool same = std::abs(total - y) < 1e-9 * (1 + std::abs(y));
  const std::string sum = rounded(std::abs(total) < 1e-9 * size ? 0 : total, page_digits);
  return "One cell, Σ ∂y/∂x · x:\n```\n" + std::string("    ") + terms + "\n  = " + sum + "\n```\n" +
         (same ? "which is " + code(cell) + ".\n\n"
               : "while " + code(cell) + " is " + rounded(y, page_digits) +
                     ": it is no weighted sum of x with weights that stay as they are.\n\n");
}

std::string numbers_text(const PoolFamily& family) {
  const PoolExample& example = family.example;
  std::string out = "## In numbers\n```\n" + spaced(example.config) + "\n\n";
  for (size_t i = 0; i < example.inputs.size(); ++i) {
    const Tensor& x = example.inputs[i];
    out += text("x", i > 0 ? std::to_string(i + 1) : "", " ", x.shape(), "\n", matrix_text(x, page_digits, "  "));
  }
  for (const auto& [name, value] : example.parameters) {
    out += text("\n", name, " ", value.shape(), value.numel() > most_printed ? ", not printed\n" : "\n");
    if (value.numel() <= most_printed) out += matrix_text(value, page_digits, "  ");
  }
  for (const PoolView& view : example.views) {
    const std::string mode = view.training ? ", training" : "";
    out += text("\ny ", view.output.shape(), mode, "\n", matrix_text(view.output, page_digits, "  "),
                "\ndL/dx for dL/dy = 1", mode, "\n", matrix_text(view.gradient, page_digits, "  "));
  }
  return out + "```\n" + (example.parameters.empty() ? "" : "Parameters are as a new layer has them.\n") + "\n" +
         one_cell(example);
}

/// Which layers of the family lack the field.
std::string missing(const PoolFamily& family, const std::string& field) {
  std::string out;
  for (const LayerInfo* row : family.rows) {
    const std::vector<FieldInfo> fields = row->config.fields();
    const bool has = std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == field; });
    if (!has) out += (out.empty() ? "; not of " : ", ") + row->name;
  }
  return out;
}

/// A cell of a table.
std::string table_cell(const std::string& text) {
  return " " + plain_markdown(text) + " |";
}

std::string parameters_table(const PoolFamily& family) {
  const std::vector<FieldInfo> fields = family.shown().config.fields();
  std::string out = "## Parameters\n";
  if (fields.empty()) return out + "None.\n\n";
  out += "| name | default | takes | meaning |\n| --- | --- | --- | --- |\n";
  for (const FieldInfo& f : fields)
    out += "| " + code(f.name) + " |" + table_cell(f.default_text) +
           table_cell(f.type + (f.bounds.empty() ? "" : ", " + f.bounds)) +
           table_cell(f.doc + missing(family, f.name)) + "\n";
  out += "\n";
  if (!family.example.parameters.empty()) {
    out += "It learns";
    for (size_t i = 0; i < family.example.parameters.size(); ++i)
      out += text(i ? ", " : " ", code(family.example.parameters[i].first), " ",
                  family.example.parameters[i].second.shape());
    out += " (shapes as in the example).\n\n";
  }
  return out + "In a config:\n```\n" + spaced(family.example.config) + "\n```\n\n";
}

std::string results_section(const PoolFamily& family, const std::vector<PoolResults>& results) {
  std::string out;
  for (const PoolResults& r : results) {
    std::vector<Contestant> own;
    std::string places;
    for (size_t i = 0; i < r.ranked.size(); ++i)
      if (family_of(r.ranked[i].config) == family.name) {
        own.push_back(r.ranked[i]);
        places += (places.empty() ? "" : ", ") + std::to_string(i + 1);
      }
    if (own.empty()) continue;
    out +=
        "On " + r.data + ", place " + places + text(" of ", r.ranked.size(), ":\n\n") + comparison_markdown(own) + "\n";
  }
  if (out.empty()) {
    const bool several = family.shown().inputs_min > 1;
    out = std::string("It is not part of the experiment") +
          (several ? ", in which a pooling reads one input: this one reads more.\n\n" : ".\n\n");
  }
  return "## In the experiment\n" + out + "[All results](../pooling.md#results)\n";
}

}  // namespace

std::string plain_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
      continue;
    }
    if (std::string("\\`*_[]|~").find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string family_page(const PoolFamily& family, const std::vector<PoolResults>& results) {
  const LayerInfo& row = family.shown();
  const bool none = row.source_text.empty();
  return "# " + family.heading() + "\n" + plain_markdown(row.doc) + " Layers: " + names_of(family.rows) + ".\n\n" +
         "- **Formula:** " + code(row.formula_text) + "\n" + "- **When to use it:** " + plain_markdown(row.use_text) +
         ".\n" + (none ? "" : "- **Source:** " + linked(row.source_text) + ".\n") + "\n" + pictures(family) +
         numbers_text(family) + parameters_table(family) + results_section(family, results);
}

}  // namespace tarn
