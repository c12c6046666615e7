// Tests of unfold and fold against loops over blocks, and of pixel and channel shuffles against their formulas.
#include <doctest/doctest.h>

#include <cstring>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/module.h"
#include "tests/support/errors.h"

namespace tarn::test_unfold {
namespace {

Tensor drawn(const Shape& shape, uint64_t purpose) {
  return normal(shape, Stream{3, purpose, 0}, 0, 1, Dtype::f64);
}

double element(const Tensor& x, std::initializer_list<int64_t> index) {
  int64_t at = 0;
  int d = 0;
  for (const int64_t i : index) at = at * x.shape()[d++] + i;
  return x.at(at);
}

// Calls body(row, column, y, x) for every cell of every block of one channel; cells outside the image too.
template <class F>
void each_cell(const std::array<int64_t, 2>& size, const UnfoldOptions& o, F body) {
  std::array<int64_t, 2> blocks{};
  for (size_t d = 0; d < 2; ++d)
    blocks[d] = (size[d] + 2 * o.padding[d] - o.dilation[d] * (o.kernel_size[d] - 1) - 1) / o.stride[d] + 1;
  for (int64_t i = 0; i < o.kernel_size[0]; ++i)
    for (int64_t j = 0; j < o.kernel_size[1]; ++j)
      for (int64_t v = 0; v < blocks[0]; ++v)
        for (int64_t h = 0; h < blocks[1]; ++h)
          body(i * o.kernel_size[1] + j, v * blocks[1] + h, v * o.stride[0] - o.padding[0] + i * o.dilation[0],
               h * o.stride[1] - o.padding[1] + j * o.dilation[1]);
}

TEST_CASE("unfold lists what each block sees, and fold is its transpose") {
  for (uint64_t i = 0; i < 60; ++i) {
    const Stream stream{4, 0, i};
    uint64_t count = 0;
    const auto pick = [&](int64_t low, int64_t high) { return low + stream.below(count++, high - low + 1); };
    UnfoldOptions o;
    std::array<int64_t, 2> size{};
    for (size_t d = 0; d < 2; ++d) {
      o.kernel_size[d] = pick(1, 3);
      o.dilation[d] = pick(1, 3);
      o.padding[d] = pick(0, 4);
      o.stride[d] = pick(1, 3);
      const int64_t extent = o.dilation[d] * (o.kernel_size[d] - 1) + 1;
      size[d] = pick(std::max<int64_t>(1, extent - 2 * o.padding[d]), 9);
    }
    const int64_t channels = pick(1, 3);
    const int64_t taps = o.kernel_size[0] * o.kernel_size[1];
    const Tensor x = drawn({2, channels, size[0], size[1]}, 1);
    const Tensor y = unfold(x, o);
    const Tensor g = drawn(y.shape(), 2);
    const Tensor back = fold(g, size, o);
    REQUIRE(back.shape() == x.shape());
    std::vector<double> sums(static_cast<size_t>(x.numel()));
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t c = 0; c < channels; ++c)
        each_cell(size, o, [&](int64_t tap, int64_t column, int64_t h, int64_t w) {
          const bool inside = h >= 0 && h < size[0] && w >= 0 && w < size[1];
          REQUIRE(element(y, {n, c * taps + tap, column}) == (inside ? element(x, {n, c, h, w}) : 0));
          if (inside)
            sums[static_cast<size_t>(((n * channels + c) * size[0] + h) * size[1] + w)] +=
                element(g, {n, c * taps + tap, column});
        });
    for (int64_t k = 0; k < back.numel(); ++k)
      REQUIRE(back.at(k) == doctest::Approx(sums[static_cast<size_t>(k)]).epsilon(1e-12));
    CHECK(unfold(select(x, 0, 1), o).to_vector<double>() == select(y, 0, 1).to_vector<double>());
    CHECK(fold(select(g, 0, 1), size, o).to_vector<double>() == select(back, 0, 1).to_vector<double>());
  }
}

TEST_CASE("unfold and fold take empty batches and give the same bits for any number of threads") {
  const UnfoldOptions o{.kernel_size = {3, 2}, .stride = {2, 1}};
  CHECK(unfold(Tensor::ones({0, 2, 5, 4}), o).shape() == Shape{0, 12, 6});
  CHECK(fold(Tensor::ones({0, 12, 6}), {5, 4}, o).shape() == Shape{0, 2, 5, 4});
  const int before = threads();
  const Tensor x = drawn({4, 12, 61, 60}, 1).to(Dtype::f32).requires_grad();
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    Tape tape;
    const Tensor y = unfold(x, o);
    seen.push_back(tape.gradient(sum(y * y), x).to_vector<float>());
  }
  set_threads(before);
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
}

