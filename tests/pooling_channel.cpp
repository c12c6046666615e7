// Poolings over channels, and those that weigh, thin out or double what windows give, against their definitions.
#include <algorithm>
#include <cmath>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_channel {
namespace {

using namespace test;

Tensor numbers(const std::vector<int64_t>& values) {
  return Tensor(Shape{static_cast<int64_t>(values.size())}, values);
}

TEST_CASE("Maxout has the values and derivatives of its worked example") {
  const Tensor x = tensor({1, 4, 1, 1}, {1, 5, 3, 2});
  check_example([](const Tensors& t) { return maxout(t[0], 2); }, {x}, {5, 3}, {{0, 1, 1, 0}});
  CHECK(maxout(x, 2).shape() == Shape{1, 2, 1, 1});
  check_values(run(R"({"type": "Maxout", "k": 2})", {reshape(x, Shape{1, 4})}), {5, 3});
  check_values(run(R"({"type": "Maxout", "k": 4, "dim": 0})", {reshape(x, Shape{4, 1})}), {5});
  check_example([](const Tensors& t) { return maxout(t[0], 2); }, {tensor({1, 2}, {7, 7})}, {7}, {{1, 0}});
  check_refused(R"({"type": "Maxout", "k": 3})", {x}, "4 channels, which is no multiple of 3");
  CHECK(run(R"({"type": "Maxout", "k": 2})", {Tensor({0, 4, 3})}).shape() == Shape{0, 2, 3});
}

TEST_CASE("MaxFeatureMap has the values and derivatives of its worked examples") {
  const auto f = [](const Tensors& t) { return max_feature_map(t[0], t[0].size(1) == 6); };
  check_example(f, {tensor({1, 4, 1, 1}, {1, 5, 3, 2})}, {3, 5}, {{0, 1, 1, 0}});
  const Tensor six = tensor({1, 6, 1, 1}, {1, 5, 3, 2, 7, 4});
  check_example(f, {six}, {7, 5, 3, 4}, {{0, 1, 1, 0, 1, 1}});
  check_example(f, {tensor({1, 6}, {5, 0, 5, 0, 5, 0})}, {5, 0, 5, 0}, {{1, 1, 1, 1, 0, 0}});
  CHECK(run(R"({"type": "MaxFeatureMap", "ratio": "3/2"})", {six}).shape() == Shape{1, 4, 1, 1});
  CHECK(run(R"("MaxFeatureMap")", {Tensor({0, 6, 3})}).shape() == Shape{0, 3, 3});
  check_refused(R"({"type": "MaxFeatureMap", "ratio": "3/2"})", {tensor({1, 4}, {1, 2, 3, 4})}, "no multiple of 3");
}

TEST_CASE("MaxFeatureMap and Maxout group channels as their formulas say, at every place") {
  const Tensor x = normal({2, 6, 3, 2}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto at = [&](int64_t n, int64_t c, int64_t p) { return x.at((n * 6 + c) * 6 + p); };
  const Tensor out = maxout(x, 3);
  const Tensor halves = max_feature_map(x);
  const Tensor thirds = max_feature_map(x, true);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t p = 0; p < 6; ++p) {
      for (int64_t c = 0; c < 2; ++c) {
        CHECK(out.at((n * 2 + c) * 6 + p) == std::max({at(n, 3 * c, p), at(n, 3 * c + 1, p), at(n, 3 * c + 2, p)}));
        std::vector<double> three{at(n, c, p), at(n, c + 2, p), at(n, c + 4, p)};
        std::sort(three.begin(), three.end());
        CHECK(thirds.at((n * 4 + c) * 6 + p) == three[2]);
        CHECK(thirds.at((n * 4 + 2 + c) * 6 + p) == three[1]);
      }
      for (int64_t c = 0; c < 3; ++c) CHECK(halves.at((n * 3 + c) * 6 + p) == std::max(at(n, c, p), at(n, c + 3, p)));
    }
}

TEST_CASE("ChannelPool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) { return run(R"("ChannelPool")", t); };
  const Tensor x = tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2});
  check_example(f, {x}, {1, 4, 3, 0.5, 3, 2.5}, {{1.5, 0.5, 1.5, 0.5, 1.5, 0.5}});
  CHECK(f({x}).shape() == Shape{1, 2, 1, 3});
  CHECK(f({Tensor({0, 5, 4, 3})}).shape() == Shape{0, 2, 4, 3});
  check_values(run(R"({"type": "ChannelPool", "pool": "max", "dim": 0})", {reshape(x, Shape{2, 1, 3})}), {1, 4, 3});
}

