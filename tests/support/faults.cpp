// Counting calls and letting one fail.
#include "tests/support/faults.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace tarn::test {

namespace {

namespace fs = std::filesystem;

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

Faults::Faults(int64_t call, Fault fault) : call_(call), fault_(fault), before_(FileCalls::use(this)) {}

Faults::~Faults() {
  FileCalls::use(before_);
}

bool Faults::fails(const char* name, const std::string& what, How how) {
  if (dead_) {  // what destructors still ask for is not done
    if (how != How::in_destructors && !std::exchange(thrown_, true)) throw Dead{};
    return errno = EIO, true;
  }
  const bool transfers = how == How::transfers;
  part_ = false;
  if (calls_++ != call_ || fault_.kind == Fault::Kind::none) return false;
  at_ = std::string(name) + " " + what;
  if (fault_.kind == Fault::Kind::part) {
    part_ = transfers;
    happened_ = transfers;
    return false;
  }
  happened_ = true;
  if (fault_.kind == Fault::Kind::error) return errno = fault_.reason, true;
  dead_ = true;
  part_ = transfers;
  if (how == How::plain && !std::exchange(thrown_, true)) throw Dead{};
  return !transfers;
}

void Faults::die() {
  thrown_ = true;
  throw Dead{};
}

int Faults::open(const char* path, int flags, mode_t mode) {
  if (fails("open", path)) return -1;
  const int file = FileCalls::open(path, flags, mode);
  if (file >= 0) open_[file] = path;
  return file;
}

int Faults::close(int file) {
  const bool failed = fails("close", open_[file], How::in_destructors);
  open_.erase(file);
  const int result = FileCalls::close(file);  // the number is free in any case
  return failed ? (errno = fault_.reason ? fault_.reason : EIO, -1) : result;
}

ssize_t Faults::read(int file, void* into, size_t bytes) {
  if (fails("read", open_[file], How::transfers)) return -1;
  if (dead_) die();
  return FileCalls::read(file, into, part_ ? (bytes + 1) / 2 : bytes);
}

ssize_t Faults::write(int file, const void* from, size_t bytes) {
  if (fails("write", open_[file], How::transfers)) return -1;
  unsynced_.insert(open_[file]);
  const ssize_t done = FileCalls::write(file, from, part_ ? (bytes + 1) / 2 : bytes);
  if (dead_) die();
  return done;
}

int Faults::fsync(int file) {
  if (fails("fsync", open_[file])) return -1;
  unsynced_.erase(open_[file]);
  if (fs::is_directory(open_[file])) renames_.clear();
  return 0;  // the disk itself need not be waited for
}

int Faults::fstat(int file, struct stat* status) {
  return fails("fstat", open_[file]) ? -1 : FileCalls::fstat(file, status);
}

int Faults::stat(const char* path, struct stat* status) {
  return fails("stat", path) ? -1 : FileCalls::stat(path, status);
}

int Faults::rename(const char* from, const char* to) {
  if (fails("rename", from)) return -1;
  Rename done{.from = from, .to = to, .replaced = {}, .replaced_any = fs::exists(to)};
  if (done.replaced_any) done.replaced = file_bytes(to);
  const int result = FileCalls::rename(from, to);
  if (result == 0) renames_.push_back(std::move(done));
  if (result == 0 && unsynced_.erase(from)) unsynced_.insert(to);
  return result;
}

int Faults::link(const char* from, const char* to) {
  return fails("link", from) ? -1 : FileCalls::link(from, to);
}

int Faults::unlink(const char* path) {
  return fails("unlink", path, How::in_destructors) ? -1 : FileCalls::unlink(path);
}

int Faults::mkdir(const char* path, mode_t mode) {
  return fails("mkdir", path) ? -1 : FileCalls::mkdir(path, mode);
}

int Faults::lock(int file) {
  return fails("lock", open_[file]) ? -1 : FileCalls::lock(file);
}

int Faults::names(const char* folder, std::vector<std::string>* into) {
  return fails("names", folder) ? -1 : FileCalls::names(folder, into);
}

int64_t Faults::room(int file) {
  return fails("room", open_[file]) ? -1 : 0;
}

void Faults::lose_power(size_t undone) {
  for (const std::string& path : unsynced_) {
    if (!fs::exists(path)) continue;
    std::string bytes = file_bytes(path);
    bytes.resize(bytes.size() / 2);
    fs::remove(path);  // not written through: another name may be a whole file's
    put_bytes(path, bytes);
  }
  for (size_t i = 0; i < undone && !renames_.empty(); ++i) {
    const Rename last = renames_.back();
    renames_.pop_back();
    const std::string moved = file_bytes(last.to);
    fs::remove(last.to);
    if (last.replaced_any) put_bytes(last.to, last.replaced);
    put_bytes(last.from, moved);
  }
}

}  // namespace tarn::test
