// `tarn verify-resume`: a training that is stopped, thrown away and resumed, against one that is not, byte by byte.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "apps/cli.h"
#include "apps/fingerprint.h"
#include "apps/progress.h"
#include "apps/run_folder.h"
#include "core/safetensors.h"

namespace tarn {

namespace {

constexpr int64_t default_epochs = 2;
constexpr int64_t default_stops = 5;
constexpr size_t differences_shown = 5;

struct VerifyOptions {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  std::string out;
  int64_t epochs = 0;
  int64_t stops = default_stops;
  int64_t threads = 0;
  bool quiet = false;
  bool json = false;
};

/// A folder to save in: the user's, or a temporary one that goes again.
class VerifyFolder {
 public:
  explicit VerifyFolder(const std::string& wanted) : path_(wanted), temporary_(wanted.empty()) {
    if (!temporary_) return;
    path_ = (std::filesystem::temp_directory_path() / "tarn-verify-XXXXXX").string();
    check(::mkdtemp(path_.data()) != nullptr, path_, ": cannot be made; give a folder with --out DIR");
  }
  VerifyFolder(const VerifyFolder&) = delete;
  VerifyFolder& operator=(const VerifyFolder&) = delete;
  ~VerifyFolder() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool temporary_;
};

/// The steps to stop after: the first, the end of the first epoch, the last but one, and some evenly between them.
std::set<int64_t> stops_between(int64_t steps, int64_t steps_per_epoch, int64_t wanted) {
  std::set<int64_t> stops = {1, steps_per_epoch, steps - 1};
  for (int64_t i = 1; i <= wanted; ++i) stops.insert(i * steps / (wanted + 1));
  stops.erase(0);
  stops.erase(steps);
  return stops;
}

/// The training that nothing stops, as it was at each of the steps and at its end.
struct Uninterrupted {
  std::map<int64_t, Fingerprint> at;
  Fingerprint best;
};

Uninterrupted train_whole(Trainer& trainer, const std::set<int64_t>& stops, Progress& progress, int64_t steps) {
  Uninterrupted all;
  while (!trainer.finished()) {
    trainer.run_epoch([&](int64_t done, int64_t total, const EpochSums&, double) {
      progress.update(trainer.steps(), 2 * steps, "without a stop", "");
      if (done < total && stops.contains(trainer.steps())) all.at[trainer.steps()] = fingerprint(trainer);
      return true;
    });
    all.at[trainer.steps()] = fingerprint(trainer);
    if (trainer.improved()) all.best = fingerprint(trainer.model());
  }
  return all;
}

/// Trains from the folder's files, and from nothing else, up to a step, and saves there.
Fingerprint train_leg(const Experiment& experiment, const std::string& path, int64_t until, bool first,
                      Progress& progress, int64_t steps) {
  const Data data = load_data(experiment);
  Trainer trainer(experiment, data);
  RunFolder folder = RunFolder::create(path, !first);
  if (first) folder.write_config(resolved(experiment), experiment.folder);
  if (!first) warn_lines(folder.restore(trainer).warnings);
  while (trainer.steps() < until) {
    trainer.run_epoch([&](auto...) {
      progress.update(steps + trainer.steps(), 2 * steps, text("stopped after step ", until), "");
      return trainer.steps() < until;
    });
    folder.save(trainer);
  }
  return fingerprint(trainer);
}

void check_same(const Fingerprint& whole, const Fingerprint& resumed, const std::string& when) {
  const std::vector<std::string> names = differences(whole, resumed);
  if (names.empty()) return;
  std::string shown;
  for (size_t i = 0; i < std::min(names.size(), differences_shown); ++i) shown += text(i == 0 ? "" : ", ", names[i]);
  throw Failure(text(when, ", the resumed training differs from the one without a stop in ", names.size(), " of ",
                     whole.size(), " values: ", shown, names.size() > differences_shown ? ", …" : "",
                     "; please report this with the config"));
}

int verify_resume(std::span<const std::string> arguments) {
  VerifyOptions options;
  Cli cli(
      "verify-resume", "CONFIG [flags]",
      "Shows that a training of CONFIG can be interrupted and resumed without a bit of difference.\n"
      "It is trained once without a stop. It is trained again and stopped at several points; each time it is saved,\n"
      "thrown away with all its data, and goes on from its files alone. At each point, and at the end, every byte of\n"
      "weights, buffers, optimizer, schedule and counters must be equal. Takes twice the time of one training.\n\n"
      "examples:\n"
      "  tarn verify-resume my.json\n"
      "  tarn verify-resume my.json --epochs 1 --stops 20");
  cli.words(options.configs, 1, 1, "CONFIG")
      .flag("--epochs", &options.epochs,
            text("epochs to train (default: ", default_epochs, ", or the config's if fewer)"), "N")
      .flag("--stops", &options.stops,
            text("how often to stop, besides after the first step, the first epoch and before the last step (default: ",
                 default_stops, ")"),
            "N")
      .flag("--set", &options.overrides, "overrides a value of the config; may be repeated", "PATH=VALUE")
      .flag("--out", &options.out, "folder to save in (default: a temporary one, removed afterwards)", "DIR")
      .flag("--threads", &options.threads, "threads to use (default: all processors)", "N")
      .flag("--quiet", &options.quiet, "no progress")
      .flag("--json", &options.json, "one JSON object a line: each stop, then the result");
  if (!cli.parse(arguments)) return 0;
  check(options.epochs >= 0, "--epochs: ", options.epochs, " is not a number of epochs; write for example --epochs 2");
  check(options.stops >= 0, "--stops: ", options.stops, " is not a number of stops; write for example --stops 5");
  use_threads(options.threads);
  Experiment experiment = read_experiment(options.configs[0], options.overrides);
  experiment.train.epochs = options.epochs > 0 ? options.epochs : std::min(experiment.train.epochs, default_epochs);
  const VerifyFolder place(options.out);
  Progress progress(options.quiet);

  const Data data = load_data(experiment);
  Trainer trainer(experiment, data);
  const int64_t steps = experiment.train.epochs * trainer.steps_per_epoch();
  check(steps > 1, options.configs[0], ": a training of ", steps, " steps has no point to stop at; give more --epochs");
  const std::set<int64_t> stops = stops_between(steps, trainer.steps_per_epoch(), options.stops);
  const auto tell = [&](int64_t step, bool end) {
    progress.clear();
    if (options.json)
      std::printf(
          "%s\n",
          to_text(Json::object().set("event", end ? "done" : "stop").set("step", step).set("equal", true)).c_str());
    else if (!end)
      std::printf("stopped after step %lld of %lld: equal\n", static_cast<long long>(step),
                  static_cast<long long>(steps));
    std::fflush(stdout);
  };
  try {
    const Uninterrupted whole = train_whole(trainer, stops, progress, steps);
    bool first = true;
    for (const int64_t stop : stops) {
      const Fingerprint leg = train_leg(experiment, place.path(), stop, first, progress, steps);
      check_same(whole.at.at(stop), leg, text("stopped after step ", stop));
      tell(stop, false);
      first = false;
    }
    const Fingerprint end = train_leg(experiment, place.path(), steps, false, progress, steps);
    check_same(whole.at.at(steps), end, "at the end");
    const RunFolder folder = RunFolder::open(place.path());
    folder.load_weights("best", trainer.model());
    check_same(whole.best, fingerprint(trainer.model()), "in best.safetensors");
    tell(steps, true);
    if (!options.json)
      std::printf(
          "resume verified: %zu stops in %lld steps, all %zu values equal to the byte, and so are the best weights\n",
          stops.size(), static_cast<long long>(steps), end.size());
  } catch (const Failure&) {
    throw;
  } catch (const Error& error) {
    throw Failure(error.what());  // it had started
  }
  return 0;
}

const Command& verify_resume_row =
    add_command(15, "verify-resume", "show that a config's training resumes to the same bits", verify_resume);

}  // namespace

}  // namespace tarn
