// Trains what is to be compared, one after the other; what is in the folder already is not trained again.
#include "apps/compare/compare.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>

#include "apps/cli.h"
#include "apps/compare/forecast.h"
#include "apps/progress.h"
#include "apps/trainer.h"
#include "core/checksum.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/storage.h"

namespace tarn {
namespace {

/// Something to train.
struct Job {
  Experiment experiment;
  std::string name, group, key;
  bool missing = true;  ///< from the folder, at the start

  std::string title() const {
    const std::string place = group == Entrant::named_group ? "" : group + "/";
    return text(place, name, ", seed ", experiment.seed);
  }
};

/// Loads each data set once, which throws where that cannot be done.
void check_data(const std::vector<Job>& jobs) {
  std::set<std::string> seen;
  for (const Job& job : jobs)
    if (seen.insert(job.experiment.folder + " " + to_text(job.experiment.data)).second) load_data(job.experiment);
}

/// Seed by seed, so that a comparison that is stopped has as much of each config; within a seed, group by group.
std::vector<Job> jobs_for(const CompareOptions& options) {
  const std::vector<Entrant> entrants = entrants_of(options.configs);
  std::vector<Job> jobs;
  for (int64_t seed = 0; seed < options.seeds; ++seed)
    for (const Entrant& entrant : entrants) {
      std::vector<std::string> overrides = options.overrides;
      overrides.push_back("seed=" + std::to_string(seed));
      Job job{read_experiment(entrant.path, overrides), entrant.name, entrant.group, {}};
      job.key = checksum(to_text(resolved(job.experiment)));
      jobs.push_back(std::move(job));
    }
  check_data(jobs);
  return jobs;
}

/// The data of a job, kept for the next one, which has the same as a rule.
class KeptData {
 public:
  const Data& of(const Experiment& experiment) {
    const std::string key = text(experiment.seed, " ", experiment.folder, " ", to_text(experiment.data));
    if (key == key_) return data_;
    key_.clear();
    data_ = {};
    data_ = load_data(experiment);
    key_ = key;
    return data_;
  }

 private:
  std::string key_;
  Data data_;
};

/// The weights with the best validation result, as they were.
class Best {
 public:
  void keep(Model& model) {
    values_.clear();
    for (const NamedTensor& p : parameters(model)) values_.push_back(p.tensor->clone());
    for (const NamedTensor& b : buffers(model)) values_.push_back(b.tensor->clone());
  }
  void restore(Model& model) const {
    size_t i = 0;
    for (const NamedTensor& p : parameters(model)) assign(*p.tensor, values_[i++]);
    for (const NamedTensor& b : buffers(model)) assign(*b.tensor, values_[i++]);
  }

 private:
  Tensors values_;
};

Trial run_job(const Job& job, KeptData& kept, const Trainer::Watch& watch) {
  Trial trial{.config = job.name, .key = job.key, .seed = job.experiment.seed};
  try {
    const Data& data = kept.of(job.experiment);
    release_cached_memory();
    reset_peak_memory();
    const size_t before = memory_stats().in_use;
    Trainer trainer(job.experiment, data);
    trial.parameters = parameter_count(trainer.model());
    Best best;
    double fastest = std::numeric_limits<double>::infinity();
    while (!trainer.finished()) {
      trainer.run_epoch(watch);
      if (trainer.improved()) best.keep(trainer.model());
      fastest = std::min(fastest, trainer.history().back().seconds);
    }
    trial.epoch_seconds = std::isfinite(fastest) ? fastest : 0;
    trial.tensors_mb = static_cast<double>(memory_stats().peak - before) / (1 << 20);
    if (trainer.epoch() > 0) best.restore(trainer.model());
    const Evaluation test = evaluate(trainer.model(), trainer.loss(), data, data.test);
    trial.loss = test.loss;
    trial.accuracy = test.classification() ? test.accuracy() : std::numeric_limits<double>::quiet_NaN();
  } catch (const std::exception& e) {
    trial.failure = e.what();
  }
  return trial;
}

/// The folder of a comparison.
class Results {
 public:
  explicit Results(std::string folder) : folder_(std::move(folder)) { make_folders(folder_); }
  const Trial* find(const Job& job) {
    for (const Trial& t : of(job.group))
      if (t.key == job.key && t.seed == job.experiment.seed && t.config == job.name && t.failure.empty()) return &t;
    return nullptr;
  }
  void add(const std::string& group, const Trial& trial) {
    std::vector<Trial>& known = of(group);
    std::erase_if(known, [&](const Trial& t) { return t.config == trial.config && t.seed == trial.seed; });
    known.push_back(trial);
    std::string lines;
    for (const Trial& t : known) lines += to_text(to_json(t)) + "\n";
    write_file_atomically(path(group), lines);
  }
  void write(const Rankings& groups) const {
    write_file_atomically(folder_ + "/table.md", comparison_markdown(groups));
    write_file_atomically(folder_ + "/report.html", comparison_html("Comparison", groups));
  }

