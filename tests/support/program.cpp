// Starting a program with its output going to files.
#include "tests/support/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "tests/folders.h"

namespace tarn {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "tarn-test-XXXXXX").string();
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

Ended run_command(const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  const std::string out = folder / "out", err = folder / "err";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  check(failure == 0, words[0], ": cannot be started");
  int status = 0;
  rusage usage{};
  check(::wait4(child, &status, 0, &usage) == child, words[0], ": was lost");
  Ended ended;
  ended.peak_kb = usage.ru_maxrss;
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  ended.out = read_file(out);
  ended.err = read_file(err);
  return ended;
}

Ended run_tarn(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TARN_BINARY_DIR "/tarn");
  return run_command(arguments);
}

}  // namespace tarn
