// Tests of system calls that fail under files and folders, one by one, and of checkpoints that are not what they were.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "apps/run_folder.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/safetensors.h"
#include "tests/support/errors.h"
#include "tests/support/faults.h"
#include "tests/support/program.h"
#include "tests/support/small_run.h"

namespace tarn::test_wrong_calls {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Fault;
using test::Faults;
using test::message_of;
using test::SmallRun;

/// What is said where the call of that name, as "fsync", is the one that fails; "not called" where there is none.
std::string failing(const std::string& name, int reason, const std::function<void()>& work) {
  for (int64_t call = 0;; ++call) {
    const Faults faults(call, {Fault::Kind::error, reason});
    const std::string message = message_of(work);
    if (!faults.happened()) return "not called";
    if (faults.at().starts_with(name + " ")) return message;
  }
}

TEST_CASE("what cannot be looked at is not taken for missing") {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  CHECK(failing("stat", EACCES, [&] { path_exists(path); }) == path + ": cannot look at it: Permission denied");
  CHECK(failing("stat", ENOTDIR, [&] { CHECK_FALSE(path_exists(folder.path())); }) == "");
  CHECK_FALSE(is_folder(path));
  CHECK_FALSE(path_exists("/dev/null/x"));
}

TEST_CASE("a folder that cannot be made says so, and one that another program makes meanwhile is there") {
  const TemporaryFolder folder;
  const std::string path = folder / "a/b";
  const auto make = [&] { make_folders(path); };
  CHECK(failing("mkdir", ENOSPC, make) == folder / "a" + ": cannot make this folder: No space left on device");
  CHECK_FALSE(path_exists(folder / "a"));
  make();
  CHECK(is_folder(path));
  // It was not there yet when it was looked at.
  class Late : public FileCalls {
   public:
    int stat(const char* at, struct stat* status) override {
      return first_++ == 0 ? (errno = ENOENT, -1) : FileCalls::stat(at, status);
    }
    int first_ = 0;
  } late;
  FileCalls* before = FileCalls::use(&late);
  const std::string message = message_of(make);
  FileCalls::use(before);
  CHECK(message == "");
  write_file_atomically(folder / "file", "x");
  CHECK(message_of([&] { make_folders(folder / "file"); }) ==
        folder / "file" + ": cannot be made a folder: it is a file");
  for (const std::string& name : {std::string(), std::string("a\0b", 3)})
    CHECK(contains(message_of([&] { make_folders(name); }), "is not the name of a folder"));
}

TEST_CASE("a lock goes with its owner") {
  const TemporaryFolder one, two;
  const auto held = [](const TemporaryFolder& folder) {
    return contains(message_of([&] { FolderLock(folder.path()); }), "another program is writing to this run");
  };
  FolderLock first(one.path());
  FolderLock second(std::move(first));
  CHECK(held(one));
  second = FolderLock(two.path());
  CHECK(held(two));
  CHECK_FALSE(held(one));
}

TEST_CASE("only files that a save has left are swept, and what cannot be is named") {
  const TemporaryFolder folder;
  const char* others[] = {".x.tmp", ".a.1x.tmp", ".a..tmp", "a.1.tmp", ".a.12.tm", ".12.tmp", ".a.1-.tmp"};
  for (const char* name : others) write_file_atomically(folder / name, "kept");
  write_file_atomically(folder / ".a.12.tmp", "left");
  const auto sweep = [&] { sweep_temporary_files(folder.path()); };
  CHECK(failing("unlink", EACCES, sweep) == folder / ".a.12.tmp" + ": cannot remove: Permission denied");
  CHECK(failing("unlink", ENOENT, sweep) == "");  // somebody else was faster
  CHECK(sweep_temporary_files(folder.path()) == 1);
  CHECK(folder.entries() == std::size(others));
  CHECK(message_of([&] { sweep_temporary_files(folder / "none"); }) ==
        folder / "none" + ": cannot read this folder: No such file or directory");
}

TEST_CASE("a file system that cannot make files durable is written to all the same") {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  for (const int reason : {EINVAL, ENOTSUP}) {
    const std::string bytes = text("reason ", reason);
    CHECK(failing("fsync", reason, [&] { write_file_atomically(path, bytes); }) == "");
    CHECK(read_file(path) == bytes);
  }
  CHECK(failing("fsync", EIO, [&] { write_file_atomically(path, "y"); }) ==
        path + ": cannot write to the disk: Input/output error");
}

TEST_CASE("a device that cannot be opened or closed says so") {
  const auto write = [] { write_file_atomically("/dev/null", "x"); };
  CHECK(failing("open", EBUSY, write) == "/dev/null: cannot open: Device or resource busy");
  CHECK(failing("close", EIO, write) == "/dev/null: cannot write: Input/output error");
  CHECK(failing("close", EINTR, write) == "");
}

TEST_CASE("renaming, listing and asking for room report what fails") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "new");
  const auto replace = [&] { replace_file(folder / "a", folder / "b"); };
  CHECK(failing("rename", EPERM, replace) == folder / "b" + ": cannot replace: Operation not permitted");
  CHECK(read_file(folder / "a") == "new");
  replace();
  CHECK(read_file(folder / "b") == "new");
  FileCalls calls;
  std::vector<std::string> names;
  CHECK(calls.names((folder / "none").c_str(), &names) == -1);
  CHECK(names.empty());
  CHECK(calls.room(-1) == -1);
  FileCalls* const before = FileCalls::use(nullptr);
  CHECK(before == &FileCalls::current());
}

