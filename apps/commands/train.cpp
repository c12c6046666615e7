// `tarn train`: from a config to a trained model, a run's folder and a report.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <optional>

#include "apps/cli.h"
#include "apps/profile_table.h"
#include "apps/progress.h"
#include "apps/report/report.h"
#include "apps/run_folder.h"

namespace tarn {

namespace {

volatile std::sig_atomic_t stop_signal = 0;

void on_signal(int signal) {
  if (stop_signal) std::_Exit(128 + signal);  // asked twice: at once; every file is replaced whole, so nothing is lost
  stop_signal = signal;
}

constexpr int64_t not_given = std::numeric_limits<int64_t>::min();

struct TrainOptions {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  std::string out;
  std::string resume;
  std::string profile;
  int64_t epochs = not_given;
  int64_t seed = not_given;
  int64_t threads = 0;
  bool quiet = false;
  bool json = false;
};

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

/// "  accuracy 0.9833", or the metrics of another task.
std::string metrics_text(const std::vector<Metric>& metrics, int digits) {
  std::string out;
  for (const Metric& m : metrics) out += "  " + spoken(m.name) + " " + fixed(m.value, digits);
  return out;
}

std::string describe(const EpochRecord& r, int64_t epochs) {
  std::string out = text("epoch ", r.epoch, "/", epochs, "  lr ") + fixed(r.lr, 6) + "  loss " +
                    fixed(r.train_loss, 4) + metrics_text(r.train, 4);
  if (r.validation_loss == r.validation_loss)
    out += "  validation loss " + fixed(r.validation_loss, 4) + metrics_text(r.validation, 4);
  return out + "  " + duration_text(r.seconds);
}

// Shows batches on a terminal, and says whether to go on.
Trainer::Watch watch_for(Progress& progress, const Trainer& trainer, Task task, int64_t epochs) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t before = trainer.epoch();
  return [&progress, &trainer, task, epochs, start, before](int64_t done, int64_t total, const EpochSums& sums,
                                                            double lr) {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double fraction = static_cast<double>(done) / static_cast<double>(total);
    const double so_far = static_cast<double>(trainer.epoch() - before) + fraction;
    const double left = spent / so_far * (static_cast<double>(epochs - before) - so_far);
    const double n = static_cast<double>(sums.examples);
    progress.update(done, total, text("epoch ", trainer.epoch() + 1, "/", epochs),
                    "lr " + fixed(lr, 5) + "  loss " + fixed(sums.loss / n, 4) +
                        metrics_text(metrics_of(task, sums.counts), 3) + "  " + duration_text(left) + " left");
    return stop_signal == 0;
  };
}

/// Saves a run as it goes on. A checkpoint that cannot be written does not stop the training: the one before it stays,
/// and the next may find room. Of many failures in a row one is told in a minute, and then that it is well again.
class Saver {
 public:
  Saver(RunFolder& folder, Trainer& trainer, Progress& progress)
      : folder_(folder), trainer_(trainer), progress_(progress), saved_(trainer.steps() > 0 ? trainer.steps() : -1) {}

  void save() {
    try {
      folder_.save(trainer_);
      saved_ = trainer_.steps();
      if (!problem_.empty()) progress_.warn(text("after step ", saved_, " checkpoints are saved again"));
      problem_.clear();
    } catch (const Failure&) {
      throw;
    } catch (const Error& error) {
      const auto now = std::chrono::steady_clock::now();
      const bool tell = problem_.empty() || now - told_ >= std::chrono::minutes(1);
      problem_ = error.what();
      if (!tell) return;
      told_ = now;
      progress_.warn(text("after step ", trainer_.steps(), " no checkpoint could be saved: ", problem_, "; ", kept(),
                          ", the training goes on"));
    }
    Profile::lap("save");
  }
  /// The last save before the program ends: tried again where it failed, and then an error.
  void finish() {
    if (problem_.empty()) return;
    try {
      folder_.save(trainer_);
    } catch (const Diverged&) {
      throw;
    } catch (const Error& error) {
      throw Failure(text("the last checkpoint could not be saved: ", error.what(), "; ", kept(),
                         "; go on from it with: tarn train --resume ", folder_.path()));
    }
  }

 private:
  std::string kept() const {
    return saved_ < 0 ? "there is none before it" : text("the one after step ", saved_, " stays");
  }

