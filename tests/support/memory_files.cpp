// Reading from memory by POSIX's calls.
#include "tests/support/memory_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tarn::test {

namespace {

constexpr int first_descriptor = 1 << 20;  // none that the system would give

void describe_file(const std::string& bytes, struct stat* status) {
  *status = {};
  status->st_mode = S_IFREG | 0444;
  status->st_size = static_cast<off_t>(bytes.size());
}

}  // namespace

MemoryFiles::MemoryFiles(Files files) : files_(std::move(files)), before_(FileCalls::use(this)) {}

MemoryFiles::~MemoryFiles() {
  FileCalls::use(before_);
}

int MemoryFiles::open(const char* path, int flags, mode_t) {
  const auto found = files_.find(path);
  if (found == files_.end() || (flags & O_ACCMODE) != O_RDONLY) {
    errno = found == files_.end() ? ENOENT : EROFS;
    return -1;
  }
  int number = first_descriptor;
  while (open_.contains(number)) ++number;
  open_[number] = {&found->second, 0};
  return number;
}

int MemoryFiles::close(int file) {
  open_.erase(file);
  return 0;
}

ssize_t MemoryFiles::read(int file, void* into, size_t bytes) {
  Open& open = open_.at(file);
  const size_t n = std::min(bytes, open.bytes->size() - open.position);
  std::memcpy(into, open.bytes->data() + open.position, n);
  open.position += n;
  return static_cast<ssize_t>(n);
}

int MemoryFiles::fstat(int file, struct stat* status) {
  describe_file(*open_.at(file).bytes, status);
  return 0;
}

int MemoryFiles::stat(const char* path, struct stat* status) {
  const auto found = files_.find(path);
  if (found == files_.end()) return errno = ENOENT, -1;
  describe_file(found->second, status);
  return 0;
}

}  // namespace tarn::test
