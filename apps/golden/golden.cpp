// The golden command: groups are read, cases run one after the other, and what did not pass is printed.
#include "apps/golden/golden.h"

#include <map>
#include <ostream>
#include <set>

#include "apps/golden/run.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/json.h"

namespace tarn {
namespace {

using golden::Outcome;
using golden::Status;

struct OutcomeCounts {
  int64_t passed = 0, failed = 0, skipped = 0;

  void add(Status status) {
    passed += status == Status::passed;
    failed += status == Status::failed;
    skipped += status == Status::skipped;
  }
};

/// Prints cases as they come. As text, skipped ones are only counted by reason: there may be hundreds of one kind.
class OutcomePrinter {
 public:
  OutcomePrinter(std::ostream& out, bool json) : out_(out), json_(json) {}

  void add(const std::string& group, const std::string& name, const Outcome& outcome) {
    if (outcome.status == Status::passed) return;
    if (json_) return json_line(group, name, outcome);
    if (outcome.status == Status::skipped)
      ++skipped_[outcome.why];
    else
      out_ << group << '/' << name << ": failed: " << outcome.why << '\n';
  }

  /// What is known to differ from the reference by design.
  void differences(const golden::Group& group) {
    if (json_) return;
    std::set<std::string> known;
    for (const Json& item : group.cases()) {
      const golden::Row* row = golden::find_row(item.at("op").as_string());
      if (row && !item.find("expect_error")) known.insert(row->difference);
    }
    known.erase("");
    for (const std::string& text : known) out_ << group.name() << ": by design: " << text << '\n';
  }

  void end_group(const std::string& group, const OutcomeCounts& counts) {
    if (json_) return;
    for (const auto& [why, count] : skipped_) out_ << group << ": skipped " << count << ": " << why << '\n';
    skipped_.clear();
    out_ << group << ": ";
    totals(counts);
  }

  void totals(const OutcomeCounts& counts) {
    out_ << counts.passed << " passed, " << counts.failed << " failed, " << counts.skipped << " skipped\n";
  }

 private:
  void json_line(const std::string& group, const std::string& name, const Outcome& outcome) {
    Json line = Json::object();
    line.set("group", group);
    line.set("case", name);
    line.set("status", status_name(outcome.status));
    line.set("why", outcome.why);
    out_ << to_text(line) << '\n';
  }

  std::ostream& out_;
  bool json_;
  std::map<std::string, int64_t> skipped_;
};

void print_json_totals(std::ostream& out, const OutcomeCounts& counts) {
  Json line = Json::object();
  line.set("event", "done");
  line.set("passed", counts.passed);
  line.set("failed", counts.failed);
  line.set("skipped", counts.skipped);
  out << to_text(line) << '\n';
}

OutcomeCounts run_group(const golden::Group& group, OutcomePrinter& printer) {
  OutcomeCounts counts;
  for (const Json& item : group.cases()) {
    const Outcome outcome = run_case(group, item);
    counts.add(outcome.status);
    printer.add(group.name(), item.at("name").as_string(), outcome);
  }
  printer.differences(group);
  printer.end_group(group.name(), counts);
  return counts;
}

}  // namespace

int golden_command(const GoldenOptions& options, std::ostream& out) {
  OutcomeCounts total;
  OutcomePrinter printer(out, options.json);
  try {
    // All groups are read before the first case runs, so that a broken file is reported at once.
    std::vector<golden::Group> groups;
    for (const std::string& name : options.groups.empty() ? golden::groups_in(options.folder) : options.groups)
      groups.emplace_back(options.folder, name);
    for (const golden::Group& group : groups) {
      const OutcomeCounts counts = run_group(group, printer);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
  } catch (const golden::BadFile& bad) {
    throw Error(bad.what());
  }
  if (options.json)
    print_json_totals(out, total);
  else
    printer.totals(total);
  return total.failed ? 1 : 0;
}

}  // namespace tarn
