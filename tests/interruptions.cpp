// Tests of the program being killed and signalled: what it leaves is whole, and goes on to the bits of a run that
// nothing stopped. TARN_KILLS is how many kills to try (default: 20); 2000 take some minutes.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "apps/fingerprint.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_interruptions {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using test::contains;

constexpr const char* config = R"({
  "name": "small", "data": {"type": "Spirals", "n": 150, "batch_size": 16, "augment": ["GaussianNoise"]},
  "model": [{"type": "Linear", "out_features": 16}, "BatchNorm1d", "ReLU", "Dropout",
            {"type": "Linear", "out_features": "=classes"}],
  "optimizer": {"type": "AdamW", "lr": 0.01}, "schedule": {"type": "OneCycleLR", "max_lr": 0.02},
  "train": {"epochs": 8, "save_every": 1}})";

/// A config in a folder, and the run that nothing stops.
class Experiments {
 public:
  explicit Experiments(const std::string& text = config) {
    write_file_atomically(folder_ / "small.json", text);
    const auto start = Clock::now();
    const Ended ended = Running(first("whole")).wait();
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    REQUIRE_MESSAGE(ended.status == 0, ended.err);
    REQUIRE(problem("whole") == "");
  }
  std::string path(const std::string& run) const { return folder_ / run; }
  double seconds() const { return seconds_; }
  std::vector<std::string> first(const std::string& run) const {
    return tarn_words({"train", folder_ / "small.json", "--out", path(run), "--threads", "1"});
  }
  std::vector<std::string> again(const std::string& run) const {
    return tarn_words({"train", "--resume", path(run), "--threads", "1"});
  }

  /// What is wrong with a run's files as they are; empty where all that are there are whole.
  std::string problem(const std::string& run) const {
    for (const char* name : {"state", "state.previous", "last", "best"}) {
      const std::string file = path(run) + "/" + name + ".safetensors";
      if (!fs::exists(file)) continue;
      const std::string message = test::message_of([&] { load_safetensors(file, nullptr, Checksums::required); });
      if (!message.empty()) return message;
    }
    return "";
  }
  /// Where a finished run differs from the one that nothing stopped; empty where nowhere.
  std::string difference(const std::string& run) const {
    for (const char* name : {"last.safetensors", "best.safetensors"})
      if (read_file(path(run) + "/" + name) != read_file(path("whole") + "/" + name)) return name;
    if (state(run) != state("whole")) return "state.safetensors";
    if (metrics(run) != metrics("whole")) return "metrics.jsonl";
    if (read_file(path(run) + "/config.json") != read_file(path("whole") + "/config.json")) return "config.json";
    for (const auto& entry : fs::directory_iterator(path(run)))
      if (!fs::exists(path("whole") + "/" + entry.path().filename().string())) return "left: " + entry.path().string();
    return "";
  }

 private:
  Fingerprint state(const std::string& run) const {
    NamedValues values;
    for (auto& [name, value] : load_safetensors(path(run) + "/state.safetensors")) values.emplace_back(name, value);
    return fingerprint(values);
  }
  std::string metrics(const std::string& run) const {
    std::string out;
    for (const std::string& text : test::lines_of(read_file(path(run) + "/metrics.jsonl"))) {
      Json line = parse_json(text, "metrics.jsonl");
      line.erase("seconds");
      out += to_text(line) + "\n";
    }
    return out;
  }

  TemporaryFolder folder_{!std::getenv("TARN_KILLS_ON_DISK")};
  double seconds_ = 0;
};

int64_t kills_wanted() {
  const char* text = std::getenv("TARN_KILLS");
  return text ? std::atoll(text) : 20;
}

void wait_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST_CASE("a run that is killed at random instants, again and again, ends with the bits of one that is not") {
  const Experiments experiments;
  std::mt19937 draws(1);
  std::uniform_real_distribution<double> delay(0, 0.8 * experiments.seconds());
  int64_t kills = 0, runs = 0, most_in_one = 0;
  while (kills < kills_wanted()) {
    const std::string run = "run" + std::to_string(++runs);
    int64_t in_this = 0;
    for (bool finished = false; !finished;) {
      const bool started = fs::exists(experiments.path(run) + "/config.json");
      Running running(started ? experiments.again(run) : experiments.first(run));
      wait_for(delay(draws));
      running.send(SIGKILL);
      const Ended ended = running.wait();
      finished = ended.status == 0;
      in_this += !finished;
      CAPTURE(ended.err);
      REQUIRE((finished || ended.status == 1000 + SIGKILL));
      REQUIRE(!contains(ended.err, "warning"));
      REQUIRE(experiments.problem(run) == "");
    }
    REQUIRE(experiments.difference(run) == "");
    fs::remove_all(experiments.path(run));
    kills += in_this;
    most_in_one = std::max(most_in_one, in_this);
  }
  MESSAGE(kills, " kills in ", runs, " runs, up to ", most_in_one, " in one");
}

TEST_CASE("a signal ends the step, saves and says how to go on; a second one ends the program at once") {
  // Long enough to be met by the signal.
  std::string text = config;
  text.replace(text.find("\"epochs\": 8"), 11, "\"epochs\": 60");
  const Experiments experiments(text);
  int number = 0;
  for (const int signal : {SIGINT, SIGTERM})
    for (const bool twice : {false, true}) {
      CAPTURE(signal);
      CAPTURE(twice);
      const std::string run = "signalled" + std::to_string(++number);
      Running running(experiments.first(run));
      while (!fs::exists(experiments.path(run) + "/state.safetensors")) wait_for(0.002);
      running.send(signal);
      if (twice) running.send(signal);
      const Ended ended = running.wait();
      CAPTURE(ended.err);
      CHECK(ended.status == 128 + signal);
      CHECK((twice || contains(ended.err, "stopped; continue with: tarn train --resume " + experiments.path(run))));
      CHECK(experiments.problem(run) == "");
      const Ended resumed = Running(experiments.again(run)).wait();
      CAPTURE(resumed.err);
      CHECK(resumed.status == 0);
      CHECK(experiments.difference(run) == "");
    }
}

TEST_CASE("two programs cannot train in one folder") {
  const Experiments experiments;
  Running running(experiments.first("run"));
  while (!fs::exists(experiments.path("run") + "/config.json")) wait_for(0.001);
  running.send(SIGSTOP);
  const Ended second = Running(experiments.again("run")).wait();
  running.send(SIGCONT);
  CHECK(second.status == 2);
  CHECK(contains(second.err, experiments.path("run") + ": another program is writing to this run"));
  CHECK(running.wait().status == 0);
  CHECK(experiments.difference("run") == "");
}

}  // namespace
}  // namespace tarn::test_interruptions
