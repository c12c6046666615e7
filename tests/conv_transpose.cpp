// Tests of transposed convolution: every option against plain loops in float64, its layers, and its errors.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/random.h"
#include "layers/module.h"
#include "tests/support/errors.h"

namespace tarn::test_conv_transpose {
namespace {

struct Case {
  Shape x, w;
  ConvGeometry geometry;
  std::array<int64_t, 3> output_padding{};
};

Tensor drawn(const Shape& shape, uint64_t purpose, Dtype dtype) {
  return normal(shape, Stream{4, purpose, 0}, 0, 1, Dtype::f64).to(dtype);
}

// Flat position in `shape` of the index that stands in `at`; -1 where it is outside.
int64_t position(const Shape& shape, const std::vector<int64_t>& at) {
  int64_t flat = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t i = at[static_cast<size_t>(d)];
    if (i < 0 || i >= shape[d]) return -1;
    flat = flat * shape[d] + i;
  }
  return flat;
}

// The index that counts `flat` in row-major order.
std::vector<int64_t> index_of(const Shape& shape, int64_t flat) {
  std::vector<int64_t> at(static_cast<size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    at[static_cast<size_t>(d)] = flat % shape[d];
    flat /= shape[d];
  }
  return at;
}

// The definition: every cell of x adds its value times the kernel.
std::vector<double> by_definition(const Case& c, const Tensor& x, const Tensor& w, const Tensor& b, const Shape& y) {
  std::vector<double> out(static_cast<size_t>(y.numel()));
  const int64_t cells = y.product(2, y.rank());
  for (int64_t i = 0; i < y.numel(); ++i) out[static_cast<size_t>(i)] = b.at(i / cells % y[1]);
  const int64_t in_per_group = c.x[1] / c.geometry.groups;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const std::vector<int64_t> from = index_of(c.x, i);
    for (int64_t j = 0; j < w.numel(); ++j) {
      const std::vector<int64_t> tap = index_of(c.w, j);
      if (tap[0] != from[1]) continue;
      std::vector<int64_t> to{from[0], from[1] / in_per_group * c.w[1] + tap[1]};
      for (size_t d = 0; d + 2 < from.size(); ++d)
        to.push_back(from[d + 2] * c.geometry.stride[d] - c.geometry.before[d] + tap[d + 2] * c.geometry.dilation[d]);
      const int64_t at = position(y, to);
      if (at >= 0) out[static_cast<size_t>(at)] += x.at(i) * w.at(j);
    }
  }
  return out;
}

Shape output_of(const Case& c) {
  std::vector<int64_t> sizes{c.x[0], c.w[1] * c.geometry.groups};
  for (int d = 2; d < c.x.rank(); ++d) {
    const auto i = static_cast<size_t>(d - 2);
    sizes.push_back((c.x[d] - 1) * c.geometry.stride[i] - c.geometry.before[i] - c.geometry.after[i] +
                    c.geometry.dilation[i] * (c.w[d] - 1) + c.output_padding[i] + 1);
  }
  return Shape(sizes);
}

void check_case(const Case& c, Dtype dtype, double bound) {
  CAPTURE(c.x.text());
  CAPTURE(c.w.text());
  CAPTURE(c.geometry.groups);
  const Tensor x = drawn(c.x, 1, dtype), w = drawn(c.w, 2, dtype);
  const Tensor b = drawn({c.w[1] * c.geometry.groups}, 3, dtype);
  const Shape shape = output_of(c);
  const Tensor y = conv_transpose(x, w, b, c.geometry, c.output_padding);
  REQUIRE(y.shape() == shape);
  const std::vector<double> want = by_definition(c, x, w, b, shape);
  for (int64_t i = 0; i < y.numel(); ++i)
    REQUIRE(std::abs(y.at(i) - want[static_cast<size_t>(i)]) <
            bound * std::max(1.0, std::abs(want[static_cast<size_t>(i)])));
}

