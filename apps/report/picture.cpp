// Pictures as bitmaps in base64: no library, and every browser shows them.
#include "apps/report/picture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tarn {

namespace {

void put_bytes(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

std::string base64(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    for (size_t j = 0; j < 3; ++j)
      word = word << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += i + j <= bytes.size() ? digits[word >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

constexpr int64_t most_shown_pixels = 128;  // of a side; of larger pictures every so-manieth pixel is taken

struct ValueRange {
  double low, high;
  uint8_t level(float v) const {
    const double share = std::isfinite(v) && high > low ? (v - low) / (high - low) : 0;
    return static_cast<uint8_t>(std::clamp(share * 255, 0.0, 255.0));
  }
};

ValueRange finite_range(const float* p, int64_t n) {
  ValueRange range{std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(p[i])) continue;
    range.low = std::min<double>(range.low, p[i]);
    range.high = std::max<double>(range.high, p[i]);
  }
  return range;
}

// The header of an uncompressed 24-bit bitmap, rows from the bottom up, each padded to 4 bytes.
std::string bitmap_header(uint32_t w, uint32_t h, uint32_t row_bytes) {
  std::string out = "BM";
  put_bytes(out, 54 + row_bytes * h, 4);
  put_bytes(out, 0, 4);
  put_bytes(out, 54, 4);
  put_bytes(out, 40, 4);
  put_bytes(out, w, 4);
  put_bytes(out, h, 4);
  put_bytes(out, 1, 2);
  put_bytes(out, 24, 2);
  for (int i = 0; i < 6; ++i) put_bytes(out, 0, 4);
  return out;
}

}  // namespace

bool drawable(const Shape& s) {
  return s.rank() == 3 && (s[0] == 1 || s[0] == 3) && s[1] >= 1 && s[2] >= 1;
}

std::string Bitmap::uri() const {
  const auto row_bytes = static_cast<uint32_t>((width * 3 + 3) / 4 * 4);
  std::string out = bitmap_header(static_cast<uint32_t>(width), static_cast<uint32_t>(height), row_bytes);
  for (int64_t row = height - 1; row >= 0; --row) {
    const size_t start = out.size();
    for (int64_t column = 0; column < width; ++column)
      for (size_t channel = 3; channel-- > 0;)  // blue first
        out += static_cast<char>(pixels[static_cast<size_t>(row * width + column)][channel]);
    out.resize(start + row_bytes);
  }
  return "data:image/bmp;base64," + base64(out);
}

Bitmap picture_of(const Tensor& x, int64_t i) {
  const int64_t c = x.size(1);
  const int64_t h = x.size(2);
  const int64_t w = x.size(3);
  const float* p = x.data<float>() + i * c * h * w;
  const ValueRange range = finite_range(p, c * h * w);
  Bitmap bitmap;
  bitmap.every = (std::max(h, w) + most_shown_pixels - 1) / most_shown_pixels;
  bitmap.height = (h + bitmap.every - 1) / bitmap.every;
  bitmap.width = (w + bitmap.every - 1) / bitmap.every;
  for (int64_t row = 0; row < h; row += bitmap.every)
    for (int64_t column = 0; column < w; column += bitmap.every) {
      const auto level = [&](int64_t channel) {
        return range.level(p[(std::min(channel, c - 1) * h + row) * w + column]);
      };
      bitmap.pixels.push_back({level(0), level(1), level(2)});
    }
  return bitmap;
}

std::string picture_uri(const Tensor& x, int64_t i) {
  return picture_of(x, i).uri();
}

}  // namespace tarn
