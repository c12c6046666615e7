// Trains what is to be compared, one after the other; what is in the folder already is not trained again.
#include "apps/compare/compare.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "apps/cli.h"
#include "apps/progress.h"
#include "apps/trainer.h"
#include "core/checksum.h"
#include "core/file.h"
#include "core/storage.h"

namespace tarn {
namespace {

/// Something to train.
struct Job {
  Experiment experiment;
  std::string name, key;
};

std::string name_of(const std::string& config) {
  return std::filesystem::path(config).stem().string();
}

std::vector<Job> jobs_for(const CompareOptions& options) {
  std::vector<Job> jobs;
  for (const std::string& config : options.configs)
    for (int64_t seed = 0; seed < options.seeds; ++seed) {
      std::vector<std::string> overrides = options.overrides;
      overrides.push_back("seed=" + std::to_string(seed));
      Job job{read_experiment(config, overrides), name_of(config), {}};
      Checksum sum;
      sum.add(to_text(resolved(job.experiment, 1)));  // whatever the number of classes
      job.key = sum.text();
      jobs.push_back(std::move(job));
    }
  return jobs;
}

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

Trial train(const Job& job, const Trainer::Watch& watch) {
  Trial trial{.config = job.name, .key = job.key, .seed = job.experiment.seed};
  const Data data = load_data(job.experiment);
  release_cached_memory();
  reset_peak_memory();
  const size_t before = memory_stats().in_use;
  try {
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
    const Evaluation test = evaluate(trainer.model(), trainer.loss(), data.test.x, data.test.y, data.classes);
    trial.loss = test.loss;
    trial.accuracy = test.classification() ? test.accuracy() : std::numeric_limits<double>::quiet_NaN();
  } catch (const Error& e) {
    trial.failure = e.what();
  }
  return trial;
}

/// The folder of a comparison.
class Results {
 public:
  explicit Results(std::string folder) : folder_(std::move(folder)) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    check(!error, "--out: cannot make the folder '", folder_, "': ", error.message());
    const std::string path = folder_ + "/results.jsonl";
    if (!std::filesystem::exists(path)) return;
    const std::string lines = read_file(path, 1 << 28);
    for (size_t at = 0; at < lines.size();) {
      const size_t end = std::min(lines.find('\n', at), lines.size());
      known_.push_back(trial_from(parse_json(lines.substr(at, end - at), path)));
      at = end + 1;
    }
  }
  const Trial* find(const Job& job) const {
    for (const Trial& t : known_)
      if (t.key == job.key && t.seed == job.experiment.seed && t.config == job.name && t.failure.empty()) return &t;
    return nullptr;
  }
  void add(const Trial& trial) {
    std::erase_if(known_, [&](const Trial& t) { return t.config == trial.config && t.seed == trial.seed; });
    known_.push_back(trial);
    std::string lines;
    for (const Trial& t : known_) lines += to_text(to_json(t)) + "\n";
    write_file_atomically(folder_ + "/results.jsonl", lines);
  }
  void write(const std::vector<Trial>& trials) const {
    const std::vector<Contestant> contestants = ranked(trials);
    write_file_atomically(folder_ + "/table.md", comparison_markdown(contestants));
    write_file_atomically(folder_ + "/report.html", comparison_html("Comparison", contestants));
  }

 private:
  std::string folder_;
  std::vector<Trial> known_;
};

}  // namespace

int compare_command(const CompareOptions& options) {
  check(options.seeds >= 1 && options.seeds <= 1000, "--seeds: ", options.seeds, " is outside [1, 1000]");
  const std::vector<Job> jobs = jobs_for(options);
  Results results(options.out);
  Progress progress(options.quiet);
  std::vector<Trial> trials;
  bool failed = false;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    const auto watch = [&](int64_t done, int64_t total, const EpochSums&, double) {
      progress.update(static_cast<int64_t>(i) * 1000 + done * 1000 / total, static_cast<int64_t>(jobs.size()) * 1000,
                      text("training ", i + 1, "/", jobs.size()), text(job.name, ", seed ", job.experiment.seed));
      return true;
    };
    const Trial* known = results.find(job);
    const Trial trial = known ? *known : train(job, watch);
    if (!known) results.add(trial);
    trials.push_back(trial);
    failed = failed || !trial.failure.empty();
    if (!trial.failure.empty()) progress.line(text(job.name, ", seed ", job.experiment.seed, ": ", trial.failure));
    if (options.json) {
      std::printf("%s\n", to_text(to_json(trial)).c_str());
      std::fflush(stdout);
    }
    results.write(trials);
  }
  progress.clear();
  if (!options.json)
    std::printf("%sreport: %s/report.html\n", comparison_text(ranked(trials)).c_str(), options.out.c_str());
  return failed ? 1 : 0;
}

}  // namespace tarn
