// The system calls that files are read and written with, in one place, so that a test can let any of them fail.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tarn {

/// Each function is the call of its name: what it takes, what it returns, and errno are POSIX's. A test overrides those
/// that shall fail.
class FileCalls {
 public:
  FileCalls() = default;
  FileCalls(const FileCalls&) = delete;
  FileCalls& operator=(const FileCalls&) = delete;
  virtual ~FileCalls() = default;

  virtual int open(const char* path, int flags, mode_t mode);
  virtual int close(int file);
  virtual ssize_t read(int file, void* into, size_t bytes);
  virtual ssize_t write(int file, const void* from, size_t bytes);
  virtual int fsync(int file);
  virtual int fstat(int file, struct stat* status);
  virtual int stat(const char* path, struct stat* status);
  virtual int rename(const char* from, const char* to);
  virtual int link(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int mkdir(const char* path, mode_t mode);
  /// flock(file, LOCK_EX | LOCK_NB).
  virtual int lock(int file);
  /// The names in a folder, without "." and "..", in no order: opendir, readdir, closedir.
  virtual int names(const char* folder, std::vector<std::string>* into);
  /// Bytes that may still be written to the disk of an open file, or -1: fstatvfs.
  virtual int64_t room(int file);

  /// The ones in use.
  static FileCalls& current();
  /// Uses others from now on, for all threads; null: the system's own. Returns what was in use before.
  static FileCalls* use(FileCalls* others);
};

}  // namespace tarn