// Case number `i` of a rank, everything drawn; the output has at least one cell.
Case random_case(int rank, uint64_t i) {
  const Stream stream{5, static_cast<uint64_t>(rank), i};
  uint64_t count = 0;
  const auto pick = [&](int64_t low, int64_t high) { return low + stream.below(count++, high - low + 1); };
  const int64_t largest[] = {20, 6, 4};
  Case c;
  c.geometry.groups = pick(1, 3);
  std::vector<int64_t> x{pick(1, 3), c.geometry.groups * pick(1, 3)}, w{x[1], pick(1, 4)};
  for (size_t a = 0; a < static_cast<size_t>(rank); ++a) {
    c.geometry.stride[a] = pick(1, 3);
    c.geometry.dilation[a] = pick(1, 4);
    c.output_padding[a] = pick(0, std::max(c.geometry.stride[a], c.geometry.dilation[a]) - 1);
    x.push_back(pick(1, largest[rank - 1]));
    w.push_back(pick(1, 4));
    const int64_t full = (x.back() - 1) * c.geometry.stride[a] + c.geometry.dilation[a] * (w.back() - 1) + 1;
    c.geometry.before[a] = pick(0, std::min<int64_t>(3, full + c.output_padding[a] - 1));
    c.geometry.after[a] = pick(0, std::min<int64_t>(3, full + c.output_padding[a] - 1 - c.geometry.before[a]));
  }
  c.x = Shape(x);
  c.w = Shape(w);
  return c;
}

TEST_CASE("a transposed convolution adds every cell times the kernel, for any rank and options") {
  for (int rank = 1; rank <= 3; ++rank)
    for (uint64_t i = 0; i < 60; ++i) {
      check_case(random_case(rank, i), Dtype::f64, 1e-12);
      check_case(random_case(rank, i), Dtype::f32, 2e-5);
    }
}

TEST_CASE("an output padding that reaches beyond the input's cells and the cropped start holds the bias alone") {
  Case c;
  c.x = c.w = {1, 1, 1};
  c.geometry = {.dilation = {4, 1, 1}, .before = {1, 0, 0}, .after = {1, 0, 0}};
  c.output_padding = {3, 0, 0};
  const Tensor y = conv_transpose(Tensor::ones(c.x), Tensor::ones(c.w), Tensor::full({1}, 7), c.geometry, {3, 0, 0});
  CHECK(y.to_vector<float>() == std::vector<float>{7, 7});
  check_case(c, Dtype::f64, 1e-12);
}

TEST_CASE("a transposed convolution is the transpose of the convolution") {
  const ConvGeometry geometry{.stride = {2, 3, 1}, .dilation = {1, 2, 1}, .before = {1, 0, 0}, .after = {1, 2, 0}};
  const Tensor x = drawn({2, 3, 4, 5}, 1, Dtype::f64), w = drawn({3, 2, 3, 2}, 2, Dtype::f64);
  const Tensor y = conv_transpose(x, w, {}, geometry, {1, 2, 0});
  const Tensor z = drawn(y.shape(), 3, Dtype::f64);
  CHECK(sum(y * z).item() == doctest::Approx(sum(conv(z, w, {}, geometry) * x).item()));
}

TEST_CASE("a transposed convolution of an empty batch is empty") {
  const Tensor y = conv_transpose(Tensor::ones({0, 3, 4, 5}), Tensor::ones({3, 2, 3, 3}), Tensor::ones({2}),
                                  {.stride = {2, 2, 1}}, {1, 0, 0});
  CHECK(y.shape() == Shape{0, 2, 10, 11});
}

std::string refusal(const Shape& x, const Shape& w, const ConvGeometry& geometry = {},
                    const std::array<int64_t, 3>& output_padding = {}, const Tensor& bias = {}) {
  return test::message_of([&] { conv_transpose(Tensor::ones(x), Tensor::ones(w), bias, geometry, output_padding); });
}

