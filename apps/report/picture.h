// Samples as pictures inside a page.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// Red, green and blue bytes of a picture, row by row from the top.
struct Bitmap {
  int64_t height = 0, width = 0;
  int64_t every = 1;  ///< of the sample every so-manieth row and column was taken
  std::vector<std::array<uint8_t, 3>> pixels;
  /// As a data URI (24-bit BMP, base64).
  std::string uri() const;
};

/// Whether a sample of this shape can be drawn: [1, H, W] or [3, H, W].
bool drawable(const Shape& sample);
/// Sample `i` of x [N, C, H, W]; black is the sample's least finite value, white its largest. A side has at most 128
/// pixels: of more, every second, third, … is taken.
Bitmap picture_of(const Tensor& x, int64_t i);
std::string picture_uri(const Tensor& x, int64_t i);

}  // namespace tarn
