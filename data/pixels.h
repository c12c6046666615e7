// Bytes of pictures as numbers.
#pragma once

#include <string_view>

namespace tarn {

/// Every byte, taken as unsigned, divided by 255: `out` gets as many numbers in [0, 1] as there are bytes.
void scale_bytes(std::string_view bytes, float* out);

}  // namespace tarn
