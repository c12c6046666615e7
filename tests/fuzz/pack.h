// Compression and checksums for targets that change what these cover.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/target.h"

namespace tarn::fuzz {

/// `bytes` compressed; window 31: gzip's form, 15: zlib's, -15: deflate alone, as zip archives have it.
std::string pack(std::string_view bytes, int window, int level = 1);
/// What compressed bytes hold, as far as they can be read, up to `most` bytes.
std::string unpack(std::string_view bytes, int window, size_t most);
/// CRC-32, as gzip, zip and PNG have it.
uint32_t crc_of(std::string_view bytes);

/// The number in two or four bytes from `at` on; 0 beyond the end.
uint32_t little_at(std::string_view bytes, size_t at, size_t size);
/// Two or four bytes with a number, the lowest first.
std::string little_bytes(uint32_t value, size_t size);

/// The contents of a gzip file changed, and compressed again; other bytes are only changed.
std::string mutate_gzip(std::string_view bytes, uint64_t seed, const Change& change);

}  // namespace tarn::fuzz
