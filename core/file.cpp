// Files through POSIX calls, because durability needs fsync and a rename.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace tarn {

namespace {

constexpr size_t most_at_once = size_t{1} << 30;  // one call transfers at most 2 GiB

[[noreturn]] void fail_to(const std::string& path, std::string_view what) {
  const int reason = errno;
  fail(path, ": cannot ", what, ": ", std::generic_category().message(reason));
}

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// An open file that is closed whatever happens.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool ok() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  // Some file systems report a failed write only here. The number is free even where closing fails.
  bool close() { return ::close(release()) == 0 || errno == EINTR; }

 private:
  int number_;
};

void write_all(int descriptor, std::span<const std::string_view> pieces, const std::string& path) {
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const size_t asked = std::min(piece.size(), most_at_once);
      const ssize_t written = uninterrupted([&] { return ::write(descriptor, piece.data(), asked); });
      if (written < 0) fail_to(path, "write");
      piece.remove_prefix(static_cast<size_t>(written));
    }
  }
}

// Makes what was written durable. Where a file system has no such thing there is nothing more to do.
void sync(int descriptor, const std::string& path) {
  const int result = uninterrupted([&] { return ::fsync(descriptor); });
  if (result != 0 && errno != EINVAL && errno != ENOTSUP) fail_to(path, "write to the disk");
}

// A file that disappears again unless it takes its place.
class TemporaryFile {
 public:
  // The name says whose it is; one that a killed process with the same number left is overwritten.
  TemporaryFile(const std::string& path, const std::string& folder, mode_t mode)
      : path_(path),
        name_(text(folder, '.', path.substr(path.rfind('/') + 1), '.', static_cast<int64_t>(::getpid()), ".tmp")),
        descriptor_(uninterrupted(
            [&] { return ::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode); })) {
    if (!descriptor_.ok()) fail_to(path_, "write in its folder");
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!placed_) ::unlink(name_.c_str());
  }

  void write(std::span<const std::string_view> pieces) {
    write_all(descriptor_.number(), pieces, path_);
    sync(descriptor_.number(), path_);
    if (!descriptor_.close()) fail_to(path_, "write");
  }
  void take_place() {
    if (::rename(name_.c_str(), path_.c_str()) != 0) fail_to(path_, "replace");
    placed_ = true;
  }

 private:
  std::string path_;
  std::string name_;
  Descriptor descriptor_;
  bool placed_ = false;
};

// Where a path leads once symbolic links are followed; the path itself where nothing is there yet.
std::string followed(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

void write_in_place(const std::string& path, std::span<const std::string_view> pieces) {
  Descriptor file(uninterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC); }));
  if (!file.ok()) fail_to(path, "open");
  write_all(file.number(), pieces, path);
  if (!file.close()) fail_to(path, "write");
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  check(!path_.empty() && path_.find('\0') == std::string::npos, quote(path_), " is not the name of a file");
  Descriptor file(uninterrupted([&] { return ::open(path_.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file.ok()) fail_to(path_, "open");
  struct stat status = {};
  if (::fstat(file.number(), &status) != 0) fail_to(path_, "open");
  check(!S_ISDIR(status.st_mode), path_, ": is a folder, not a file");
  if (S_ISREG(status.st_mode)) size_ = static_cast<uint64_t>(status.st_size);
  descriptor_ = file.release();
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

size_t InputFile::read_some(void* into, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const size_t asked = std::min(bytes - done, most_at_once);
    const ssize_t got = uninterrupted([&] { return ::read(descriptor_, static_cast<char*>(into) + done, asked); });
    if (got < 0) fail_to(path_, "read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void InputFile::read(void* into, size_t bytes) {
  const size_t got = read_some(into, bytes);
  check(got == bytes, path_, ": ends too early; ", bytes, " more bytes were expected, ", got, " are there");
}

std::string read_file(const std::string& path, size_t limit) {
  InputFile file(path);
  check(file.size() <= limit, path, ": ", file.size(), " bytes; at most ", limit, " are read");
  constexpr size_t chunk = 65536;
  std::string out;
  // One byte more than the size shows the end of the file without growing; what has no size grows by chunks.
  size_t room = file.size() > 0 ? static_cast<size_t>(file.size()) + 1 : chunk;
  while (true) {
    const size_t before = out.size();
    out.resize(before + room);
    const size_t got = file.read_some(out.data() + before, room);
    out.resize(before + got);
    check(out.size() <= limit, path, ": more than ", limit, " bytes");
    if (got < room) return out;
    room = std::max(chunk, out.size());
  }
}

void write_file_atomically(const std::string& path, std::span<const std::string_view> pieces) {
  check(!path.empty() && path.find('\0') == std::string::npos && !path.ends_with('/'), quote(path),
        " is not the name of a file");
  struct stat old = {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  check(!exists || !S_ISDIR(old.st_mode), path, ": is a folder, not a file");
  if (exists && !S_ISREG(old.st_mode)) return write_in_place(path, pieces);

  const std::string place = followed(path);
  const std::string folder = place.substr(0, place.rfind('/') + 1);
  constexpr mode_t anybody = 0666;  // less what the user's umask says
  TemporaryFile temporary(place, folder, exists ? old.st_mode & 07777 : anybody);
  temporary.write(pieces);
  temporary.take_place();
  const Descriptor opened(
      uninterrupted([&] { return ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (opened.ok()) sync(opened.number(), place);
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

}  // namespace tarn
