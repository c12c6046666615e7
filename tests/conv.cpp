// Tests of convolution: every direction and method against seven plain loops in float64.
#include "core/kernels/conv.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_conv {
namespace {

struct Case {
  Shape x, w, y;
  ConvGeometry geometry;
};

// Spatial sizes of a shape [a, b, sizes], with leading ones.
std::array<int64_t, 3> sizes_at(const Shape& shape) {
  std::array<int64_t, 3> sizes{1, 1, 1};
  for (int i = 2; i < shape.rank(); ++i) sizes[static_cast<size_t>(3 - shape.rank() + i)] = shape[i];
  return sizes;
}

// The geometry's numbers where the sizes stand: at the end.
std::array<int64_t, 3> placed(const std::array<int64_t, 3>& numbers, int rank, int64_t absent) {
  std::array<int64_t, 3> out{absent, absent, absent};
  for (int i = 0; i < rank; ++i) out[static_cast<size_t>(3 - rank + i)] = numbers[static_cast<size_t>(i)];
  return out;
}

// Calls body(y index, x index, w index) for every product that a convolution adds up.
template <class F>
void for_each_product(const Case& c, const F& body) {
  const auto in = sizes_at(c.x), out = sizes_at(c.y), kernel = sizes_at(c.w);
  const int rank = c.x.rank() - 2;
  const auto stride = placed(c.geometry.stride, rank, 1), dilation = placed(c.geometry.dilation, rank, 1);
  const auto before = placed(c.geometry.before, rank, 0);
  const int64_t channels = c.w[1], filters = c.w[0] / c.geometry.groups;
  const int64_t cells = out[0] * out[1] * out[2], taps = kernel[0] * kernel[1] * kernel[2];
  for (int64_t n = 0; n < c.x[0]; ++n)
    for (int64_t k = 0; k < c.w[0]; ++k)
      for (int64_t cell = 0; cell < cells; ++cell)
        for (int64_t channel = 0; channel < channels; ++channel)
          for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t d = cell / (out[1] * out[2]) * stride[0] + tap / (kernel[1] * kernel[2]) * dilation[0];
            const int64_t h = cell / out[2] % out[1] * stride[1] + tap / kernel[2] % kernel[1] * dilation[1];
            const int64_t w = cell % out[2] * stride[2] + tap % kernel[2] * dilation[2];
            const int64_t z = d - before[0], y = h - before[1], x = w - before[2];
            if (z < 0 || z >= in[0] || y < 0 || y >= in[1] || x < 0 || x >= in[2]) continue;
            const int64_t plane = n * c.x[1] + k / filters * channels + channel;
            body((n * c.w[0] + k) * cells + cell, ((plane * in[0] + z) * in[1] + y) * in[2] + x,
                 (k * channels + channel) * taps + tap);
          }
}

Tensor drawn(const Shape& shape, uint64_t purpose, Dtype dtype) {
  return normal(shape, Stream{1, purpose, 0}, 0, 1, Dtype::f64).to(dtype);
}

// Largest difference over the largest expected value (or over 1).
double difference(const Tensor& found, const std::vector<double>& expected) {
  REQUIRE(found.numel() == static_cast<int64_t>(expected.size()));
  double worst = 0, largest = 1;
  for (int64_t i = 0; i < found.numel(); ++i) {
    const double want = expected[static_cast<size_t>(i)];
    const double error = std::abs(found.at(i) - want);
    worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
    largest = std::max(largest, std::abs(want));
  }
  return worst / largest;
}

struct Data {
  Tensor x, w, b, g;
};

Data data_of(const Case& c, Dtype dtype) {
  return {drawn(c.x, 1, dtype), drawn(c.w, 2, dtype), drawn({c.w[0]}, 3, dtype), drawn(c.y, 4, dtype)};
}

