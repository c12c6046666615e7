// Files inside a .zip archive, as NumPy's .npz is one; read strictly and within limits.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct zip;

namespace tarn {

/// An archive, read with libzip from memory. Entries are stored or deflated; nothing is ever written to disk.
class ZipFile {
 public:
  /// Throws "PATH: …" unless it is a regular file of at most 4 GiB and a whole archive that agrees with itself: one
  /// disk, every entry where the directory at its end says, and no name twice.
  explicit ZipFile(const std::string& path);
  /// The same of bytes that outlive the archive, under a name for messages.
  ZipFile(std::string_view bytes, std::string name);
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  /// The names of its entries, in the archive's order.
  std::vector<std::string> names() const;
  /// What an entry holds. Throws "PATH: ENTRY: …" where there is none of that name, where it is encrypted or
  /// compressed otherwise, holds more than `limit` bytes or more than the compressed bytes can stand for, and where its
  /// size or checksum (CRC-32) is not what the archive says.
  std::string read(const std::string& entry, size_t limit) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  int64_t find(const std::string& entry) const;
  void open(std::string_view bytes);

  std::string name_;
  std::string owned_;  // what the archive reads, where it came from a file
  std::unique_ptr<zip, Close> archive_;
};

}  // namespace tarn