/// A run of one epoch that was saved.
struct Saved {
  SmallRun run{2};
  TemporaryFolder folder{true};
  Trainer trainer = run.trainer();
  std::string path = folder / "run";

  Saved() {
    RunFolder made = RunFolder::create(path, false);
    made.write_config(resolved(run.experiment()), "");
    trainer.run_epoch([](auto...) { return true; });
    made.save(trainer);
  }
};

TEST_CASE("a run's folder is called after it and the time, and never one that is there") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  CHECK(RunFolder::default_path("a b/ü-1").starts_with("runs/a_b___-1-2"));
  CHECK(RunFolder::default_path("").starts_with("runs/run-2"));
  CHECK(RunFolder::default_path(std::string(300, 'x')).size() == 5 + 100 + 1 + 15);
  for (int again = 0; again < 3; ++again) make_folders(RunFolder::default_path("same"));
  size_t folders = 0;
  for (const auto& entry : fs::directory_iterator("runs")) folders += entry.is_directory() ? 1 : 0;
  fs::current_path(before);
  CHECK(folders == 3);
}

TEST_CASE("what a training held when it diverged is written beside its checkpoint") {
  Saved saved;
  RunFolder folder = RunFolder::create(saved.path, true);
  const std::string path = folder.save_diverged(saved.trainer);
  CHECK(path == saved.path + "/diverged.safetensors");
  const auto tensors = load_safetensors(path);
  for (const NamedTensor& p : parameters(saved.trainer.model())) {
    CAPTURE(p.name);
    REQUIRE(tensors.contains("model/" + p.name));
    CHECK(tensors.at("model/" + p.name).shape() == p.tensor->shape());
  }
}

TEST_CASE("a run that goes on with other matrix products is told that its bits will differ") {
  Saved saved;
  const std::string state = saved.path + "/state.safetensors";
  Metadata metadata;
  const auto tensors = load_safetensors(state, &metadata);
  metadata["tarn.blas"] = "another kernel";
  save_safetensors(state, std::vector<std::pair<std::string, Tensor>>(tensors.begin(), tensors.end()), metadata);
  Trainer trainer = saved.run.trainer();
  const RunFolder::Restored restored = RunFolder::create(saved.path, true).restore(trainer);
  CHECK(restored.any);
  CHECK(contains(restored.warnings, "was trained with the matrix products of 'another kernel', here they are "));
}

TEST_CASE("a run without a state starts anew, and its config cannot have changed") {
  Saved saved;
  fs::remove(saved.path + "/state.safetensors");
  Trainer trainer = saved.run.trainer();
  const RunFolder folder = RunFolder::create(saved.path, true);
  CHECK_FALSE(folder.restore(trainer).any);
  CHECK(folder.changed_config() == "");
  CHECK(trainer.epoch() == 0);
}

TEST_CASE("weights of another shape or type are refused with both") {
  Saved saved;
  const RunFolder folder = RunFolder::open(saved.path);
  const std::string path = saved.path + "/last.safetensors";
  const std::map<std::string, Tensor> whole = load_safetensors(path);
  const NamedTensor first = parameters(saved.trainer.model()).front();
  const auto refused = [&](const Tensor& other) {
    std::map<std::string, Tensor> changed = whole;
    changed[first.name] = other;
    save_safetensors(path, std::vector<std::pair<std::string, Tensor>>(changed.begin(), changed.end()), {});
    return message_of([&] { folder.load_weights("last", saved.trainer.model()); });
  };
  const std::string wants = text("; the model wants float32 ", first.tensor->shape());
  CHECK(refused(Tensor({1})) == text(path, ": '", first.name, "' is float32 [1]", wants));
  CHECK(refused(Tensor(first.tensor->shape(), Dtype::f64)) ==
        text(path, ": '", first.name, "' is float64 ", first.tensor->shape(), wants));
  CHECK(refused(*first.tensor) == "");
}

TEST_CASE("a state whose facts are not this training's is refused") {
  Saved saved;
  const Trainer::State state = saved.trainer.state();
  const auto message = [&](const char* key, const Json& value) {
    Json facts = parse_json(state.facts, "facts");
    facts.set(key, value);
    Trainer trainer = saved.run.trainer();
    return message_of([&] { trainer.load_state(state.tensors, to_text(facts)); });
  };
  CHECK(message("best", 0) == "");
  CHECK(contains(message("best", 1), "1; expected -1 to 0"));
  CHECK(contains(message("best", -2), "-2; expected -1 to 0"));
  CHECK(contains(message("epoch", 2), "1 epochs, but the state is in epoch 3"));
  CHECK(contains(message("step", -1), "-1 is negative"));
  CHECK(contains(message("confusion", Json::array().push(1)), "counts 1 pairs of classes, the data has "));
  // A tensor that belongs to no part is passed over; one of the model must not be missing.
  NamedValues tensors = state.tensors;
  tensors.emplace_back("odd", Tensor({1}));
  Trainer trainer = saved.run.trainer();
  trainer.load_state(tensors, state.facts);
  CHECK(trainer.epoch() == 1);
  std::erase_if(tensors, [](const auto& named) { return named.first.starts_with("model/"); });
  CHECK(contains(message_of([&] { trainer.load_state(tensors, state.facts); }), "it belongs to another experiment"));
}

}  // namespace
}  // namespace tarn::test_wrong_calls