void check_case(const Case& c, Dtype dtype, double bound) {
  CAPTURE(c.x.text());
  CAPTURE(c.w.text());
  CAPTURE(c.y.text());
  CAPTURE(c.geometry.groups);
  const Data d = data_of(c, dtype);
  std::vector<double> y(static_cast<size_t>(c.y.numel())), dx(static_cast<size_t>(c.x.numel())),
      dw(static_cast<size_t>(c.w.numel()));
  const int64_t cells = c.y.product(2, c.y.rank());
  for (size_t i = 0; i < y.size(); ++i) y[i] = d.b.at(static_cast<int64_t>(i) / cells % c.w[0]);
  const Tensor x64 = d.x.to(Dtype::f64), w64 = d.w.to(Dtype::f64), g64 = d.g.to(Dtype::f64);
  const double *px = x64.data<double>(), *pw = w64.data<double>(), *pg = g64.data<double>();
  for_each_product(c, [&](int64_t iy, int64_t ix, int64_t iw) {
    y[static_cast<size_t>(iy)] += px[ix] * pw[iw];
    dx[static_cast<size_t>(ix)] += pg[iy] * pw[iw];
    dw[static_cast<size_t>(iw)] += pg[iy] * px[ix];
  });
  const Tensor found = conv(d.x, d.w, d.b, c.geometry);
  CHECK(found.shape() == c.y);
  CHECK(difference(found, y) < bound);
  CHECK(difference(conv_input(d.g, d.w, c.geometry, c.x), dx) < bound);
  CHECK(difference(conv_weight(d.x, d.g, c.geometry, c.w), dw) < bound);
}

// Both dtypes. float32: what the exact methods lose at these sizes, 5e-7 of the largest value, with room.
void check_case(const Case& c) {
  check_case(c, Dtype::f64, 1e-12);
  check_case(c, Dtype::f32, 5e-6);
}

