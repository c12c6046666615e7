// Checksums by libxxhash.
#include "core/checksum.h"

#include <xxhash.h>

#include <cstdint>

namespace tarn {

std::string checksum(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[(hash >> shift) & 15]);
  return out;
}

}  // namespace tarn
