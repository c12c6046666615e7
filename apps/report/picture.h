// Samples as pictures inside a page.
#pragma once

#include <string>

#include "core/tensor.h"

namespace tarn {

/// Whether a sample of this shape can be drawn: [1, H, W] or [3, H, W].
bool drawable(const Shape& sample);
/// A data URI (24-bit BMP, base64) of sample `i` of x [N, C, H, W]; black is the sample's least finite
/// value, white its largest. A side has at most 128 pixels: of more, every second, third, … is taken.
std::string picture_uri(const Tensor& x, int64_t i);

}  // namespace tarn
