// Files that are in memory alone, for whatever reads through core/file.h.
#pragma once

#include <map>
#include <string>

#include "core/file_calls.h"

namespace tarn::test {

/// In use from its construction to its end; every other file seems not to be there.
class MemoryFiles : public FileCalls {
 public:
  using Files = std::map<std::string, std::string, std::less<>>;
  explicit MemoryFiles(Files files);
  ~MemoryFiles() override;

  int open(const char* path, int flags, mode_t mode) override;
  int close(int file) override;
  ssize_t read(int file, void* into, size_t bytes) override;
  int fstat(int file, struct stat* status) override;
  int stat(const char* path, struct stat* status) override;

 private:
  struct Open {
    const std::string* bytes;
    size_t position;
  };
  Files files_;
  std::map<int, Open> open_;
  FileCalls* before_;
};

}  // namespace tarn::test
