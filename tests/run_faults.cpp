// Tests of saving and resuming with every single file call failing in turn, the program dying in it, or the power
// going: the run always goes on to the bits of one that nothing happened to.
#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>

#include "apps/fingerprint.h"
#include "apps/run_folder.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/faults.h"
#include "tests/support/program.h"
#include "tests/support/small_run.h"

namespace tarn::test_run_faults {
namespace {

namespace fs = std::filesystem;
using test::Dead;
using test::Fault;
using test::Faults;
using test::SmallRun;

constexpr int64_t epochs = 4;

/// A run after two epochs, its folder, and how it ends.
class Started {
 public:
  Started() : run_(epochs) {
    Trainer whole = run_.trainer();
    while (!whole.finished()) whole.run_epoch(go_on);
    end_ = fingerprint(whole);

    RunFolder folder = RunFolder::create(path(), false);
    folder.write_config(resolved(run_.experiment()), path());
    Trainer trainer = run_.trainer();
    for (int i = 0; i < 2; ++i) {
      trainer.run_epoch(go_on);
      folder.save(trainer);
    }
    fs::copy(path(), kept_ / "run", fs::copy_options::recursive);
  }
  std::string path() const { return folder_ / "run"; }
  const SmallRun& run() const { return run_; }
  void reset() const {
    fs::remove_all(path());
    fs::copy(kept_ / "run", path(), fs::copy_options::recursive);
  }
  static bool go_on(int64_t, int64_t, const EpochSums&, double) { return true; }

  /// Resumes the run as `tarn train --resume` does and ends it.
  void check_ends_right(int64_t at_least) const {
    Trainer trainer = run_.trainer();
    {
      RunFolder folder = RunFolder::create(path(), true);
      const RunFolder::Restored restored = folder.restore(trainer);
      CHECK(restored.any);
      CHECK(restored.warnings == "");
      CHECK(trainer.epoch() >= at_least);
      while (!trainer.finished()) {
        trainer.run_epoch(go_on);
        folder.save(trainer);
      }
    }
    CHECK(differences(fingerprint(trainer), end_) == std::vector<std::string>{});
    const RunFolder folder = RunFolder::open(path());
    CHECK(folder.changed_config() == "");
    for (const char* name : {"last", "best"}) folder.load_weights(name, trainer.model());
    for (const auto& entry : fs::directory_iterator(path()))
      CHECK(entry.path().filename().string().find(".tmp") == std::string::npos);
  }

