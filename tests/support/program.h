// Running the built program, with what it writes and how it ends.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tarn {

/// A folder for one test, removed afterwards.
class TemporaryFolder {
 public:
  /// In memory, where the machine has such a place, nothing waits for the disk.
  explicit TemporaryFolder(bool in_memory = false);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  /// How many files and folders are in it.
  size_t entries() const;

 private:
  std::string path_;
};

/// How a program ended.
struct Ended {
  int status = -1;  ///< its exit status; 1000 and more: it died of signal status - 1000
  std::string out, err;
  long peak_kb = 0;  ///< the most memory that it held
};

/// A program that runs beside the test.
class Running {
 public:
  /// Starts a program, found by PATH where it has no slash, in the current folder, with nothing to read.
  explicit Running(const std::vector<std::string>& words);
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  /// Sends it a signal.
  void send(int signal) const;
  /// What it has written to standard error so far.
  std::string errors() const;
  /// Waits for its end.
  Ended wait();

 private:
  TemporaryFolder folder_;
  int child_ = 0;
};

/// The words to start `tarn` with, as it was built.
std::vector<std::string> tarn_words(std::vector<std::string> arguments);

/// Runs a program, found by PATH where it has no slash, in the current folder, with nothing to read.
Ended run_command(const std::vector<std::string>& words);
/// Runs `tarn` as it was built.
Ended run_tarn(std::vector<std::string> arguments);

}  // namespace tarn
