// File calls of which one fails, or after which the program or the power is gone.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/file_calls.h"

namespace tarn::test {

/// What becomes of one call.
struct Fault {
  enum class Kind {
    none,   ///< nothing: the calls are counted
    error,  ///< it fails with `reason`
    part,   ///< a write or read transfers half of what it was asked to
    kill,   ///< the program dies in it: a write is half done, and nothing is done after it
    power,  ///< the same for the whole machine: what was not made durable is lost
  };
  Kind kind = Kind::none;
  int reason = 0;
};

/// Thrown where a program would be dead. Not an Error, so that nothing handles it.
struct Dead {};

/// In use from its construction to its end. Calls are numbered from 0.
class Faults : public FileCalls {
 public:
  Faults(int64_t call, Fault fault);
  ~Faults() override;

  int64_t calls() const { return calls_; }
  /// Whether the call that shall fail was reached and is of a kind that can fail so.
  bool happened() const { return happened_; }
  /// What was called: "write", and so on, of which file.
  const std::string& at() const { return at_; }
  /// For Kind::power: takes back what the disk would not have. Renames since the last fsync of their folder are undone,
  /// the last `undone` of them; files that were not synced lose half of their bytes.
  void lose_power(size_t undone);
  size_t renames_at_risk() const { return renames_.size(); }

  int open(const char* path, int flags, mode_t mode) override;
  int close(int file) override;
  ssize_t read(int file, void* into, size_t bytes) override;
  ssize_t write(int file, const void* from, size_t bytes) override;
  int fsync(int file) override;
  int fstat(int file, struct stat* status) override;
  int stat(const char* path, struct stat* status) override;
  int rename(const char* from, const char* to) override;
  int link(const char* from, const char* to) override;
  int unlink(const char* path) override;
  int mkdir(const char* path, mode_t mode) override;
  int lock(int file) override;
  int names(const char* folder, std::vector<std::string>* into) override;
  int64_t room(int file) override;

 private:
  struct Rename {
    std::string from, to, replaced;
    bool replaced_any = false;
  };
  /// Calls that transfer bytes can be done in part; those of destructors cannot throw.
  enum class How { plain, transfers, in_destructors };
  /// Whether this call shall fail; errno is set then. Throws Dead where the program is dead.
  bool fails(const char* name, const std::string& what, How how = How::plain);
  [[noreturn]] void die();

  int64_t call_;
  Fault fault_;
  FileCalls* before_;
  int64_t calls_ = 0;
  bool happened_ = false;
  bool dead_ = false;
  bool thrown_ = false;
  bool part_ = false;  // the transfer being made shall be a partial one
  std::string at_;
  std::map<int, std::string> open_;
  std::set<std::string> unsynced_;
  std::vector<Rename> renames_;
};

}  // namespace tarn::test