 private:
  SmallRun run_;
  TemporaryFolder folder_{true};
  TemporaryFolder kept_{true};
  Fingerprint end_;
};

/// How many file calls a save makes.
int64_t calls_of_save(const Started& started) {
  started.reset();
  Trainer trainer = started.run().trainer();
  RunFolder folder = RunFolder::create(started.path(), true);
  folder.restore(trainer);
  trainer.run_epoch(Started::go_on);
  const Faults faults(0, {});
  folder.save(trainer);
  return faults.calls();
}

TEST_CASE("a save of which any call fails says why, and leaves a run that ends as if nothing had been") {
  const Started started;
  const int64_t calls = calls_of_save(started);
  CHECK(calls > 30);
  MESSAGE(calls, " file calls make a save");
  for (const int reason : {EIO, ENOSPC, EINTR, EDQUOT, EACCES})
    for (int64_t call = 0; call < calls; ++call) {
      started.reset();
      std::string message, at;
      {
        Trainer trainer = started.run().trainer();
        RunFolder folder = RunFolder::create(started.path(), true);
        folder.restore(trainer);
        trainer.run_epoch(Started::go_on);
        {
          const Faults faults(call, {Fault::Kind::error, reason});
          message = test::message_of([&] { folder.save(trainer); });
          at = faults.at();
        }
        CAPTURE(at);
        CAPTURE(message);
        // The training goes on, and the next save finds the disk well again.
        if (!message.empty()) {
          CHECK(message.starts_with(fs::canonical(started.path()).string()));
          CHECK(message.find(": cannot ") != std::string::npos);
          CHECK((message.find("more than are free: free some space") != std::string::npos) ==
                ((at.starts_with("write") || (at.starts_with("fsync") && at.ends_with(".tmp"))) &&
                 (reason == ENOSPC || reason == EDQUOT)));
        }
        const bool again =
            reason == EINTR && (at.starts_with("write") || at.starts_with("open") || at.starts_with("fsync"));
        if (again) CHECK(message == "");
        if (!again && (at.starts_with("write") || at.starts_with("fsync") || at.starts_with("rename")))
          CHECK(message != "");
        trainer.run_epoch(Started::go_on);
        CHECK(test::message_of([&] { folder.save(trainer); }) == "");
      }
      CAPTURE(at);
      started.check_ends_right(epochs);
    }
}

TEST_CASE("a program that dies in any call of a save leaves a run that goes on to the same bits") {
  const Started started;
  const int64_t calls = calls_of_save(started);
  for (const Fault::Kind kind : {Fault::Kind::kill, Fault::Kind::power})
    for (int64_t call = 0; call < calls; ++call)
      for (size_t undone = 0;; ++undone) {  // of the names that were given and not made durable
        started.reset();
        std::string at;
        size_t at_risk = 0;
        {
          Trainer trainer = started.run().trainer();
          RunFolder folder = RunFolder::create(started.path(), true);
          folder.restore(trainer);
          trainer.run_epoch(Started::go_on);
          Faults faults(call, {kind});
          try {
            folder.save(trainer);
          } catch (const Dead&) {
          } catch (const Error&) {  // died where a destructor called, which cannot throw
          }
          at = faults.at();
          at_risk = faults.renames_at_risk();
          CHECK(faults.happened());
          if (kind == Fault::Kind::power) faults.lose_power(undone);
        }
        CAPTURE(at);
        CAPTURE(undone);
        started.check_ends_right(2);
        if (kind == Fault::Kind::kill || undone >= at_risk) break;
      }
}

TEST_CASE("what was saved when the power goes is there when it comes back") {
  const Started started;
  started.reset();
  {
    Trainer trainer = started.run().trainer();
    RunFolder folder = RunFolder::create(started.path(), true);
    folder.restore(trainer);
    trainer.run_epoch(Started::go_on);
    Faults faults(0, {});
    folder.save(trainer);
    faults.lose_power(faults.renames_at_risk());
  }
  started.check_ends_right(3);
}

TEST_CASE("transfers that are done in part are completed") {
  const Started started;
  const int64_t calls = calls_of_save(started);
  size_t parts = 0;
  for (int64_t call = 0; call < calls; ++call) {
    started.reset();
    {
      Trainer trainer = started.run().trainer();
      RunFolder folder = RunFolder::create(started.path(), true);
      folder.restore(trainer);
      trainer.run_epoch(Started::go_on);
      const Faults faults(call, {Fault::Kind::part});
      CHECK(test::message_of([&] { folder.save(trainer); }) == "");
      parts += faults.happened();
    }
    started.check_ends_right(3);
  }
  CHECK(parts > 10);
}

TEST_CASE("a resume of which any call fails says why and does no harm") {
  const Started started;
  const auto resume = [&](Trainer& trainer) {
    RunFolder folder = RunFolder::create(started.path(), true);
    return folder.restore(trainer);
  };
  int64_t calls = 0;
  {
    started.reset();
    Trainer trainer = started.run().trainer();
    const Faults faults(0, {});
    resume(trainer);
    calls = faults.calls();
  }
  CHECK(calls > 20);
  for (const Fault::Kind kind : {Fault::Kind::error, Fault::Kind::part, Fault::Kind::kill})
    for (int64_t call = 0; call < calls; ++call) {
      started.reset();
      std::string at;
      {
        Trainer trainer = started.run().trainer();
        const Faults faults(call, {kind, EIO});
        std::string warnings;
        std::string message;
        try {
          message = test::message_of([&] { warnings = resume(trainer).warnings; });
        } catch (const Dead&) {
        }
        at = faults.at();
        CAPTURE(at);
        CAPTURE(warnings);
        if (kind == Fault::Kind::part) {
          CHECK(message == "");
          CHECK(warnings == "");
        }
        if (kind == Fault::Kind::error && (at.starts_with("read") || at.starts_with("fstat") || at.starts_with("stat")))
          CHECK((message + warnings).find("Input/output error") != std::string::npos);
      }
      CAPTURE(at);
      started.check_ends_right(1);  // a state that could not be read has given way to the one before it
    }
}

}  // namespace
}  // namespace tarn::test_run_faults
