// The gradcheck command: chooses the subjects, checks each, and prints a table.
#include "apps/gradcheck/gradcheck.h"

#include <cmath>
#include <cstdio>
#include <ostream>

#include "apps/gradcheck/subjects.h"
#include "apps/shapes.h"
#include "core/error.h"

namespace tarn {
namespace {

struct Totals {
  int64_t passed = 0, failed = 0, kinks = 0;

  void add(Verdict verdict) {
    passed += verdict == Verdict::pass;
    failed += verdict == Verdict::fail;
    kinks += verdict == Verdict::kink;
  }
};

/// Prints results as they come, as a table or as JSON lines.
class Printer {
 public:
  Printer(std::ostream& out, bool json) : out_(out), json_(json) {}

  void row(const Subject& subject, const InputCheck& c) {
    if (json_) return json_row(subject, c);
    char line[256];
    std::snprintf(line, sizeof line, "%-6s %-32s %-16s %d  %-4s  %8.1e", subject.kind.c_str(), subject.name.c_str(),
                  c.input.c_str(), c.order, verdict_name(c.verdict), c.error);
    out_ << line;
    if (c.verdict != Verdict::pass)
      out_ << "  element " << c.index << ": analytic " << c.analytic << ", numeric " << c.numeric;
    out_ << '\n';
  }

  void broken(const Subject& subject, const std::string& why) {
    if (!json_) {
      out_ << subject.kind << ' ' << subject.name << ": fail: " << why << '\n';
      return;
    }
    Json line = Json::object();
    line.set("kind", subject.kind);
    line.set("name", subject.name);
    line.set("verdict", "fail");
    line.set("why", why);
    out_ << to_text(line) << '\n';
  }

  void totals(const Totals& t) {
    if (!json_) {
      out_ << t.passed << " passed, " << t.failed << " failed, " << t.kinks << " at kinks\n";
      return;
    }
    Json line = Json::object();
    line.set("event", "done");
    line.set("passed", t.passed);
    line.set("failed", t.failed);
    line.set("kinks", t.kinks);
    out_ << to_text(line) << '\n';
  }

 private:
  void json_row(const Subject& subject, const InputCheck& c) {
    Json line = Json::object();
    line.set("kind", subject.kind);
    line.set("name", subject.name);
    line.set("tensor", c.input);
    line.set("order", c.order);
    line.set("verdict", verdict_name(c.verdict));
    line.set("error", c.error);
    line.set("element", c.index);
    line.set("analytic", c.analytic);
    line.set("numeric", c.numeric);
    line.set("step", c.step);
    out_ << to_text(line) << '\n';
  }

  std::ostream& out_;
  bool json_;
};

void check_subject(const Subject& subject, Printer& printer, Totals& totals) {
  if (!subject.f) {
    totals.add(Verdict::fail);
    return printer.broken(subject, "no sample to try it on");
  }
  try {
    if (subject.options.differentiable == 0) {
      subject.f(subject.inputs);
      return;
    }
    for (const InputCheck& c : check_gradients(subject.f, subject.inputs, subject.options).checks) {
      totals.add(c.verdict);
      printer.row(subject, c);
    }
  } catch (const std::exception& error) {
    totals.add(Verdict::fail);
    printer.broken(subject, error.what());
  }
}

std::vector<Subject> chosen(const GradcheckOptions& options) {
  const int modes = int(options.all) + int(!options.layer.empty()) + int(!options.config.empty());
  check(modes == 1, "gradcheck: give a config, or --layer with --shape, or --all");
  check(options.order == 1 || options.order == 2, "gradcheck: --order ", options.order, " must be 1 or 2");
  if (!options.layer.empty()) {
    const bool name = options.layer.find_first_of("[{\"") == std::string::npos;
    const Json config = name ? Json(options.layer) : parse_json(options.layer, "--layer");
    return {layer_subject(config, read_shapes(options.shapes), options.order)};
  }
  if (!options.config.empty()) return {experiment_subject(read_experiment(options.config), options.order)};
  std::vector<Subject> subjects = op_subjects(options.order);
  for (Subject& layer : layer_subjects(options.order)) subjects.push_back(std::move(layer));
  for (Subject& loss : loss_subjects(options.order)) subjects.push_back(std::move(loss));
  return subjects;
}

}  // namespace

int gradcheck_command(const GradcheckOptions& options, std::ostream& out) {
  const std::vector<Subject> subjects = chosen(options);
  Printer printer(out, options.json);
  Totals totals;
  for (const Subject& subject : subjects) check_subject(subject, printer, totals);
  printer.totals(totals);
  return totals.failed ? 1 : 0;
}

}  // namespace tarn
