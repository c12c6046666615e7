// A 64-bit checksum that notices damage to files: the XXH64 hash of their bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

/// XXH64 with seed 0 (Yann Collet, xxHash specification 0.1.1), fed piece by piece. Not against intent, only against
/// accident.
class Checksum {
 public:
  void add(std::string_view bytes);
  /// The hash of everything so far.
  uint64_t value() const;
  /// The same as 16 hexadecimal digits.
  std::string text() const;

 private:
  static constexpr size_t stripe = 32;
  void add_stripe(const char* bytes);

  static constexpr uint64_t prime1 = 0x9E3779B185EBCA87;
  static constexpr uint64_t prime2 = 0xC2B2AE3D27D4EB4F;
  std::array<uint64_t, 4> lanes_ = {prime1 + prime2, prime2, 0, 0 - prime1};
  std::array<char, stripe> waiting_ = {};  // less than a stripe
  uint64_t length_ = 0;
};

}  // namespace tarn