  RunFolder& folder_;
  Trainer& trainer_;
  Progress& progress_;
  int64_t saved_;        // the steps of the newest checkpoint; -1: there is none
  std::string problem_;  // of the last try; empty where it went well
  std::chrono::steady_clock::time_point told_;
};

/// Saves what a diverged training holds, and says where it is.
std::string saved_diverged(const RunFolder& folder, Trainer& trainer) {
  const char* kept = trainer.steps() > 0 ? "; the last checkpoint, if there is one, stays as it was" : "";
  try {
    return text("what it held then is in ", folder.save_diverged(trainer), kept);
  } catch (const Error& error) {
    return text("what it held then could not be saved (", error.what(), ")", kept);
  }
}

// Runs epochs until the end or a signal, saving after each and every so many steps. Returns false when a signal stopped
// it.
bool train_epochs(Trainer& trainer, RunFolder& folder, const TrainOptions& options, Task task,
                  const TrainConfig& config) {
  Progress progress(options.quiet);
  Saver saver(folder, trainer, progress);
  const auto show = watch_for(progress, trainer, task, config.epochs);
  const Trainer::Watch watch = [&](int64_t done, int64_t total, const EpochSums& sums, double lr) {
    const bool go_on = show(done, total, sums, lr);
    // At the end of the epoch, and where it stops, it is saved anyway.
    if (go_on && done < total && config.save_every > 0 && trainer.steps() % config.save_every == 0) saver.save();
    return go_on;
  };
  try {
    while (!trainer.finished() && !stop_signal) {
      const bool whole = trainer.run_epoch(watch);
      saver.save();
      if (!whole) break;
      progress.line(describe(trainer.history().back(), config.epochs));
      if (options.json) {
        std::printf("%s\n", to_text(to_json(trainer.history().back())).c_str());
        std::fflush(stdout);
      }
    }
    saver.finish();
  } catch (const Diverged& error) {
    throw Failure(text(error.what(), "; ", saved_diverged(folder, trainer)));
  }
  return trainer.finished();
}

void print_result(const TrainOptions& options, const Trainer& trainer, const Evaluation& test, const RunFolder& folder,
                  double seconds, int64_t parameter_total) {
  const auto finite = [](double v) { return v == v ? Json(v) : Json(nullptr); };
  const double train_loss = trainer.history().empty() ? 0 : trainer.history().back().train_loss;
  if (options.json) {
    Json done = Json::object();
    done.set("event", "done");
    done.set("epochs", trainer.epoch());
    done.set("train_loss", finite(train_loss));
    done.set("test_loss", test.examples ? finite(test.loss) : Json(nullptr));
    done.set("test_accuracy", nullptr);  // always there; of other tasks their own metrics come with it
    for (const Metric& m : test.metrics()) done.set("test_" + m.name, finite(m.value));
    done.set("seconds", seconds);
    done.set("parameters", parameter_total);
    done.set("run", folder.path());
    std::printf("%s\n", to_text(done).c_str());
    return;
  }
  if (test.examples) std::printf("%s\n", result_text(test).c_str());
  std::printf("train loss %.4f after %lld epochs in %s; %lld parameters\n", train_loss,
              static_cast<long long>(trainer.epoch()), duration_text(seconds).c_str(),
              static_cast<long long>(parameter_total));
  std::printf("run: %s\nreport: %s\n", folder.path().c_str(), folder.file("report.html").c_str());
}

Experiment experiment_for(const TrainOptions& options) {
  std::vector<std::string> overrides = options.overrides;
  if (options.epochs != not_given) overrides.push_back("train.epochs=" + std::to_string(options.epochs));
  if (options.seed != not_given) overrides.push_back("seed=" + std::to_string(options.seed));
  if (!options.resume.empty()) {
    check(options.configs.empty(), "--resume: continues the run's own config; leave '",
          options.configs.empty() ? "" : options.configs[0], "' out");
    return read_experiment(RunFolder::open(options.resume).file("config.json"), overrides);
  }
  return read_experiment(options.configs.empty() ? "digits" : options.configs[0], overrides);
}

/// Shows where the time of the steps went, and writes it as a trace.
void report_profile(const Profile& profile, const TrainOptions& options) {
  const std::vector<Profile::Row> rows = profile.by_op();
  const auto updates = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.name == "update"; });
  const std::string table = profile_table(profile, updates == rows.end() ? 1 : updates->calls);
  std::fprintf(stderr, "%s%s\n", options.quiet ? "" : table.c_str(), write_trace(profile, options.profile).c_str());
}