// A 2-d case with one number for both dimensions.
Case square(int64_t n, int64_t c, int64_t k, int64_t size, int64_t kernel, int64_t stride, int64_t padding,
            int64_t dilation = 1, int64_t groups = 1) {
  const int64_t out = (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  ConvGeometry g;
  g.stride = {stride, stride, 1};
  g.dilation = {dilation, dilation, 1};
  g.before = g.after = {padding, padding, 0};
  g.groups = groups;
  return {{n, c, size, size}, {k, c / groups, kernel, kernel}, {n, k, out, out}, g};
}

// Case number `i` of a rank: everything is drawn, and the output is at least one cell.
Case random_case(int rank, uint64_t i) {
  const Stream stream{9, static_cast<uint64_t>(rank), i};
  uint64_t drawn_numbers = 0;
  const auto pick = [&](int64_t low, int64_t high) { return low + stream.below(drawn_numbers++, high - low + 1); };
  const int64_t largest[] = {150, 15, 8};
  Case c;
  c.geometry.groups = pick(1, 4);
  std::vector<int64_t> x{pick(1, 5), c.geometry.groups * pick(1, 6)};
  std::vector<int64_t> w{c.geometry.groups * pick(1, 9), x[1] / c.geometry.groups};
  std::vector<int64_t> y{x[0], w[0]};
  for (size_t a = 0; a < static_cast<size_t>(rank); ++a) {
    const int64_t kernel = pick(1, 4);
    c.geometry.stride[a] = pick(1, 3);
    c.geometry.dilation[a] = pick(1, 3);
    c.geometry.before[a] = pick(0, 5);
    c.geometry.after[a] = pick(0, 5);
    const int64_t extent = c.geometry.dilation[a] * (kernel - 1) + 1;
    const int64_t outside = c.geometry.before[a] + c.geometry.after[a];
    x.push_back(pick(std::max<int64_t>(1, extent - outside), std::max(largest[rank - 1], extent)));
    w.push_back(kernel);
    y.push_back((x.back() + outside - extent) / c.geometry.stride[a] + 1);
  }
  c.x = Shape(x);
  c.w = Shape(w);
  c.y = Shape(y);
  return c;
}

TEST_CASE("a convolution and its transposes equal plain loops for any rank, stride, padding, dilation and groups") {
  for (int rank = 1; rank <= 3; ++rank)
    for (uint64_t i = 0; i < 60; ++i) check_case(random_case(rank, i));
}

TEST_CASE("convolutions of the shapes of real networks equal plain loops") {
  check_case(square(2, 3, 16, 32, 3, 1, 1));   // a first layer
  check_case(square(2, 40, 72, 20, 3, 1, 1));  // more than one block of filters, channels and columns
  check_case(square(3, 20, 24, 15, 3, 2, 1));  // strided
  check_case(square(2, 24, 40, 16, 1, 1, 0));  // pointwise: the image is the column matrix
  check_case(square(2, 24, 40, 13, 1, 1, 0));
  check_case(square(9, 24, 40, 3, 1, 1, 0));                  // the same for small images, several in one matrix
  check_case(square(11, 24, 17, 4, 3, 1, 1));                 // small images
  check_case(square(11, 24, 17, 7, 3, 2, 1));                 // small outputs of a strided one
  check_case(square(2, 64, 64, 10, 3, 1, 1, 1, 4));           // groups of 16
  check_case(square(2, 64, 64, 10, 3, 1, 2, 2, 32));          // groups of 2, dilated
  check_case(square(2, 32, 64, 11, 3, 2, 1, 1, 32));          // depthwise, strided, two filters for a channel
  check_case(square(10, 6, 6, 9, 3, 2, 0, 2, 3));             // more images than pieces
  check_case(square(1, 2, 3, 60, 31, 1, 15));                 // a large kernel
  check_case(square(2, 300, 20, 6, 3, 1, 1));                 // more rows of the column matrix than fit its buffer
  check_case(square(1, 80, 800, 3, 3, 1, 1));                 // weights so many that their gradient is cut by rows
  check_case(square(2, 30, 260, 24, 3, 2, 0));                // products that are left whole: of the weights,
  check_case(square(1, 16, 256, 17, 1, 1, 0));                // forward,
  check_case(square(3, 32, 256, 7, 3, 1, 1));                 // and of the input, several images in one matrix
  check_case({{1, 2, 20000}, {3, 2, 5}, {1, 3, 19996}, {}});  // one long row
}

TEST_CASE("results have the same bits for any number of threads") {
  const int before = threads();
  for (const Case& c :
       {square(4, 3, 16, 32, 3, 1, 1), square(4, 32, 48, 28, 3, 1, 1), square(12, 32, 48, 14, 3, 1, 1),
        square(5, 24, 20, 15, 3, 2, 1), square(9, 32, 32, 4, 3, 1, 1), square(4, 32, 32, 12, 3, 1, 1, 1, 16)}) {
    CAPTURE(c.x.text());
    const Data d = data_of(c, Dtype::f32);
    const auto all = [&] {
      return Tensors{conv(d.x, d.w, d.b, c.geometry), conv_input(d.g, d.w, c.geometry, c.x),
                     conv_weight(d.x, d.g, c.geometry, c.w)};
    };
    set_threads(1);
    const Tensors one = all();
    for (const int n : {2, 4}) {
      set_threads(n);
      const Tensors more = all();
      for (size_t i = 0; i < one.size(); ++i)
        CHECK(std::memcmp(one[i].data<float>(), more[i].data<float>(), static_cast<size_t>(one[i].bytes())) == 0);
    }
  }
  set_threads(before);
}

TEST_CASE("an empty batch gives an empty output and zero gradients, and no channels give the bias") {
  const ConvGeometry geometry{.before = {1, 1, 0}, .after = {1, 1, 0}};
  const Tensor w = Tensor::ones({4, 3, 3, 3});
  const Tensor none = Tensor::ones({0, 3, 5, 6});
  CHECK(conv(none, w, {}, geometry).shape() == Shape{0, 4, 5, 6});
  CHECK(conv_input(Tensor::ones({0, 4, 5, 6}), w, geometry, {0, 3, 5, 6}).shape() == Shape{0, 3, 5, 6});
  const Tensor dw = conv_weight(none, Tensor::ones({0, 4, 5, 6}), geometry, w.shape());
  CHECK(dw.to_vector<float>() == std::vector<float>(4 * 27, 0.0f));
  const Tensor y =
      conv(Tensor::ones({1, 0, 2, 2}), Tensor::ones({2, 0, 3, 3}), Tensor({2}, std::vector<float>{3, 4}), geometry);
  CHECK(y.to_vector<float>() == std::vector<float>{3, 3, 3, 3, 4, 4, 4, 4});
}

TEST_CASE("the tape carries cotangents to input, weight and bias") {
  const Case c = square(2, 3, 4, 5, 3, 1, 1);
  Data d = data_of(c, Dtype::f64);
  const Tensor x = d.x.requires_grad(), w = d.w.requires_grad(), b = d.b.requires_grad();
  Tape tape;
  const Tensor y = conv(x, w, b, c.geometry);
  const Tensors wrt{x, w, b};
  const Tensors found = tape.gradient(y, wrt, {.seed = d.g});
  CHECK(found[0].to_vector<double>() == conv_input(d.g, d.w, c.geometry, c.x).to_vector<double>());
  CHECK(found[1].to_vector<double>() == conv_weight(d.x, d.g, c.geometry, c.w).to_vector<double>());
  double first = 0;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t i = 0; i < 25; ++i) first += d.g.at(n * 100 + i);
  CHECK(found[2].shape() == Shape{4});
  CHECK(found[2].at(0) == doctest::Approx(first));
}

