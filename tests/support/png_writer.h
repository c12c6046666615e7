// A PNG encoder of the simplest kind, so that tests can make good and bad pictures: no compression, no filters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

inline std::string big_endian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
  return out;
}

inline uint32_t crc32_of(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

inline std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  return big_endian(static_cast<uint32_t>(data.size())) + body + big_endian(crc32_of(body));
}

/// `rows` as a zlib stream of stored blocks.
inline std::string stored(std::string_view bytes) {
  uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  std::string out = "\x78\x01";
  do {
    const std::string_view block = bytes.substr(0, 65535);
    bytes.remove_prefix(block.size());
    const auto n = static_cast<unsigned>(block.size());
    out.push_back(bytes.empty() ? 1 : 0);
    for (const unsigned size : {n, ~n}) {
      out.push_back(static_cast<char>(size & 0xff));
      out.push_back(static_cast<char>(size >> 8 & 0xff));
    }
    out += block;
  } while (!bytes.empty());
  return out + big_endian(b << 16 | a);
}

/// A picture of `height` rows, each of `row_bytes` bytes. `colour`: 0 grey, 2 colour, 3 palette, 4 and 6 with alpha;
/// `more` stands between header and pixels (a palette).
inline std::string write_png(uint32_t width, uint32_t height, char depth, char colour, std::string_view pixels,
                             const std::string& more = "") {
  const size_t row_bytes = height == 0 ? 0 : pixels.size() / height;
  std::string rows;
  for (size_t y = 0; y < height; ++y) rows += '\0' + std::string(pixels.substr(y * row_bytes, row_bytes));
  const std::string header = big_endian(width) + big_endian(height) + depth + colour + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + more + png_chunk("IDAT", stored(rows)) +
         png_chunk("IEND", "");
}

}  // namespace tarn