double seconds_of(const Trainer& trainer) {
  double sum = 0;
  for (const EpochRecord& r : trainer.history()) sum += r.seconds;
  return sum;
}

int train(std::span<const std::string> arguments) {
  TrainOptions options;
  Cli cli("train", "[CONFIG] [flags]",
          "Trains the model that CONFIG describes; without CONFIG the built-in digits classifier.\n"
          "CONFIG is a JSON file, or the name of a built-in one: digits, simplenet, spirals_mlp, …\n"
          "The run's folder holds the weights (best and last), the metrics, the config as it was resolved, and "
          "report.html.\n\n"
          "examples:\n"
          "  tarn train\n"
          "  tarn train my.json --epochs 5 --out runs/mine\n"
          "  tarn train my.json --set optimizer.lr=1e-3 --set data.batch_size=32\n"
          "  tarn train --resume runs/mine");
  cli.words(options.configs, 0, 1, "CONFIG")
      .flag("--out", &options.out, "folder of the run (default: runs/NAME-TIME)", "DIR")
      .flag("--set", &options.overrides, "overrides a value of the config; may be repeated", "PATH=VALUE")
      .flag("--epochs", &options.epochs, "the same as --set train.epochs=N", "N")
      .flag("--seed", &options.seed, "the same as --set seed=N", "N")
      .flag("--threads", &options.threads, "threads to use; results do not depend on it (default: all processors)", "N")
      .flag("--resume", &options.resume, "continues an interrupted run, to the bits of one that was never stopped",
            "DIR")
      .flag("--profile", &options.profile,
            "shows the time of each op and layer, and writes a trace for chrome://tracing", "FILE")
      .flag("--quiet", &options.quiet, "no progress")
      .flag("--json", &options.json, "one JSON object a line: each epoch, then the result");
  if (!cli.parse(arguments)) return 0;
  use_threads(options.threads);
  const Experiment experiment = experiment_for(options);
  const Data data = load_data(experiment);
  Trainer trainer(experiment, data);
  const bool resume = !options.resume.empty();
  const std::string path = resume                ? options.resume
                           : options.out.empty() ? RunFolder::default_path(experiment.name)
                                                 : options.out;
  RunFolder folder = RunFolder::create(path, resume);
  if (resume) warn_lines(folder.restore(trainer).warnings);
  if (!resume || !options.overrides.empty() || options.epochs != not_given || options.seed != not_given)
    folder.write_config(resolved(experiment), experiment.folder);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  try {
    const std::string remarked = remark(experiment, trainer.model());
    if (!options.quiet && !remarked.empty()) std::fprintf(stderr, "tarn: note: %s\n", remarked.c_str());
    if (!options.quiet)
      std::fprintf(stderr, "%s: %s; %lld parameters; run %s\n", experiment.name.c_str(), data.description.c_str(),
                   static_cast<long long>(parameter_count(trainer.model())), folder.path().c_str());
    std::optional<Profile> profile;
    if (!options.profile.empty()) profile.emplace();
    const bool whole = train_epochs(trainer, folder, options, data.task, experiment.train);
    if (profile) report_profile(*profile, options);
    profile.reset();
    if (!whole) {
      std::fprintf(stderr, "stopped; continue with: tarn train --resume %s\n", folder.path().c_str());
      return 128 + stop_signal;
    }
    if (trainer.epoch() == 0) folder.save(trainer);
    if (trainer.epoch() > 0) folder.load_weights("best", trainer.model());
    const Evaluation test = evaluate(trainer.model(), trainer.loss(), data, data.test);
    folder.write("report.html", report_html(experiment, data, trainer, test));
    print_result(options, trainer, test, folder, seconds_of(trainer), parameter_count(trainer.model()));
  } catch (const Failure&) {
    throw;
  } catch (const Error& error) {
    throw Failure(error.what());  // it had started
  }
  return 0;
}

const Command& train_row =
    add_command(10, "train", "train a model from a config, with checkpoints and a report", train);

}  // namespace

}  // namespace tarn
