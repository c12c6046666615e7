// Files through POSIX calls, because durability needs fsync and a rename.
#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "core/descriptor.h"
#include "core/error.h"

namespace tarn {

namespace {

constexpr size_t most_at_once = size_t{1} << 30;  // one call transfers at most 2 GiB

uint64_t total(std::span<const std::string_view> pieces) {
  uint64_t bytes = 0;
  for (const std::string_view piece : pieces) bytes += piece.size();
  return bytes;
}

bool disk_full(int reason) {
  return reason == ENOSPC || reason == EDQUOT;
}

// What to add where a disk was full before all was written: the numbers that tell how much to make free.
std::string missing_room(int file, uint64_t needed, uint64_t written) {
  const int64_t room = FileCalls::current().room(file);
  const uint64_t there = written + static_cast<uint64_t>(std::max<int64_t>(room, 0));
  return text("; it takes ", needed, " bytes", there < needed ? text(", ", needed - there, " more than are free") : "",
              ": free some space");
}

void write_all(int file, std::span<const std::string_view> pieces, const std::string& path) {
  const uint64_t needed = total(pieces);
  uint64_t done = 0;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const size_t asked = std::min(piece.size(), most_at_once);
      const ssize_t written = uninterrupted([&] { return FileCalls::current().write(file, piece.data(), asked); });
      if (written < 0) {
        const int reason = errno;
        fail_to(path, "write", reason, disk_full(reason) ? missing_room(file, needed, done) : "");
      }
      piece.remove_prefix(static_cast<size_t>(written));
      done += static_cast<uint64_t>(written);
    }
  }
}

// Makes what was written durable. Where a file system has no such thing there is nothing more to do.
void sync(int file, const std::string& path, uint64_t bytes) {
  const int result = uninterrupted([&] { return FileCalls::current().fsync(file); });
  const int reason = errno;
  if (result == 0 || reason == EINVAL || reason == ENOTSUP) return;
  fail_to(path, "write to the disk", reason, disk_full(reason) ? missing_room(file, bytes, 0) : "");
}

// A file that disappears again unless it takes its place.
class TemporaryFile {
 public:
  // The name says whose it is; one that a killed process with the same number left is overwritten.
  TemporaryFile(const std::string& path, const std::string& folder, mode_t mode)
      : path_(path),
        name_(temporary_name(path, folder)),
        file_(open_file(name_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)) {
    if (!file_.ok()) fail_to(path_, "write in its folder");
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!placed_) FileCalls::current().unlink(name_.c_str());
  }

  void write(std::span<const std::string_view> pieces) {
    write_all(file_.number(), pieces, path_);
    sync(file_.number(), path_, total(pieces));
    if (!file_.close()) fail_to(path_, "write");
  }
  void take_place() {
    if (FileCalls::current().rename(name_.c_str(), path_.c_str()) != 0) fail_to(path_, "replace");
    placed_ = true;
  }

 private:
  std::string path_;
  std::string name_;
  Descriptor file_;
  bool placed_ = false;
};

// Gives a file a second name, which then loses what it was the name of. A file system without such names moves the
// file: then there is an instant without the first.
void keep_as(const std::string& path, const std::string& folder, const std::string& kept) {
  FileCalls& calls = FileCalls::current();
  const std::string second = temporary_name(kept, folder);
  calls.unlink(second.c_str());
  const bool linked = calls.link(path.c_str(), second.c_str()) == 0;
  const bool renamed = calls.rename(linked ? second.c_str() : path.c_str(), kept.c_str()) == 0;
  const int reason = errno;
  // Still there where both were names of one file already (a program died between this and the new file's taking its
  // place): then renaming does nothing.
  if (linked) calls.unlink(second.c_str());
  if (!renamed) fail_to(kept, "replace", reason);
}

// Makes the names in a folder durable, as they are now. One that may be written to and not read cannot be.
void sync_folder(const std::string& folder, const std::string& path) {
  const Descriptor opened(open_file(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.ok() && errno != EACCES) fail_to(path, "write its folder to the disk");
  if (opened.ok()) sync(opened.number(), path, 0);
}

// Where a path leads once symbolic links are followed; the path itself where nothing is there yet.
std::string followed(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

void write_pieces_in_place(const std::string& path, std::span<const std::string_view> pieces) {
  Descriptor file(open_file(path, O_WRONLY | O_CLOEXEC));
  if (!file.ok()) fail_to(path, "open");
  write_all(file.number(), pieces, path);
  if (!file.close()) fail_to(path, "write");
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  check(!path_.empty() && path_.find('\0') == std::string::npos, quote(path_), " is not the name of a file");
  Descriptor file(open_file(path_, O_RDONLY | O_CLOEXEC));
  if (!file.ok()) fail_to(path_, "open");
  struct stat status = {};
  if (FileCalls::current().fstat(file.number(), &status) != 0) fail_to(path_, "open");
  check(!S_ISDIR(status.st_mode), path_, ": is a folder, not a file");
  if (S_ISREG(status.st_mode)) size_ = static_cast<uint64_t>(status.st_size);
  file_ = file.release();
}

InputFile::~InputFile() {
  FileCalls::current().close(file_);
}

size_t InputFile::read_some(void* into, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const size_t asked = std::min(bytes - done, most_at_once);
    char* place = static_cast<char*>(into) + done;
    const ssize_t got = uninterrupted([&] { return FileCalls::current().read(file_, place, asked); });
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

void write_file_atomically(const std::string& path, std::span<const std::string_view> pieces, const std::string& keep) {
  check(!path.empty() && path.find('\0') == std::string::npos && !path.ends_with('/'), quote(path),
        " is not the name of a file");
  struct stat old = {};
  const bool exists = look_at(path, old);
  check(!exists || !S_ISDIR(old.st_mode), path, ": is a folder, not a file");
  if (exists && !S_ISREG(old.st_mode)) return write_pieces_in_place(path, pieces);

  const std::string place = followed(path);
  const std::string folder = place.substr(0, place.rfind('/') + 1);
  constexpr mode_t anybody = 0666;  // less what the user's umask says
  TemporaryFile temporary(place, folder, exists ? old.st_mode & 07777 : anybody);
  temporary.write(pieces);
  if (exists && !keep.empty()) keep_as(place, folder, folder + keep);
  temporary.take_place();
  sync_folder(folder, place);
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

void overwrite_file(const std::string& path, std::string_view bytes) {
  write_pieces_in_place(path, std::span(&bytes, 1));
}

void replace_file(const std::string& from, const std::string& to) {
  if (FileCalls::current().rename(from.c_str(), to.c_str()) != 0) fail_to(to, "replace");
  sync_folder(to.substr(0, to.rfind('/') + 1), to);
}

}  // namespace tarn
