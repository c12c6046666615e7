// Tests of damage to the files of a run: every flipped bit and every cut is noticed and named, or does no harm; where
// the newest checkpoint is bad, the one before it is used. TARN_FLIPS is how many bits to try (default: 2000).
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "apps/fingerprint.h"
#include "apps/run_folder.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"
#include "tests/support/small_run.h"

namespace tarn::test_run_damage {
namespace {

using test::contains;
using test::message_of;
using test::SmallRun;

constexpr const char* files[] = {"state.safetensors", "state.previous.safetensors",
                                 "last.safetensors",  "best.safetensors",
                                 "config.json",       "metrics.jsonl"};

/// What became of a damaged file.
enum class Fate { named, passed_over, harmless };

class Damaged {
 public:
  Damaged() : run_(3), trainer_(run_.trainer()) {
    RunFolder folder = RunFolder::create(path(), false);
    folder.write_config(resolved(run_.experiment()), path());
    while (!trainer_.finished()) {
      trainer_.run_epoch([](auto...) { return true; });
      folder.save(trainer_);
    }
    newest_ = fingerprint(trainer_);
    for (const char* name : files) whole_[name] = read_file(file(name));
  }
  const std::string& whole(const std::string& name) const { return whole_.at(name); }

  /// Puts other bytes into a file, uses the run as every command does, and puts all files back. Checks that nothing
  /// wrong came through.
  Fate fate(const std::string& name, const std::string& bytes) {
    put(name, bytes);
    const Fate result = used(name, bytes);
    for (const char* each : files) put(each, whole_.at(each));
    return result;
  }

 private:
  std::string path() const { return folder_ / "run"; }
  std::string file(const std::string& name) const { return path() + "/" + name; }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
  }

  Fate used(const std::string& name, const std::string& bytes) {
    if (name == "last.safetensors" || name == "best.safetensors") {
      const std::string message = message_of([&] {
        RunFolder::open(path()).load_weights(name == "last.safetensors" ? "last" : "best", trainer_.model());
      });
      CHECK(contains(message, file(name)));
      return Fate::named;
    }
    if (name == "config.json") {
      const std::string refused = message_of([&] { RunFolder::open(path()).read_config(); });
      const std::string changed = RunFolder::open(path()).changed_config();
      CHECK((contains(refused, file(name)) || contains(changed, file(name))));
      return Fate::named;
    }
    RunFolder::Restored restored;
    const std::string message = message_of([&] { restored = RunFolder::create(path(), true).restore(trainer_); });
    CHECK(message == "");
    CHECK(restored.any);
    if (name == "state.safetensors") {
      CHECK(contains(restored.warnings, file(name)));
      CHECK(contains(restored.warnings, "goes on from the checkpoint before it"));
      CHECK(trainer_.epoch() == 2);
      CHECK(read_file(file("state.damaged.safetensors")) == bytes);
      CHECK(read_file(file(name)) == whole_.at("state.previous.safetensors"));
      return Fate::passed_over;
    }
    CHECK(differences(fingerprint(trainer_), newest_) == std::vector<std::string>{});
    if (name == "metrics.jsonl") CHECK(read_file(file(name)) == whole_.at(name));
    if (name != "metrics.jsonl") CHECK(read_file(file(name)) == bytes);  // nobody needed it
    return Fate::harmless;
  }

  SmallRun run_;
  TemporaryFolder folder_{true};
  Trainer trainer_;
  Fingerprint newest_;
  std::map<std::string, std::string> whole_;
};

int64_t flips_wanted() {
  const char* text = std::getenv("TARN_FLIPS");
  return text ? std::atoll(text) : 2000;
}

TEST_CASE("a flipped bit anywhere in a run's files is named, passed over, or harmless") {
  Damaged damaged;
  std::mt19937_64 draws(3);
  std::map<Fate, int64_t> fates;
  size_t total = 0;
  for (const char* name : files) total += damaged.whole(name).size();
  for (int64_t i = 0; i < flips_wanted(); ++i) {
    size_t bit = draws() % (8 * total);
    std::string name;
    for (const char* each : files) {
      name = each;
      if (bit < 8 * damaged.whole(each).size()) break;
      bit -= 8 * damaged.whole(each).size();
    }
    std::string bytes = damaged.whole(name);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(name);
    CAPTURE(bit);
    ++fates[damaged.fate(name, bytes)];
  }
  MESSAGE(flips_wanted(), " bits flipped: ", fates[Fate::named], " named, ", fates[Fate::passed_over],
          " in the newest checkpoint, which gave way to the one before, ", fates[Fate::harmless],
          " harmless: in the metrics, which are written anew, or in the checkpoint before the newest");
  for (const Fate fate : {Fate::named, Fate::passed_over, Fate::harmless}) CHECK(fates[fate] > 0);
}

TEST_CASE("a run's files cut at any length are named, passed over, or harmless") {
  Damaged damaged;
  for (const std::string name : files) {
    const std::string whole = damaged.whole(name);
    for (size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(name);
      CAPTURE(length);
      damaged.fate(name, whole.substr(0, length));
    }
  }
}

TEST_CASE("where every checkpoint is damaged the run is refused, and the message names each") {
  const SmallRun run(2);
  const TemporaryFolder folder(true);
  Trainer trainer = run.trainer();
  {
    RunFolder saved = RunFolder::create(folder / "run", false);
    saved.write_config(resolved(run.experiment()), folder.path());
    while (!trainer.finished()) {
      trainer.run_epoch([](auto...) { return true; });
      saved.save(trainer);
    }
  }
  for (const char* name : {"/state.safetensors", "/state.previous.safetensors"})
    write_file_atomically(folder / "run" + name, "damaged");
  const std::string message = message_of([&] { RunFolder::create(folder / "run", true).restore(trainer); });
  for (const char* part :
       {"/state.safetensors: ", "/state.previous.safetensors: ", "no whole checkpoint to go on from"})
    CHECK(contains(message, part));
}

}  // namespace
}  // namespace tarn::test_run_damage