TEST_CASE("ChannelPool slides over channels, or takes every so many-th") {
  const Tensor x = tensor({1, 6}, {1, 8, 3, 4, 9, 2});
  const auto pool = [&](const std::string& rest) { return run(R"({"type": "ChannelPool", )" + rest + "}", {x}); };
  check_values(pool(R"("kernel_size": 3, "stride": 1)"), {8, 8, 9, 9, 4, 5, 16.0 / 3, 5});
  check_values(pool(R"("kernel_size": 2, "pool": "avg")"), {4.5, 3.5, 5.5});
  check_values(pool(R"("out_channels": 2, "pool": "max")"), {9, 8});
  check_values(pool(R"("out_channels": 3, "pool": "both")"), {4, 9, 3, 2.5, 8.5, 2.5});
  check_refused(R"({"type": "ChannelPool", "kernel_size": 7})", {x}, "kernel_size");
  check_refused(R"({"type": "ChannelPool", "out_channels": 4})", {x}, "no multiple of 4");
  check_refused(R"({"type": "ChannelPool", "out_channels": 2, "stride": 1})", {x}, "takes the place of");
}

TEST_CASE("TrainableAvgPool has the values and derivatives of its worked example") {
  const auto f = [](bool sums) {
    return [sums](const Tensors& t) { return trainable_avg_pool(t[0], tiles(t[0], 2), t[1], t[2], sums); };
  };
  const Tensors inputs{square4(), tensor({1}, {2}), tensor({1}, {0.5})};
  check_example(f(false), inputs, {4, 6, 9.5, 2}, {std::vector<double>(16, 0.5), {9.75}, {4}});
  check_example(f(true), inputs, {14.5, 22.5, 36.5, 6.5}, {std::vector<double>(16, 2), {39}, {4}});
  const Tensor x = normal({2, 3, 5, 4}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  const Windows w = sliding_windows(
      "test", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}, .dilation = {}, .ceil_mode = true});
  const Tensor weight = tensor({3}, {1, -2, 0.5});
  const Tensor bias = tensor({3}, {0.1, 0.2, 0.3});
  const Tensor y = trainable_avg_pool(x, w, weight, bias);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const auto cells = w.cells(i % w.output_cells());
    double total = 0;
    for (const int64_t c : cells) total += x.at(i / w.output_cells() * 20 + c);
    const int64_t channel = i / w.output_cells() % 3;
    CHECK(y.at(i) ==
          doctest::Approx(weight.at(channel) * total / static_cast<double>(cells.size()) + bias.at(channel)));
  }
  check_derivatives([&](const Tensors& t) { return trainable_avg_pool(t[0], w, t[1], t[2]); }, {x, weight, bias});
}

TEST_CASE("SubsamplePool keeps what its worked example says") {
  const auto f = [](const Tensors& t) {
    return run(R"({"type": "SubsamplePool2d", "stride": 2, "offset": [1, 0]})", t);
  };
  check_example(f, {square4()}, {4, 1, 2, 0}, {{0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0}});
  const Tensor x = tensor({1, 1, 7}, {0, 1, 2, 3, 4, 5, 6});
  check_values(run(R"({"type": "SubsamplePool1d", "stride": 3, "offset": 1})", {x}), {1, 4});
  check_values(run(R"({"type": "SubsamplePool1d", "stride": 3})", {x}), {0, 3, 6});
  CHECK(run(R"({"type": "SubsamplePool3d", "stride": [1, 2, 3]})", {Tensor({0, 2, 3, 3, 3})}).shape() ==
        Shape{0, 2, 3, 2, 1});
  check_refused(R"({"type": "SubsamplePool1d", "stride": 3, "offset": 3})", {x}, "allowed are 0 to 2");
  check_refused(R"({"type": "SubsamplePool1d", "stride": 9, "offset": 8})", {x}, "nothing would be left");
}

TEST_CASE("S3Pool has the values and derivatives of its worked examples") {
  const auto drawn = [](const Tensors& t) {
    const Windows w = s3_windows("test", t[0].shape(), 2, {2}, false);
    return s3_pool(t[0], w, Tensors{numbers({1, 2}), numbers({0, 3})});
  };
  check_example(drawn, {square4()}, {7, 2, 7, 4}, {{0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1}});
  check_example([](const Tensors& t) { return run(R"("S3Pool2d")", t); }, {square4()}, {4.75, 3, 6.25, 4},
                {{0, 0, 0.5, 0.25, 0.25, 0, 0, 0.5, 0.5, 0.25, 0, 0, 0, 0.75, 0, 1}});
}

