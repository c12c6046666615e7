// Tests of convolution by lifted rows: equal to the column matrix for any stride, dilation, padding, groups and tiling.
#include "core/kernels/conv_lifted.h"

#include <doctest/doctest.h>

#include "core/kernels/conv_lowered.h"
#include "core/ops.h"

namespace tarn::test_conv_lifted {
namespace {

using kernels::ConvSizes;

// Sizes drawn from the stream; the output follows from them.
ConvSizes drawn(const Stream& stream) {
  uint64_t number = 0;
  const auto from = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(stream.below(number++, static_cast<uint64_t>(high - low + 1)));
  };
  ConvSizes s;
  s.images = from(1, 5);
  s.groups = from(1, 3);
  s.channels = s.groups * from(1, 20);
  s.filters = s.groups * from(1, 20);
  for (size_t i = from(0, 2) == 0 ? 0 : 1; i < 3; ++i) {
    s.kernel[i] = from(1, i == 0 ? 3 : 6);
    s.stride[i] = from(1, 3);
    s.dilation[i] = from(1, 3);
    s.before[i] = from(0, 4) - 1;
    s.input[i] = from(6, i == 0 ? 9 : 40);
    const int64_t after = from(0, 4) - 1;
    const int64_t room = s.input[i] + s.before[i] + after - s.dilation[i] * (s.kernel[i] - 1) - 1;
    s.output[i] = room < 0 ? 0 : room / s.stride[i] + 1;
  }
  return s;
}

double largest(const Tensor& t) {
  return t.numel() == 0 ? 0 : amax(abs(t)).item();
}

template <class T>
void compare(const ConvSizes& s, const Stream& stream, double bound) {
  const Dtype dtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  const Tensor x = normal({s.images * s.channels * s.input_cells()}, stream, 0, 1, dtype);
  const Tensor w = normal({s.filters * s.rows()}, Stream{stream.seed, 8, 0}, 0, 1, dtype);
  const Tensor b = normal({s.filters}, Stream{stream.seed, 9, 0}, 0, 1, dtype);
  Tensor y({s.images * s.filters * s.output_cells()}, dtype), expected(y.shape(), dtype);
  for (const T* bias : {b.data<T>(), static_cast<const T*>(nullptr)}) {
    kernels::lifted_forward(s, x.data<T>(), w.data<T>(), bias, y.fill<T>());
    kernels::lowered_forward(s, x.data<T>(), w.data<T>(), bias, expected.fill<T>());
    CHECK(largest((y - expected).to(Dtype::f64)) < bound);
  }
  Tensor dw(w.shape(), dtype), expected_dw(w.shape(), dtype);
  kernels::lifted_weight_gradient(s, x.data<T>(), y.data<T>(), dw.fill<T>());
  kernels::lowered_weight_gradient(s, x.data<T>(), y.data<T>(), expected_dw.fill<T>());
  CHECK(largest((dw - expected_dw).to(Dtype::f64)) < bound * (1 + largest(expected_dw.to(Dtype::f64))));
}

TEST_CASE("lifted rows give the column matrix's sums, whatever the geometry") {
  int checked = 0;
  for (uint64_t seed = 0; checked < 150; ++seed) {
    const Stream stream{seed, purpose_of("tests/conv_lifted"), 0};
    const ConvSizes s = drawn(stream);
    if (s.output[0] < 1 || s.output[1] < 1 || s.output[2] < 1 || !kernels::lifted_fits(s)) continue;
    CAPTURE(seed);
    compare<double>(s, stream, 1e-11);
    if (checked % 5 == 0) compare<float>(s, stream, 1e-3);
    ++checked;
  }
}

TEST_CASE("lifted rows in several blocks of channels, and weights in bands") {
  ConvSizes s;
  s.images = 2;
  s.channels = 700;
  s.filters = 130;
  s.input = s.output = {1, 12, 20};
  s.kernel = {1, 3, 3};
  s.before = {0, 1, 1};
  REQUIRE(kernels::lifted_fits(s));
  compare<double>(s, Stream{5, purpose_of("tests/conv_lifted"), 0}, 1e-10);
}

TEST_CASE("lifted rows are not taken where they would not pay") {
  ConvSizes s;
  s.channels = s.filters = 16;
  s.input = s.output = {1, 20, 20};
  s.kernel = {1, 3, 3};
  s.before = {0, 1, 1};
  CHECK(kernels::lifted_fits(s));
  ConvSizes far = s;  // sees four cells, from far outside
  far.dilation = {1, 1, 90'000'000};
  far.before = {0, 1, 90'000'000};
  CHECK_FALSE(kernels::lifted_fits(far));
  ConvSizes pointwise = s;
  pointwise.kernel = {1, 1, 1};
  CHECK_FALSE(kernels::lifted_fits(pointwise));
  ConvSizes few = s;
  few.channels = 3;
  CHECK_FALSE(kernels::lifted_fits(few));
  ConvSizes sparse = s;  // nearly all rows that a tile looks at lie between its taps
  sparse.input = {1, 4020, 20};
  sparse.dilation = {1, 2000, 1};
  CHECK_FALSE(kernels::lifted_fits(sparse));
}

}  // namespace
}  // namespace tarn::test_conv_lifted
