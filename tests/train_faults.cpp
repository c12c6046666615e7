// Tests of whole commands with every single file call failing in turn: the exit status and message are right, and the
// run still comes to the bits of one that nothing happened to.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "apps/cli.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/faults.h"
#include "tests/support/program.h"

namespace tarn::test_train_faults {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Fault;
using test::Faults;

constexpr const char* config = R"({
  "name": "small", "data": {"type": "Spirals", "n": 60, "batch_size": 16},
  "model": [{"type": "Linear", "out_features": 4}, "BatchNorm1d", "ReLU", {"type": "Linear", "out_features": "=classes"}],
  "train": {"epochs": 3}})";

/// Sends what this process writes to a descriptor into a file, until its end.
class Redirected {
 public:
  Redirected(int descriptor, const std::string& path) : descriptor_(descriptor), before_(::dup(descriptor)) {
    std::fflush(nullptr);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(file, descriptor_);
    ::close(file);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    std::fflush(nullptr);
    ::dup2(before_, descriptor_);
    ::close(before_);
  }

 private:
  int descriptor_;
  int before_;
};

struct Outcome {
  int status = 0;
  std::string out, err, at;
  int64_t calls = 0;
};

class Commands {
 public:
  Commands() {
    write_file_atomically(folder_ / "small.json", config);
    REQUIRE(run(train("whole"), 0, {}).status == 0);
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> train(const std::string& name) const {
    return {"train", path("small.json"), "--out", path(name), "--threads", "1"};
  }
  std::vector<std::string> resume(const std::string& name) const {
    return {"train", "--resume", path(name), "--threads", "1"};
  }
  /// A command in this process, with the fault in its `call`th file call.
  Outcome run(const std::vector<std::string>& arguments, int64_t call, Fault fault) const {
    Outcome outcome;
    {
      const Redirected out(STDOUT_FILENO, path("out")), err(STDERR_FILENO, path("err"));
      const Faults faults(call, fault);
      outcome.status = run_program(arguments);
      outcome.at = faults.at();
      outcome.calls = faults.calls();
    }
    outcome.out = read_file(path("out"));
    outcome.err = read_file(path("err"));
    return outcome;
  }
  void reset(const std::string& name, const std::string& from) const {
    fs::remove_all(path(name));
    if (!from.empty()) fs::copy(path(from), path(name), fs::copy_options::recursive);
  }
  void check_same_weights(const std::string& name) const {
    for (const char* file : {"/last.safetensors", "/best.safetensors"})
      CHECK(read_file(path(name) + file) == read_file(path("whole") + file));
    for (const auto& entry : fs::directory_iterator(path(name)))
      CHECK_FALSE(contains(entry.path().filename().string(), ".tmp"));
  }
  /// Whatever the fault did, the command is right about it.
  void check_says(const Outcome& outcome) const {
    CHECK((outcome.status == 0 || outcome.status == 1 || outcome.status == 2));
    CHECK((outcome.status != 0) == contains(outcome.err, "tarn: error: "));
    CHECK((outcome.status == 0) == contains(outcome.out, "test accuracy"));
    if (outcome.status != 0) CHECK(contains(outcome.err, ": cannot "));
  }

 private:
  TemporaryFolder folder_{true};
};

TEST_CASE("a training of which any file call fails ends well, or says what failed and goes on when it is asked to") {
  const Commands commands;
  const int64_t calls = commands.run(commands.train("count"), 0, {}).calls;
  CHECK(calls > 150);
  int64_t warned = 0, failed = 0, refused = 0;
  for (const int reason : {EIO, ENOSPC})
    for (int64_t call = 0; call < calls; ++call) {
      commands.reset("run", "");
      const Outcome outcome = commands.run(commands.train("run"), call, {Fault::Kind::error, reason});
      CAPTURE(outcome.at);
      CAPTURE(outcome.err);
      commands.check_says(outcome);
      warned += contains(outcome.err, "no checkpoint could be saved: ");
      if (contains(outcome.err, "no checkpoint could be saved: ")) CHECK(contains(outcome.err, "the training goes on"));
      failed += outcome.status == 1;
      refused += outcome.status == 2;
      if (outcome.status != 0) {
        const bool begun = fs::exists(commands.path("run/config.json"));
        CHECK(commands.run(begun ? commands.resume("run") : commands.train("run"), 0, {}).status == 0);
      }
      commands.check_same_weights("run");
    }
  MESSAGE(calls, " calls: ", refused, " times refused at the start, ", warned, " times warned of, ", failed,
          " times failed");
  CHECK(warned > 50);
  CHECK(refused > 10);
}

TEST_CASE("a resumed training of which any file call fails ends well, or says what failed and goes on again") {
  const Commands commands;
  REQUIRE(commands.run({"train", commands.path("small.json"), "--out", commands.path("half"), "--epochs", "2"}, 0, {})
              .status == 0);
  // As a run that was stopped after two of three epochs.
  std::string text = read_file(commands.path("half/config.json"));
  text.replace(text.find("\"epochs\": 2"), 11, "\"epochs\": 3");
  write_file_atomically(commands.path("half/config.json"), text);
  commands.reset("run", "half");
  const int64_t calls = commands.run(commands.resume("run"), 0, {}).calls;
  for (const Fault::Kind kind : {Fault::Kind::error, Fault::Kind::part})
    for (int64_t call = 0; call < calls; ++call) {
      commands.reset("run", "half");
      const Outcome outcome = commands.run(commands.resume("run"), call, {kind, EIO});
      CAPTURE(outcome.at);
      CAPTURE(outcome.err);
      if (kind == Fault::Kind::part) CHECK(outcome.status == 0);
      commands.check_says(outcome);
      if (outcome.status != 0) CHECK(commands.run(commands.resume("run"), 0, {}).status == 0);
      commands.check_same_weights("run");
    }
}

TEST_CASE("an evaluation of which any file call fails says so and changes nothing") {
  const Commands commands;
  const std::vector<std::string> eval = {"eval", commands.path("whole")};
  const int64_t calls = commands.run(eval, 0, {}).calls;
  CHECK(calls > 10);
  for (int64_t call = 0; call < calls; ++call) {
    const Outcome outcome = commands.run(eval, call, {Fault::Kind::error, EIO});
    CAPTURE(outcome.at);
    CAPTURE(outcome.err);
    // The state is read only for what it says of the config.
    const bool harmless = outcome.at.starts_with("close") || outcome.at.ends_with("state.safetensors");
    CHECK((outcome.status == 0 || !harmless));
    CHECK((outcome.status == 2 || harmless || outcome.at.starts_with("stat")));
    commands.check_says(outcome);
  }
  CHECK(commands.run(eval, 0, {}).status == 0);
}

}  // namespace
}  // namespace tarn::test_train_faults