 private:
  std::string path(const std::string& group) const { return folder_ + "/" + group + ".jsonl"; }
  /// What the folder holds of a group; read when it is first asked for.
  std::vector<Trial>& of(const std::string& group) {
    const auto [place, added] = known_.try_emplace(group);
    if (!added || !path_exists(path(group))) return place->second;
    const std::string lines = read_file(path(group), 1 << 28);
    for (size_t at = 0; at < lines.size();) {
      const size_t end = std::min(lines.find('\n', at), lines.size());
      place->second.push_back(trial_from(parse_json(lines.substr(at, end - at), path(group))));
      at = end + 1;
    }
    return place->second;
  }

  std::string folder_;
  std::map<std::string, std::vector<Trial>> known_;
};

/// A comparison while it runs.
class Comparison {
 public:
  explicit Comparison(const CompareOptions& options)
      : options_(options), jobs_(jobs_for(options)), results_(options.out), progress_(options.quiet) {
    for (Job& job : jobs_) {
      job.missing = !results_.find(job);
      missing_ += job.missing;
    }
  }

  int run() {
    for (const Job& job : jobs_) {
      const Trial trial = job.missing ? trained(job) : *results_.find(job);
      trials_[job.group].push_back(trial);
      if (job.missing) {
        results_.add(job.group, trial);
        results_.write(rankings());
      }
      tell(job, trial);
    }
    progress_.clear();
    results_.write(rankings());
    if (!options_.json)
      std::printf("%sreport: %s/report.html\n", comparison_text(rankings()).c_str(), options_.out.c_str());
    return failed_ ? 1 : 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

  Trial trained(const Job& job) {
    const auto start = Clock::now();
    const double own = forecast_.seconds(job.group, job.name);
    double others = 0;
    for (const Job* other = &job + 1; other != jobs_.data() + jobs_.size(); ++other)
      if (other->missing) others += forecast_.seconds(other->group, other->name);
    int64_t steps = 0;
    const auto watch = [&](int64_t, int64_t total, const EpochSums&, double) {
      const int64_t all = std::max<int64_t>(1, total * job.experiment.train.epochs);
      const double part = static_cast<double>(++steps) / static_cast<double>(all);
      const double left = others + own * (1 - part);
      const std::string eta = std::isfinite(left) ? duration_text(left) + " left, " : "";
      progress_.update(done_ * 1000 + static_cast<int64_t>(part * 1000), missing_ * 1000,
                       text("training ", done_ + 1, "/", missing_), eta + job.title());
      return true;
    };
    Trial trial = run_job(job, data_, watch);
    forecast_.took(job.group, job.name, since(start));
    ++done_;
    return trial;
  }
  void tell(const Job& job, const Trial& trial) {
    if (!trial.failure.empty()) {
      failed_ = true;
      progress_.line(job.title() + ": " + trial.failure);
    }
    if (!options_.json) return;
    Json line = to_json(trial);
    line.set("group", job.group);
    std::printf("%s\n", to_text(line).c_str());
    std::fflush(stdout);
  }
  Rankings rankings() const {
    Rankings all;
    for (const auto& [group, trials] : trials_) all[group] = ranked(trials);
    return all;
  }

  const CompareOptions& options_;
  std::vector<Job> jobs_;
  Results results_;
  Progress progress_;
  KeptData data_;
  Forecast forecast_;
  std::map<std::string, std::vector<Trial>> trials_;
  int64_t missing_ = 0;  // what was not in the folder at the start
  int64_t done_ = 0;     // of these
  bool failed_ = false;
};

}  // namespace

int compare_command(const CompareOptions& options) {
  check(options.seeds >= 1 && options.seeds <= 1000, "--seeds: ", options.seeds, " is outside [1, 1000]");
  return Comparison(options).run();
}

}  // namespace tarn
