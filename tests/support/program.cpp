// Starting a program with its output going to files.
#include "tests/support/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "tests/folders.h"

namespace tarn {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(bool in_memory) {
  const fs::path memory = "/dev/shm";
  const fs::path parent = in_memory && ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
  std::string name = (parent / "tarn-test-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, name, ": cannot be made");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

size_t TemporaryFolder::entries() const {
  return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
}

Running::Running(const std::vector<std::string>& words) {
  const std::string out = folder_ / "out", err = folder_ / "err";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int failure = posix_spawnp(&child_, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) child_ = 0;
  check(failure == 0, words[0], ": cannot be started");
}

Running::~Running() {
  if (child_ == 0) return;
  send(SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

void Running::send(int signal) const {
  ::kill(child_, signal);
}

std::string Running::errors() const {
  return read_file(folder_ / "err");
}

Ended Running::wait() {
  int status = 0;
  rusage usage{};
  const bool found = ::wait4(child_, &status, 0, &usage) == child_;
  child_ = 0;
  check(found, "the program was lost");
  Ended ended;
  ended.peak_kb = usage.ru_maxrss;
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  ended.out = read_file(folder_ / "out");
  ended.err = read_file(folder_ / "err");
  return ended;
}

std::vector<std::string> tarn_words(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TARN_BINARY_DIR "/tarn");
  return arguments;
}

Ended run_command(const std::vector<std::string>& words) {
  return Running(words).wait();
}

Ended run_tarn(std::vector<std::string> arguments) {
  return run_command(tarn_words(std::move(arguments)));
}

}  // namespace tarn
