// Compression with zlib, for changing what is compressed.
#include "tests/fuzz/pack.h"

#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>

namespace tarn::fuzz {

std::string pack(std::string_view bytes, int window, int level) {
  z_stream z{};
  deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 32, '\0');
  z.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string unpack(std::string_view bytes, int window, size_t most) {
  z_stream z{};
  inflateInit2(&z, window);
  std::string out(most, '\0');
  z.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  inflate(&z, Z_FINISH);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

uint32_t crc_of(std::string_view bytes) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

uint32_t little_at(std::string_view bytes, size_t at, size_t size) {
  if (at > bytes.size() || bytes.size() - at < size) return 0;
  uint32_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::string little_bytes(uint32_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
  return out;
}

std::string mutate_gzip(std::string_view bytes, uint64_t seed, const Change& change) {
  constexpr size_t most = 16384;
  if (!bytes.starts_with("\x1f\x8b")) return seed % 16 == 0 ? pack(bytes, 31) : change(bytes, 64);
  const std::string inside = unpack(bytes, 31, most);
  return seed % 16 == 0 ? inside : pack(change(inside, 64), 31, static_cast<int>(seed / 16 % 3));
}

}  // namespace tarn::fuzz
