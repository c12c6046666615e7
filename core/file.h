// Reading files with a limit, and replacing them so that a crash leaves either the old or the new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

/// A file that is read from front to back. Every error names the path and the reason.
class InputFile {
 public:
  /// Throws where there is no such file, it may not be read, or it is a folder.
  explicit InputFile(std::string path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  /// Bytes in the file; 0 for what has no size (a pipe).
  uint64_t size() const { return size_; }
  /// Up to `bytes` bytes; fewer only at the end of the file.
  size_t read_some(void* into, size_t bytes);
  /// Exactly `bytes` bytes; throws where the file ends before.
  void read(void* into, size_t bytes);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
};

/// The whole file. Throws where it is longer than `limit` bytes, before reading it if that can be known.
std::string read_file(const std::string& path, size_t limit = size_t{1} << 30);

/// Writes the pieces, one after the other, as the file at `path`: into a temporary file in the same folder, which is
/// made durable and then takes the place of the old one. A failure leaves the old file as it was and no temporary one;
/// where the disk is full the message says how much is missing. A symbolic link stays and the file it names is
/// replaced; what is no regular file (/dev/stdout, a pipe) is written to as it is. `keep` names another file of that
/// folder: the old file stays under that name, which loses what it had before, and there is no instant without one of
/// the two.
void write_file_atomically(const std::string& path, std::span<const std::string_view> pieces,
                           const std::string& keep = "");
void write_file_atomically(const std::string& path, std::string_view bytes);
/// Writes into what is there already: a device, or a file of the system's.
void overwrite_file(const std::string& path, std::string_view bytes);
/// Gives a file the name of another in the same folder, which it replaces, durably.
void replace_file(const std::string& from, const std::string& to);

}  // namespace tarn
