// The system's own calls.
#include "core/file_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

namespace tarn {

namespace {

FileCalls system_calls;
std::atomic<FileCalls*> calls_in_use = &system_calls;

}  // namespace

FileCalls& FileCalls::current() {
  return *calls_in_use.load(std::memory_order_acquire);
}

FileCalls* FileCalls::use(FileCalls* others) {
  return calls_in_use.exchange(others ? others : &system_calls, std::memory_order_acq_rel);
}

int FileCalls::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}
int FileCalls::close(int file) {
  return ::close(file);
}
ssize_t FileCalls::read(int file, void* into, size_t bytes) {
  return ::read(file, into, bytes);
}
ssize_t FileCalls::write(int file, const void* from, size_t bytes) {
  return ::write(file, from, bytes);
}
int FileCalls::fsync(int file) {
  return ::fsync(file);
}
int FileCalls::fstat(int file, struct stat* status) {
  return ::fstat(file, status);
}
int FileCalls::stat(const char* path, struct stat* status) {
  return ::stat(path, status);
}
int FileCalls::rename(const char* from, const char* to) {
  return ::rename(from, to);
}
int FileCalls::link(const char* from, const char* to) {
  return ::link(from, to);
}
int FileCalls::unlink(const char* path) {
  return ::unlink(path);
}
int FileCalls::mkdir(const char* path, mode_t mode) {
  return ::mkdir(path, mode);
}
int FileCalls::lock(int file) {
  return ::flock(file, LOCK_EX | LOCK_NB);
}

int FileCalls::names(const char* folder, std::vector<std::string>* into) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder), &::closedir);
  if (!open) return -1;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (!entry) return errno == 0 ? 0 : -1;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") into->emplace_back(name);
  }
}

int64_t FileCalls::room(int file) {
  struct statvfs disk = {};
  if (::fstatvfs(file, &disk) != 0) return -1;
  return static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
}

}  // namespace tarn
