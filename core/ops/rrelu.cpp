// The randomised leaky ReLU: a slope of its own for each negative value.
#include <algorithm>
#include <cmath>

#include "core/kernels/kernel.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

constexpr int64_t group = 4 * 32;  // elements that 32 blocks of four random words decide over

/// slope = 1 above 0, else one of 2^32 values from lower on; y = x · slope.
template <class T>
TARN_KERNEL void leak(const uint32_t* draws, int64_t n, T lower, T range, const T* x, T* slope, T* y) {
  for (int64_t i = 0; i < n; ++i) {
    const T drawn = lower + range * (static_cast<T>(draws[i]) * static_cast<T>(0x1.0p-32));
    slope[i] = x[i] <= 0 ? drawn : T(1);
    y[i] = x[i] * slope[i];
  }
}

}  // namespace

Tensor rrelu(const Tensor& x, double lower, double upper, const Stream& stream) {
  check(std::isfinite(lower) && std::isfinite(upper) && lower <= upper, "rrelu: slopes from ", lower, " to ", upper,
        " are not a range of finite numbers");
  Tensor y(x.shape(), x.dtype());
  Tensor slope(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "rrelu", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* slopes = slope.fill<T>();
    T* out = y.fill<T>();
    parallel_range((x.numel() + group - 1) / group, 1500, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        uint32_t draws[4][32];
        stream.blocks(static_cast<uint64_t>(i * 32), draws);
        const int64_t at = i * group;
        leak(&draws[0][0], std::min(group, x.numel() - at), static_cast<T>(lower), static_cast<T>(upper - lower),
             in + at, slopes + at, out + at);
      }
    });
  });
  return record("rrelu", std::move(y), Edge{x, [slope](const Tensor& g) { return g * slope; }});
}

const auto& rrelu_op = add_op("rrelu", "x above 0, else x times a random slope", [](const Tensors& t) {
                         return rrelu(t[0], 0.1, 0.4, Stream{1, 2, 3});
                       }).sample({{3, 5}}, Domain::away_from_zero);

}  // namespace tarn
