// Bytes of pictures as numbers, many at a time.
#include "data/pixels.h"

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn {
namespace {

TARN_KERNEL void bytes_to_unit(const unsigned char* bytes, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(bytes[i]) / 255.0f;
}

}  // namespace

void scale_bytes(std::string_view bytes, float* out) {
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  parallel_range(static_cast<int64_t>(bytes.size()), 1,
                 [&](int64_t begin, int64_t end) { bytes_to_unit(in + begin, out + begin, end - begin); });
}

}  // namespace tarn
