// Tests of Winograd convolution: which shapes take it, and how far it is from float64.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/kernels/conv_lowered.h"
#include "core/kernels/winograd.h"
#include "core/ops.h"
#include "core/random.h"

namespace tarn::test_conv_winograd {
namespace {

using kernels::choose_conv;
using kernels::ConvMethod;
using kernels::ConvSizes;

// A 2-d convolution of 3×3 filters with `before` and `after` zeros on either side of both dimensions.
ConvSizes sizes(int64_t images, int64_t channels, int64_t filters, int64_t height, int64_t width, int64_t before = 1,
                int64_t after = 1) {
  ConvSizes s;
  s.images = images;
  s.channels = channels;
  s.filters = filters;
  s.input = {1, height, width};
  s.kernel = {1, 3, 3};
  s.before = {0, before, before};
  s.output = {1, height + before + after - 2, width + before + after - 2};
  return s;
}

double difference(const Tensor& found, const Tensor& expected) {
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < found.numel(); ++i) {
    const double error = std::abs(found.at(i) - expected.at(i));
    worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
    largest = std::max(largest, std::abs(expected.at(i)));
  }
  return worst / largest;
}

// Largest errors, over the largest value, of output, input gradient and weight gradient against float64.
void check_sizes(const ConvSizes& s, int tile, double bound) {
  CAPTURE(tile);
  CAPTURE(s.channels);
  CAPTURE(s.filters);
  CAPTURE(Shape(std::span<const int64_t>(s.input.data(), 3)).text());
  CAPTURE(s.before[1]);
  const Shape in{s.images, s.channels, s.input[1], s.input[2]};
  const Shape out{s.images, s.filters, s.output[1], s.output[2]};
  const Shape weight{s.filters, s.channels, 3, 3};
  const Tensor x = normal(in, {5, 1, 0}), w = normal(weight, {5, 2, 0});
  const Tensor b = normal({s.filters}, {5, 3, 0}), g = normal(out, {5, 4, 0});
  ConvGeometry geometry;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    geometry.before[i] = s.before[1];
    geometry.after[i] = s.output[1 + i] + 2 - s.input[1 + i] - s.before[1];
  }
  const auto wide = [](const Tensor& t) { return t.to(Dtype::f64); };
  Tensor y(out), dw(weight);
  kernels::winograd_forward(s, tile, x.data<float>(), w.data<float>(), b.data<float>(), y.fill<float>());
  kernels::winograd_weight_gradient(s, tile, x.data<float>(), g.data<float>(), dw.fill<float>());
  CHECK(difference(y, conv(wide(x), wide(w), wide(b), geometry)) < bound);
  CHECK(difference(dw, conv_weight(wide(x), wide(g), geometry, weight)) < bound);
}

TEST_CASE("Winograd convolution stays within 2e-6 (2x2 tiles) and 2e-5 (4x4 tiles) of the largest value") {
  for (const int tile : {2, 4}) {
    const double bound = tile == 2 ? 2e-6 : 2e-5;
    check_sizes(sizes(4, 16, 32, 32, 32), tile, bound);
    check_sizes(sizes(2, 64, 64, 28, 28), tile, bound);
    check_sizes(sizes(3, 130, 100, 14, 14), tile, bound);
    check_sizes(sizes(1, 16, 16, 61, 37), tile, bound);
  }
}

TEST_CASE("Winograd convolution handles every remainder of tiles, vectors and channels, and any padding") {
  for (const int tile : {2, 4}) {
    for (int64_t i = 0; i < 40; ++i) {
      const Stream stream{6, 0, static_cast<uint64_t>(i)};
      const auto pick = [&](uint64_t n, int64_t low, int64_t high) { return low + stream.below(n, high - low + 1); };
      check_sizes(sizes(pick(0, 1, 3), pick(1, 1, 20), pick(2, 1, 20), pick(3, 3, 24), pick(4, 3, 70), pick(5, 0, 4),
                        pick(6, 0, 4)),
                  tile, 2e-5);
    }
  }
}