TEST_CASE("S3Pool draws rows and columns of each group, in order, the same for all channels") {
  const Tensor x = broadcast_to(Tensor::arange(11).to(Dtype::f64), Shape{2, 3, 11});
  const auto layer = layer_of(R"({"type": "S3Pool1d", "kernel_size": 1, "stride": 2, "grid_size": 4})", {x.shape()});
  std::vector<int> met(11, 0);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Tensor y = run(*layer, {x}, true, seed);
    REQUIRE(y.shape() == Shape{2, 3, 4});
    for (int64_t i = 4; i < 24; ++i) REQUIRE(y.at(i) == y.at(i % 4));
    REQUIRE((y.at(0) < y.at(1) && y.at(1) < 4 && 4 <= y.at(2) && y.at(2) < y.at(3)));
    for (int64_t i = 0; i < 4; ++i) ++met[static_cast<size_t>(y.at(i))];
  }
  for (size_t i = 0; i < 11; ++i) CHECK(met[i] == doctest::Approx(i < 4 ? 100 : 200 * 2 / 7.0).epsilon(0.3));
  CHECK(run(*layer, {x}).shape() == Shape{2, 3, 4});
  check_values(narrow(run(*layer, {x}), 0, 0, 1), {0.5, 2.5, 4.5, 6.5, 0.5, 2.5, 4.5, 6.5, 0.5, 2.5, 4.5, 6.5});
}

TEST_CASE("S3Pool cuts windows off at the far edge or leaves them out, and refuses grids that do not fit") {
  const Tensor x = tensor({1, 1, 5}, {1, 5, 2, 4, 3});
  const Windows clipped = s3_windows("test", x.shape(), 1, {3}, false);
  check_values(max_pool(x, clipped), {5, 5, 4, 4, 3});
  check_values(max_pool(x, s3_windows("test", x.shape(), 1, {3}, true)), {5, 5, 4});
  check_values(run(R"({"type": "S3Pool1d", "kernel_size": 3, "stride": 2, "pad_mode": "valid"})", {x}), {5});
  check_refused(R"({"type": "S3Pool1d", "stride": 2, "grid_size": 3})", {x}, "multiples of the stride");
  check_refused(R"({"type": "S3Pool1d", "stride": 2, "grid_size": 6})", {x}, "allowed are 1 to 5");
  for (const bool training : {false, true}) {
    CHECK(run(R"("S3Pool2d")", {Tensor({0, 3, 4, 5})}, training).shape() == Shape{0, 3, 2, 2});
    CHECK(run(R"("S3Pool2d")", {Tensor::ones({3, 4, 5})}, training).shape() == Shape{3, 2, 2});
  }
}

TEST_CASE("MaxMinPool has the values and derivatives of its worked example") {
  const auto f = [](bool negate) {
    return [negate](const Tensors& t) { return max_min_pool(t[0], tiles(t[0], 2), negate); };
  };
  check_example(f(true), {square4()}, {4, 5, 7, 4, 0, -1, -2, 1},
                {{0, 0, 1, 0, 1, -1, -1, 0, 1, 0, -1, 0, -1, 0, 0, 1}});
  check_values(f(false)({square4()}), {4, 5, 7, 4, 0, 1, 2, -1});
  CHECK(run(R"({"type": "MaxMinPool2d", "kernel_size": 2})", {Tensor({0, 3, 4, 4})}).shape() == Shape{0, 6, 2, 2});
  CHECK(run(R"({"type": "MaxMinPool1d", "kernel_size": 2})", {Tensor::ones({3, 4})}).shape() == Shape{6, 2});
}

TEST_CASE("FuzzyPool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return fuzzy_pool(t[0], tiles(t[0], 3)); }, {square3()}, {0.89865772},
                {{0.13422819, 0.11400387, -0.073915589, 0.13422819, -0.0068014954, 0.12742669, 0.13422819, 0.060312599,
                  0.12742669}});
}

TEST_CASE("FuzzyPool agrees with its formula in windows that hang over the edge") {
  const Tensor x = uniform({2, 2, 5, 4}, Stream{1, 2, 5}, 0, 6, Dtype::f64);
  const Windows w = sliding_windows("test", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}});
  const auto member = [](int v, double t) {
    const double m = v == 0 ? (3 - t) / 2 : v == 1 ? std::min((t - 1.5) / 1.5, (4.5 - t) / 1.5) : (t - 3) / 1.5;
    return std::clamp(m, 0.0, 1.0);
  };
  for (const bool algebraic : {false, true}) {
    const Tensor y = fuzzy_pool(x, w, 6, algebraic);
    for (int64_t i = 0; i < y.numel(); ++i) {
      double best = -1;
      double want = 0;
      for (int v = 0; v < 3; ++v) {
        double total = 0;
        double weighted = 0;
        double none = 1;
        for (const int64_t c : w.cells(i % w.output_cells())) {
          const double t = x.at(i / w.output_cells() * 20 + c);
          total += member(v, t);
          weighted += member(v, t) * t;
          none *= 1 - member(v, t);
        }
        const double score = algebraic ? 1 - none : total;
        if (score > best + 1e-12) {
          best = score;
          want = weighted / total;
        }
      }
      CHECK(y.at(i) == doctest::Approx(want));
    }
  }
}

}  // namespace
}  // namespace tarn::test_pooling_channel