std::string message_of(const Shape& x, const Shape& w, const ConvGeometry& geometry = {}, const Tensor& bias = {}) {
  try {
    conv(Tensor::ones(x), Tensor::ones(w), bias, geometry);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST_CASE("impossible arguments are errors that say what was found and what was expected") {
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has(message_of({2, 3}, {4, 3}), "input [2,3]"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2, 2}), "conv1d: weight [4,3,2,2] has rank 4"));
  CHECK(has(message_of({2, 3, 6, 5}, {4, 4, 2, 2}), "conv2d: weight [4,4,2,2] expects 4 channels per group"));
  CHECK(has(message_of({2, 3, 6, 5}, {4, 3, 9, 9}), "conv2d: the kernel spans 9 cells"));
  CHECK(has(message_of({2, 3, 6, 5}, {4, 3, 2, 2}, {.dilation = {7, 7, 1}}), "the kernel spans 8 cells"));
  CHECK(has(message_of({2, 3, 6, 5}, {4, 3, 0, 0}), "kernel size 0"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2}, {.stride = {0, 1, 1}}), "conv1d: stride 0 is outside"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2}, {.dilation = {-1, 1, 1}}), "dilation -1"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2}, {.before = {-1, 0, 0}}), "padding (-1, 0)"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2}, {.groups = 0}), "groups is 0"));
  CHECK(has(message_of({2, 4, 6}, {3, 2, 2}, {.groups = 2}), "3 filters; expected a multiple of 2"));
  CHECK(has(message_of({2, 4, 6}, {3, 1, 2}, {.groups = 3}), "4 channels, which 3 groups do not divide"));
  CHECK(has(message_of({2, 3, 6}, {0, 3, 2}), "0 filters"));
  CHECK(has(message_of({2, 3, 0}, {4, 3, 2}, {.before = {5, 0, 0}}), "input size 0"));
  CHECK(has(message_of({2, 3, 6}, {4, 3, 2}, {}, Tensor::ones({3})), "bias [3] does not fit weight [4,3,2]"));
}

TEST_CASE("absurd numbers are errors and neither overflow nor allocate") {
  const int64_t huge = 9223372036854775803;
  for (const ConvGeometry& geometry :
       {ConvGeometry{.stride = {huge, huge, 1}}, ConvGeometry{.dilation = {4611686018427387904, 1, 1}},
        ConvGeometry{.before = {huge, 0, 0}}, ConvGeometry{.after = {huge, huge, huge}},
        ConvGeometry{.before = {2147483647, 2147483647, 0}}, ConvGeometry{.groups = huge}})
    CHECK(message_of({1, 4, 5, 5}, {8, 4, 3, 3}, geometry) != "no error");
}

TEST_CASE("dtypes must agree and float") {
  const Tensor x = Tensor::ones({1, 1, 3});
  CHECK_THROWS_AS(conv(x, Tensor::ones({1, 1, 1}, Dtype::f64), {}, {}), Error);
  CHECK_THROWS_AS(conv(x.to(Dtype::i64), Tensor::ones({1, 1, 1}, Dtype::i64), {}, {}), Error);
  CHECK_THROWS_AS(conv(x, Tensor::ones({1, 1, 1}), Tensor::ones({1}, Dtype::f64), {}), Error);
  CHECK_THROWS_AS(conv(x, {}, {}, {}), Error);
  CHECK_THROWS_AS(conv_input(Tensor::ones({1, 1, 4}), Tensor::ones({1, 1, 1}), {}, {1, 1, 3}), Error);
  CHECK_THROWS_AS(conv_weight(x, Tensor::ones({1, 2, 3}), {}, {1, 1, 1}), Error);
}

}  // namespace
}  // namespace tarn::test_conv