TEST_CASE("with reversed sizes and rotated filters it is the input gradient, also where padding exceeds the filter") {
  for (const int64_t padding : {0, 1, 2, 3, 5}) {
    CAPTURE(padding);
    const ConvSizes s = sizes(2, 16, 24, 12, 15, padding, padding);
    const ConvGeometry geometry{.before = {padding, padding, 0}, .after = {padding, padding, 0}};
    const Tensor w = normal({24, 16, 3, 3}, {5, 2, 0});
    const Tensor g = normal({2, 24, s.output[1], s.output[2]}, {5, 4, 0});
    Tensor rotated({16, 24, 3, 3}), dx({2, 16, 12, 15});
    kernels::rotate_filters(s, w.data<float>(), rotated.fill<float>());
    kernels::winograd_forward(s.reversed(), 4, g.data<float>(), rotated.data<float>(), nullptr, dx.fill<float>());
    CHECK(difference(dx, conv_input(g.to(Dtype::f64), w.to(Dtype::f64), geometry, dx.shape())) < 2e-5);
  }
}

TEST_CASE("the method follows from the sizes: Winograd for 3x3 filters over enough tiles, in float32 only") {
  CHECK(choose_conv(sizes(16, 64, 64, 56, 56), true) == ConvMethod::winograd4);
  CHECK(choose_conv(sizes(64, 32, 64, 14, 14), true) == ConvMethod::winograd4);
  CHECK(choose_conv(sizes(32, 256, 256, 8, 8), true) == ConvMethod::winograd2);
  CHECK(choose_conv(sizes(32, 512, 512, 4, 4), true) == ConvMethod::lowered);  // the weights' transform costs more
  CHECK(choose_conv(sizes(128, 3, 16, 32, 32), true) == ConvMethod::lowered);
  CHECK(choose_conv(sizes(16, 64, 64, 56, 56), false) == ConvMethod::lifted);
  ConvSizes s = sizes(16, 64, 64, 56, 56);
  s.stride = {1, 2, 2};
  CHECK(choose_conv(s, true) == ConvMethod::lifted);
  s = sizes(16, 64, 64, 56, 56);
  s.dilation = {1, 2, 2};
  CHECK(choose_conv(s, true) == ConvMethod::lifted);
  s = sizes(16, 64, 64, 56, 56);
  s.groups = 16;
  CHECK(choose_conv(s, true) == ConvMethod::direct);
  CHECK(choose_conv(s, false) == ConvMethod::direct);
  s.groups = 8;
  CHECK(choose_conv(s, true) == ConvMethod::lifted);
  s = sizes(1, 16, 16, 10, 1 << 20);  // a row of tiles would not fit the working memory
  CHECK(choose_conv(s, true) == ConvMethod::lowered);
}

TEST_CASE("a chosen Winograd convolution is what the op returns, forward and backward") {
  const ConvSizes s = sizes(8, 16, 32, 20, 20);
  REQUIRE(choose_conv(s, true) == ConvMethod::winograd4);
  const ConvGeometry geometry{.before = {1, 1, 0}, .after = {1, 1, 0}};
  const Tensor x = normal({8, 16, 20, 20}, {7, 1, 0}), w = normal({32, 16, 3, 3}, {7, 2, 0});
  const Tensor g = normal({8, 32, 20, 20}, {7, 3, 0});
  Tensor y(g.shape());
  kernels::winograd_forward(s, 4, x.data<float>(), w.data<float>(), nullptr, y.fill<float>());
  CHECK(y.to_vector<float>() == conv(x, w, {}, geometry).to_vector<float>());
  const Tensor dx = conv_input(g, w, geometry, x.shape());
  CHECK(difference(dx, conv_input(g.to(Dtype::f64), w.to(Dtype::f64), geometry, x.shape())) < 2e-5);
}

}  // namespace
}  // namespace tarn::test_conv_winograd
