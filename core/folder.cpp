// Folders through POSIX calls, and what files and folders share.
#include "core/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "core/descriptor.h"
#include "core/error.h"

namespace tarn {

namespace {

constexpr std::string_view temporary_end = ".tmp";

}  // namespace

void fail_to(const std::string& path, std::string_view what, int reason, std::string_view more) {
  fail(path, ": cannot ", what, ": ", std::generic_category().message(reason), more);
}

bool look_at(const std::string& path, struct stat& status) {
  if (FileCalls::current().stat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) fail_to(path, "look at it");
  return false;
}

int open_file(const std::string& path, int flags, mode_t mode) {
  return uninterrupted([&] { return FileCalls::current().open(path.c_str(), flags, mode); });
}

std::string temporary_name(const std::string& path, const std::string& folder) {
  return text(folder, '.', path.substr(path.rfind('/') + 1), '.', static_cast<int64_t>(::getpid()), temporary_end);
}

bool is_temporary_name(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(temporary_end)) return false;
  name.remove_suffix(temporary_end.size());
  const size_t dot = name.rfind('.');
  const std::string_view number = name.substr(dot + 1);
  return dot > 1 && !number.empty() && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
}

bool path_exists(const std::string& path) {
  struct stat status = {};
  return look_at(path, status);
}

bool is_file(const std::string& path) {
  struct stat status = {};
  return look_at(path, status) && S_ISREG(status.st_mode);
}

bool is_folder(const std::string& path) {
  struct stat status = {};
  return look_at(path, status) && S_ISDIR(status.st_mode);
}

void make_folders(const std::string& path) {
  check(!path.empty() && path.find('\0') == std::string::npos, quote(path), " is not the name of a folder");
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    struct stat status = {};
    if (!look_at(part, status) && FileCalls::current().mkdir(part.c_str(), 0777) != 0 && errno != EEXIST)
      fail_to(part, "make this folder");
    if (end == std::string::npos) break;
  }
  check(is_folder(path), path, ": cannot be made a folder: it is a file");
}

FolderLock::FolderLock(const std::string& folder) {
  Descriptor file(open_file(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.ok()) fail_to(folder, "open");
  const int result = uninterrupted([&] { return FileCalls::current().lock(file.number()); });
  check(result == 0 || errno != EWOULDBLOCK, folder,
        ": another program is writing to this run; wait for its end, or stop it");
  file_ = file.release();
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) FileCalls::current().close(file_);
}

size_t sweep_temporary_files(const std::string& folder) {
  std::vector<std::string> names;
  if (FileCalls::current().names(folder.c_str(), &names) != 0) fail_to(folder, "read this folder");
  size_t removed = 0;
  for (const std::string& name : names) {
    if (!is_temporary_name(name)) continue;
    const std::string path = folder + "/" + name;
    if (FileCalls::current().unlink(path.c_str()) != 0 && errno != ENOENT) fail_to(path, "remove");
    ++removed;
  }
  return removed;
}

}  // namespace tarn