TEST_CASE("impossible blocks are errors that say why") {
  using test::contains;
  const auto unfolded = [&](const Shape& x, const UnfoldOptions& o) {
    return test::message_of([&] { unfold(Tensor::ones(x), o); });
  };
  const auto folded = [&](const Shape& x, const std::array<int64_t, 2>& size, const UnfoldOptions& o) {
    return test::message_of([&] { fold(Tensor::ones(x), size, o); });
  };
  const Shape image{1, 2, 4, 4};
  CHECK(contains(unfolded({4, 4}, {.kernel_size = {2, 2}}), "unfold: input [4,4] is not"));
  CHECK(contains(unfolded({1, 0, 4, 4}, {.kernel_size = {2, 2}}), "has no channels"));
  CHECK(contains(unfolded({1, 2, 0, 4}, {.kernel_size = {2, 2}, .padding = {3, 3}}), "image size 0"));
  CHECK(contains(unfolded(image, {.kernel_size = {0, 2}}), "kernel_size 0"));
  CHECK(contains(unfolded(image, {.kernel_size = {2, 2}, .dilation = {1, 0}}), "dilation 0"));
  CHECK(contains(unfolded(image, {.kernel_size = {2, 2}, .padding = {-1, 0}}), "padding -1"));
  CHECK(contains(unfolded(image, {.kernel_size = {2, 2}, .stride = {0, 1}}), "stride 0"));
  CHECK(contains(unfolded(image, {.kernel_size = {5, 2}}), "a block spans 5 cells"));
  CHECK(unfolded(image, {.kernel_size = {1, 1}, .padding = {2147483647, 2147483647}}) != "");
  CHECK(contains(folded({1, 4, 8}, {4, 4}, {.kernel_size = {2, 2}}), "has 3 x 3 = 9 blocks"));
  CHECK(contains(folded({1, 5, 9}, {4, 4}, {.kernel_size = {2, 2}}),
                 "has 5 rows; expected a multiple of kernel_size 2 x 2"));
  CHECK(contains(folded({1, 4, 9}, {0, 4}, {.kernel_size = {2, 2}}), "image size 0"));
  CHECK(contains(folded({9}, {4, 4}, {}), "fold: input [9] is not"));
}

TEST_CASE("pixel shuffles move cells between channels and space") {
  const Tensor x = drawn({2, 3, 18, 2, 4}, 1);
  const Tensor y = pixel_shuffle(x, 3);
  REQUIRE(y.shape() == Shape{2, 3, 2, 6, 12});
  for (int64_t n = 0; n < 6; ++n)
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t h = 0; h < 6; ++h)
        for (int64_t w = 0; w < 12; ++w)
          CHECK(element(y, {n / 3, n % 3, c, h, w}) ==
                element(x, {n / 3, n % 3, (c * 3 + h % 3) * 3 + w % 3, h / 3, w / 3}));
  CHECK(pixel_unshuffle(y, 3).to_vector<double>() == x.to_vector<double>());
  CHECK(pixel_shuffle(Tensor::ones({0, 4, 3, 2}), 2).shape() == Shape{0, 1, 6, 4});
  CHECK(pixel_shuffle(Tensor::ones({1, 0, 3, 2}), 2).shape() == Shape{1, 0, 6, 4});
  CHECK(pixel_unshuffle(Tensor::ones({4, 0, 2}), 2).shape() == Shape{16, 0, 1});
  for (const int64_t r : {int64_t{0}, int64_t{-2}, int64_t{3}, int64_t{4799942556533499770}}) {
    CHECK_THROWS_AS(pixel_shuffle(Tensor::ones({1, 4, 2, 2}), r), Error);
    CHECK_THROWS_AS(pixel_unshuffle(Tensor::ones({1, 4, 2, 2}), r), Error);
  }
  CHECK_THROWS_AS(pixel_shuffle(Tensor::ones({4, 2}), 2), Error);
  CHECK_THROWS_AS(pixel_unshuffle(Tensor::ones({1, 4, 4, 3}), 2), Error);
}

TEST_CASE("a channel shuffle deals the channels of groups out in turns") {
  const Tensor x = drawn({2, 6, 3, 2}, 1);
  const Tensor y = channel_shuffle(x, 2);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 6; ++c)
      for (int64_t i = 0; i < 3; ++i) CHECK(element(y, {n, c, i, 1}) == element(x, {n, c % 2 * 3 + c / 2, i, 1}));
  CHECK(channel_shuffle(Tensor::ones({0, 6, 3}), 3).shape() == Shape{0, 6, 3});
  CHECK(channel_shuffle(Tensor::ones({1, 6, 1, 1, 1, 1}), 3).shape() == Shape{1, 6, 1, 1, 1, 1});
  for (const int64_t groups : {int64_t{0}, int64_t{-1}, int64_t{4}}) CHECK_THROWS_AS(channel_shuffle(x, groups), Error);
  CHECK_THROWS_AS(channel_shuffle(Tensor::ones({2, 6}), 2), Error);
}

TEST_CASE("the layers of unfold, fold and shuffles call them with their settings") {
  const auto run = [](const std::string& config, const Tensor& x) {
    Build build{.inputs = {x.shape()}, .dtype = x.dtype()};
    Context context;
    return make_layer(parse_json(config, "l.json"), build)->forward(x, context).to_vector<double>();
  };
  const Tensor x = drawn({2, 4, 6, 4}, 1);
  const UnfoldOptions o{.kernel_size = {3, 2}, .dilation = {1, 2}, .padding = {1, 0}, .stride = {2, 1}};
  const Tensor columns = unfold(x, o);
  CHECK(run(R"({"type": "Unfold", "kernel_size": [3, 2], "dilation": [1, 2], "padding": [1, 0], "stride": [2, 1]})",
            x) == columns.to_vector<double>());
  CHECK(run(R"({"type": "Fold", "output_size": [6, 4], "kernel_size": [3, 2], "dilation": [1, 2], "padding": [1, 0],
                "stride": [2, 1]})",
            columns) == fold(columns, {6, 4}, o).to_vector<double>());
  CHECK(run(R"({"type": "PixelShuffle", "upscale_factor": 2})", x) == pixel_shuffle(x, 2).to_vector<double>());
  CHECK(run(R"({"type": "PixelUnshuffle", "downscale_factor": 2})", x) == pixel_unshuffle(x, 2).to_vector<double>());
  CHECK(run(R"({"type": "ChannelShuffle", "groups": 2})", x) == channel_shuffle(x, 2).to_vector<double>());
  CHECK_THROWS_AS(run(R"({"type": "ChannelShuffle"})", x), Error);
  CHECK_THROWS_AS(run(R"({"type": "PixelShuffle", "upscale_factor": 0})", x), Error);
}

}  // namespace
}  // namespace tarn::test_unfold
