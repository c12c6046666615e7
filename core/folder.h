// Folders: what is in them, making them, keeping others out, and clearing what a killed program left.
#pragma once

#include <cstddef>
#include <string>

namespace tarn {

/// Whether there is something of that name, of whatever kind. Throws where that cannot be known.
bool path_exists(const std::string& path);
bool is_file(const std::string& path);
bool is_folder(const std::string& path);

/// Makes a folder and those above it that are missing. Throws where a file stands in the way or it may not be made.
void make_folders(const std::string& path);

/// Holds a folder against other programs until it goes. A program that dies lets go of it.
class FolderLock {
 public:
  /// Throws where another program holds the folder. Where its file system knows no locks, nothing is held.
  explicit FolderLock(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  int file_ = -1;
};

/// Removes the temporary files that write_file_atomically() of a killed program left in a folder, and says how many.
/// Only for who holds the folder's lock: others may be writing theirs.
size_t sweep_temporary_files(const std::string& folder);

}  // namespace tarn
