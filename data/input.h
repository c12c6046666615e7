// Bytes of a data file, plain or gzip, read strictly and in bounded amounts.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

/// Deflate cannot do better than 1032 to 1 (258 bytes in 2 bits), whatever a file claims.
constexpr size_t best_deflate_ratio = 1032;

/// The path with `${NAME}` and `${NAME:-text}` replaced from the environment and, where it is relative, taken from
/// `folder`; "builtin:NAME", a file that is compiled into the program, stays as it is. Throws where a variable is not
/// set and there is no text to take instead.
std::string resolve_path(std::string_view path, std::string_view folder);

/// The bytes of a file as they are stored. Throws "PATH: …" unless it is a regular file of at most 4 GiB that can be
/// read.
std::string read_stored(const std::string& path);

/// Decompressed bytes of a file, from front to back.
class Input {
 public:
  /// Throws "PATH: …" unless it is a regular file of at most 4 GiB that can be read.
  static Input file(const std::string& path);
  /// Bytes that outlive the input, under a name for messages.
  static Input memory(std::string_view bytes, std::string name);
  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  /// Fills `out` as far as there are bytes and says how many there were. Throws "NAME: byte …" where compressed data
  /// are damaged or end early.
  size_t read(std::span<char> out);
  /// All that is left; throws where that is more than `limit` bytes.
  std::string read_all(size_t limit);

  /// No more bytes than this can come: for checking a size that the file declares before memory is taken for it.
  size_t most() const;
  const std::string& name() const { return name_; }

 private:
  struct Inflate;
  Input(std::string name, std::string owned, std::string_view bytes);
  void next_member();

  std::string name_;
  std::unique_ptr<std::string> owned_;  // on the heap, so that moving keeps bytes_ valid
  std::string_view bytes_;              // as stored
  size_t position_ = 0;                 // of the next byte to look at in bytes_
  std::unique_ptr<Inflate> inflate_;    // where the bytes are compressed
  bool member_open_ = false;
};

}  // namespace tarn
