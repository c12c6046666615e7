// The gradcheck command: chooses the subjects, checks each, and prints a table.
#include "apps/gradcheck/gradcheck.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <ostream>

#include "apps/gradcheck/subjects.h"
#include "apps/progress.h"
#include "apps/shapes.h"
#include "apps/trainer.h"
#include "core/error.h"

namespace tarn {
namespace {

struct Totals {
  int64_t passed = 0, failed = 0, kinks = 0, comparisons = 0, skipped = 0;

  void add(Verdict verdict) {
    passed += verdict == Verdict::pass;
    failed += verdict == Verdict::fail;
    kinks += verdict == Verdict::kink;
  }
  void add(const InputCheck& c) {
    add(c.verdict);
    comparisons += c.comparisons;
    skipped += c.skipped;
  }
};

/// Prints results as they come, as a table or as JSON lines.
class CheckPrinter {
 public:
  CheckPrinter(std::ostream& out, bool json) : out_(out), json_(json) {}

  void row(const Subject& subject, const InputCheck& c) {
    if (json_) return json_row(subject, c);
    if (!titled_) {
      titled_ = true;
      print("kind", "name", "tensor", "order", "element", "analytic", "numeric", "error", "step", "verdict");
    }
    const std::string element = c.comparisons == 0 ? "-" : c.index < 0 ? "all" : std::to_string(c.index);
    print(subject.kind, subject.name, c.input, std::to_string(c.order), element, number("%.8g", c.analytic),
          number("%.8g", c.numeric), number("%.1e", c.error), c.step > 0 ? number("%.1e", c.step) : "-",
          verdict_name(c.verdict) + (c.kink_at.empty() ? "" : " of " + c.kink_at));
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
      out_ << t.comparisons << " comparisons";
      if (t.skipped) out_ << ", " << t.skipped << " left out when time was up";
      out_ << '\n' << t.passed << " passed, " << t.failed << " failed, " << t.kinks << " at kinks\n";
      return;
    }
    Json line = Json::object();
    line.set("event", "done");
    line.set("passed", t.passed);
    line.set("failed", t.failed);
    line.set("kinks", t.kinks);
    line.set("comparisons", t.comparisons);
    line.set("skipped", t.skipped);
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
    line.set("error", json_number(c.error));
    line.set("element", c.index);
    line.set("analytic", json_number(c.analytic));
    line.set("numeric", json_number(c.numeric));
    line.set("step", c.step);
    if (!c.kink_at.empty()) line.set("kink_at", c.kink_at);
    line.set("comparisons", c.comparisons);
    line.set("kinks", c.kinks);
    line.set("skipped", c.skipped);
    out_ << to_text(line) << '\n';
  }

  static std::string number(const char* format, double value) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, format, value);
    return buffer;
  }

  void print(const std::string& kind, const std::string& name, const std::string& tensor, const std::string& order,
             const std::string& element, const std::string& analytic, const std::string& numeric,
             const std::string& error, const std::string& step, const std::string& verdict) {
    char line[320];
    std::snprintf(line, sizeof line, "%-6s %-30s %-14s %5s %7s %15s %15s %8s %8s  %s\n", kind.c_str(), name.c_str(),
                  tensor.c_str(), order.c_str(), element.c_str(), analytic.c_str(), numeric.c_str(), error.c_str(),
                  step.c_str(), verdict.c_str());
    out_ << line;
  }

  std::ostream& out_;
  bool json_;
  bool titled_ = false;
};

/// Checks subjects one after the other, within one time budget, and shows how far it is.
class Run {
 public:
  Run(const GradcheckOptions& options, std::ostream& out)
      : options_(options), printer_(out, options.json), progress_(options.quiet || options.json) {}

  Totals all(const std::vector<Subject>& subjects) {
    for (size_t i = 0; i < subjects.size(); ++i) {
      const auto show = [&](int64_t made, int64_t planned) {
        progress_.update(static_cast<int64_t>(i) * 1000 + made * 1000 / std::max<int64_t>(planned, 1),
                         static_cast<int64_t>(subjects.size()) * 1000, "checking", subjects[i].name);
      };
      check_one(subjects[i], show);
    }
    progress_.clear();
    printer_.totals(totals_);
    return totals_;
  }

 private:
  void check_one(const Subject& subject, const std::function<void(int64_t, int64_t)>& show) {
    if (!subject.f) {
      totals_.add(Verdict::fail);
      return printer_.broken(subject, "no sample to try it on");
    }
    try {
      if (subject.options.differentiable == 0) {
        subject.f(subject.inputs);
        return;
      }
      GradientCheckOptions how = subject.options;
      how.progress = show;
      if (options_.how.seconds > 0) {
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
        how.seconds = std::max(1e-9, options_.how.seconds - spent.count());
      }
      const GradientReport report = check_gradients(subject.f, subject.inputs, how);
      progress_.clear();
      for (const InputCheck& c : report.checks) {
        totals_.add(c);
        printer_.row(subject, c);
      }
    } catch (const std::exception& error) {
      progress_.clear();
      totals_.add(Verdict::fail);
      printer_.broken(subject, error.what());
    }
  }

  const GradcheckOptions& options_;
  CheckPrinter printer_;
  Progress progress_;
  Totals totals_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::vector<Subject> chosen_subjects(const GradcheckOptions& options) {
  const int modes = int(options.all) + int(!options.layer.empty()) + int(!options.config.empty());
  check(modes == 1, "gradcheck: give a config, or --layer with --shape, or --all");
  if (!options.layer.empty()) {
    const bool name = options.layer.find_first_of("[{\"") == std::string::npos;
    const Json config = name ? Json(options.layer) : parse_json(options.layer, "--layer");
    return {layer_subject(config, read_shapes(options.shapes), options.how)};
  }
  if (!options.config.empty())
    return {experiment_subject(read_experiment(options.config, options.overrides), options.how)};
  std::vector<Subject> subjects = op_subjects(options.how);
  for (Subject& layer : layer_subjects(options.how)) subjects.push_back(std::move(layer));
  for (Subject& loss : loss_subjects(options.how)) subjects.push_back(std::move(loss));
  return subjects;
}

}  // namespace

int gradcheck_command(const GradcheckOptions& options, std::ostream& out) {
  return Run(options, out).all(chosen_subjects(options)).failed ? 1 : 0;
}

}  // namespace tarn