TEST_CASE("impossible transposed convolutions are errors that say what was found and what was expected") {
  using test::contains;
  CHECK(contains(refusal({2, 3}, {3, 4}), "conv_transpose: input [2,3]"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2, 2}), "conv_transpose1d: weight [3,4,2,2] has rank 4"));
  CHECK(contains(refusal({2, 3, 6, 5}, {4, 3, 2, 2}), "conv_transpose2d: weight [4,3,2,2] is for 4 input channels"));
  CHECK(contains(refusal({2, 3, 6}, {3, 0, 2}), "makes no output channels"));
  CHECK(contains(refusal({2, 0, 6}, {0, 2, 2}), "is for 0 input channels"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 0}), "kernel size 0"));
  CHECK(contains(refusal({2, 3, 0}, {3, 4, 2}), "input size 0"));
  CHECK(contains(refusal({0, 3, 0}, {3, 4, 2}), "input size 0"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.stride = {0, 1, 1}}), "stride 0"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.dilation = {-1, 1, 1}}), "dilation -1"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.before = {-1, 0, 0}}), "padding -1"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.groups = 0}), "groups is 0"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.groups = 2}), "expected a multiple of 2 groups"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {}, {1, 0, 0}), "output_padding 1 of spatial dimension 0"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.stride = {2, 1, 1}}, {-1, 0, 0}), "output_padding -1"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {.before = {4, 0, 0}, .after = {3, 0, 0}}), "the output size 0"));
  CHECK(contains(refusal({2, 3, 6}, {3, 4, 2}, {}, {}, Tensor::ones({3})), "bias [3] does not fit weight [3,4,2]"));
  const int64_t huge = 9223372036854775803;
  for (const ConvGeometry& g : {ConvGeometry{.stride = {huge, 1, 1}}, ConvGeometry{.dilation = {1, huge, 1}},
                                ConvGeometry{.after = {0, huge, 0}}, ConvGeometry{.groups = huge},
                                ConvGeometry{.stride = {2147483647, 2147483647, 1}}})
    CHECK(refusal({1, 4, 5, 5}, {4, 4, 3, 3}, g) != "");
  CHECK_THROWS_AS(conv_transpose(Tensor::ones({1, 1, 3}), Tensor::ones({1, 1, 1}, Dtype::f64), {}, {}), Error);
  CHECK_THROWS_AS(conv_transpose(Tensor::ones({1, 1, 3}), {}, {}, {}), Error);
}

std::unique_ptr<Module> layer_of(const std::string& config, const Shape& input) {
  Build build{.inputs = {input}, .seed = 3, .dtype = Dtype::f64};
  return make_layer(parse_json(config, "l.json"), build);
}

TEST_CASE("a ConvTranspose layer has PyTorch's weight, starts within its bound, and takes one sample") {
  const auto layer = layer_of(
      R"({"type": "ConvTranspose2d", "out_channels": 6, "kernel_size": [3, 2], "groups": 2, "stride": 2,
          "output_padding": [1, 0], "padding": [0, 1]})",
      {5, 4, 7, 3});
  const std::vector<NamedTensor> parts = parameters(*layer);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].name == "weight");
  CHECK(parts[0].tensor->shape() == Shape{4, 3, 3, 2});
  CHECK(parts[1].tensor->shape() == Shape{6});
  for (const NamedTensor& part : parts)
    for (int64_t i = 0; i < part.tensor->numel(); ++i)
      CHECK(std::abs(part.tensor->at(i)) <= 1 / std::sqrt(3 * 3 * 2.0));
  const Tensor x = drawn({1, 4, 7, 3}, 1, Dtype::f64);
  Context context;
  const Tensor y = layer->forward(x, context);
  CHECK(y.shape() == Shape{1, 6, 16, 4});
  const Tensor one = layer->forward(squeeze(x, 0), context);
  CHECK(one.shape() == Shape{6, 16, 4});
  CHECK(one.to_vector<double>() == y.to_vector<double>());
  CHECK(layer->multiply_adds({x.shape()}, y.shape()) == 4 * 21 * 3 * 6);
}

TEST_CASE("a ConvTranspose layer refuses settings that cannot be") {
  const char* const wrong[] = {
      R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": 3, "padding_mode": "reflect"})",
      R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": 3, "in_channels": 5})",
      R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": 3, "groups": 4})",
      R"({"type": "ConvTranspose1d", "out_channels": 3, "kernel_size": 3, "groups": 2})",
      R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": [3, 3]})",
      R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": 3, "padding": "same"})",
  };
  for (const char* config : wrong) CHECK_THROWS_AS(layer_of(config, {2, 6, 5}), Error);
  CHECK_NOTHROW(layer_of(R"({"type": "ConvTranspose1d", "out_channels": 4, "kernel_size": 3})", {2, 6, 5}));
}

}  // namespace
}  // namespace tarn::test_conv_transpose
