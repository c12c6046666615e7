// Poolings that learn how to mix maxima, means and filters, against their formulas, window by window.
#include <algorithm>
#include <cmath>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_learned {
namespace {

using namespace test;

double logistic(double v) {
  return 1 / (1 + std::exp(-v));
}

/// Windows that overlap, hang over the edges and are not square.
Windows odd_windows(const Tensor& x) {
  return sliding_windows(
      "test", x.shape(), 2,
      {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {1}, .ceil_mode = true});
}

TEST_CASE("LearnedMixedPool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) { return learned_mixed_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(
      f, {square4(), tensor({1}, {0.3})}, {2.425, 3.425, 5.25, 1.725},
      {{0.175, 0.175, 0.475, 0.175, 0.475, 0.175, 0.175, 0.175, 0.475, 0.175, 0.175, 0.175, 0.175, 0.175, 0.175, 0.475},
       {10.25}});
}

TEST_CASE("LearnedMixedPool takes maximum and mean over the cells that are there") {
  const Tensor x = normal({2, 3, 5, 4}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Windows w = odd_windows(x);
  const Tensor a = tensor({3, 1, 1}, {0.2, 0.9, -0.5});
  const Tensor y = learned_mixed_pool(x, w, a);
  for (int64_t plane = 0; plane < 6; ++plane)
    for (int64_t cell = 0; cell < w.output_cells(); ++cell) {
      double largest = -1e9;
      double total = 0;
      const auto cells = w.cells(cell);
      for (const int64_t c : cells) {
        largest = std::max(largest, x.at(plane * 20 + c));
        total += x.at(plane * 20 + c);
      }
      const double share = a.at(plane % 3);
      CHECK(y.at(plane * w.output_cells() + cell) ==
            doctest::Approx(share * largest + (1 - share) * total / static_cast<double>(cells.size())));
    }
  check_derivatives([&](const Tensors& t) { return learned_mixed_pool(t[0], w, t[1]); }, {x, a});
}

TEST_CASE("the shares of LearnedMixedPool belong to the layer, channels, regions or both, and may be constrained") {
  const Tensor x = normal({2, 3, 4, 6}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  const auto layer = [&](const std::string& rest) {
    return layer_of(R"({"type": "LearnedMixedPool2d", "kernel_size": 2)" + rest + "}", {x.shape()});
  };
  CHECK(part(*layer(""), "a").shape() == Shape{1});
  CHECK(part(*layer(R"(, "scope": "channel")"), "a").shape() == Shape{3});
  CHECK(part(*layer(R"(, "scope": "region")"), "a").shape() == Shape{2, 3});
  const auto both = layer(R"(, "scope": "region_channel")");
  CHECK(part(*both, "a").shape() == Shape{3, 2, 3});
  part(*both, "a") = normal({3, 2, 3}, Stream{1, 2, 5}, 0, 1, Dtype::f64);
  const Tensor most = max_pool(x, tiles(x, 2));
  const Tensor mean = avg_pool(x, tiles(x, 2));
  const Tensor y = run(*both, {x});
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double a = part(*both, "a").at(i % 18);
    CHECK(y.at(i) == doctest::Approx(a * most.at(i) + (1 - a) * mean.at(i)));
  }
  const auto clamped = layer(R"(, "constrain": "clamp")");
  part(*clamped, "a") = tensor({1}, {1.5});
  check_values(run(*clamped, {x}), most.to_vector<double>());
  const auto squashed = layer(R"(, "constrain": "sigmoid")");
  CHECK(part(*squashed, "a").item() == 0);
  check_values(run(*squashed, {x}), (0.5 * (most + mean)).to_vector<double>());
  CHECK_THROWS_WITH_AS(run(*both, {Tensor::ones({1, 3, 6, 6}, Dtype::f64)}),
                       doctest::Contains("for planes of another size"), Error);
}

TEST_CASE("GatedPool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) { return gated_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(f, {square4(), tensor({4}, {0.1, -0.2, 0.3, 0.05})}, {3.3496364, 4.0424957, 6.3276464, 2.4561824},
                {{0.11850019, -0.020212514, 0.73583501, -0.0036168695, 0.92192483, 0.095381409, 0.27139873, 0.13389093,
                  0.84744692, -0.031070611, 0.19980242, -0.043339223, 0.21469431, 0.091811847, 0.36189684, 0.684258},
                 {5.8427684, 4.0494345, 3.3825936, 7.2911299}});
}

TEST_CASE("the gate of GatedPool sees 0 outside, where maximum and mean see nothing") {
  const Tensor x = tensor({1, 1, 3}, {2, -1, 4});
  const Windows w = sliding_windows("test", x.shape(), 1, {.kernel_size = {2}, .stride = {2}, .padding = {1}});
  const Tensor weight = tensor({2}, {0.7, -0.3});
  const Tensor bias = tensor({1}, {0.1});
  const double a = logistic(-0.3 * 2 + 0.1);
  const double b = logistic(0.7 * -1 - 0.3 * 4 + 0.1);
  check_values(gated_pool(x, w, weight, bias), {a * 2 + (1 - a) * 2, b * 4 + (1 - b) * 1.5});
  check_derivatives([&](const Tensors& t) { return gated_pool(t[0], w, t[1], t[2]); }, {x, weight, bias});
}

TEST_CASE("gates of channels and regions are filters of their own") {
  const Tensor x = normal({2, 3, 5, 4}, Stream{1, 2, 6}, 0, 1, Dtype::f64);
  for (const std::string scope : {"layer", "channel", "region", "region_channel"}) {
    CAPTURE(scope);
    const auto layer = layer_of(
        R"({"type": "GatedPool2d", "kernel_size": [3, 2], "stride": [2, 1], "padding": 1, "ceil_mode": true, "bias": true,
            "scope": ")" +
            scope + "\"}",
        {x.shape()});
    const Windows w = odd_windows(x);
    const int64_t cells = w.output_cells();
    Tensor& weight = part(*layer, "weight");
    Tensor& bias = part(*layer, "bias");
    weight = normal(weight.shape(), Stream{1, 2, 7}, 0, 1, Dtype::f64);
    bias = normal(bias.shape(), Stream{1, 2, 8}, 0, 1, Dtype::f64);
    const Tensor taps = windows(x, w);
    const Tensor most = max_pool(x, w);
    const Tensor y = run(*layer, {x});
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t channel = i / cells % 3;
      const int64_t own = scope == "layer"     ? 0
                          : scope == "channel" ? channel
                          : scope == "region"  ? i % cells
                                               : channel * cells + i % cells;
      double score = bias.at(own);
      double total = 0;
      for (int64_t k = 0; k < 6; ++k) {
        score += weight.at(own * 6 + k) * taps.at(i * 6 + k);
        total += taps.at(i * 6 + k);
      }
      const double mean = total / static_cast<double>(w.cells(i % cells).size());
      CHECK(y.at(i) == doctest::Approx(logistic(score) * most.at(i) + (1 - logistic(score)) * mean));
    }
  }
}

TEST_CASE("TreePool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) {
    return tree_pool(t[0], tiles(t[0], 2), stack(Tensors{t[1], t[2]}), unsqueeze(t[3], 0));
  };
  const Tensors inputs{tensor({1, 1, 2, 2}, {1, 3, 2, 4}), tensor({4}, {0.25, 0.25, 0.25, 0.25}),
                       tensor({4}, {0, 0.5, 0.5, 0}), tensor({4}, {0.1, -0.2, 0.3, 0.05})};
  check_example(f, inputs, {2.5},
                {{0.14361063, 0.35638937, 0.35638937, 0.14361063},
                 {0.57444252, 1.7233276, 1.148885, 2.2977701},
                 {0.42555748, 1.2766724, 0.85111497, 1.7022299},
                 {0, 0, 0, 0}});
}

TEST_CASE("the nodes of a TreePool are counted level by level") {
  const Tensor x = normal({2, 2, 5}, Stream{1, 2, 9}, 0, 1, Dtype::f64);
  const auto layer = layer_of(
      R"({"type": "TreePool1d", "kernel_size": 3, "stride": 1, "levels": 4, "scope": "region_channel"})", {x.shape()});
  Tensor& leaves = part(*layer, "leaves");
  Tensor& gates = part(*layer, "gates");
  REQUIRE(leaves.shape() == Shape{8, 2, 3, 3});
  REQUIRE(gates.shape() == Shape{7, 2, 3, 3});
  for (int64_t i = 0; i < gates.numel(); ++i) CHECK(gates.at(i) == 0);
  CHECK(mean(leaves).item() == doctest::Approx(1.0 / 3).epsilon(0.02));
  gates = normal(gates.shape(), Stream{1, 2, 10}, 0, 1, Dtype::f64);
  leaves = normal(leaves.shape(), Stream{1, 2, 11}, 0, 1, Dtype::f64);
  const Tensor y = run(*layer, {x});
  for (int64_t i = 0; i < y.numel(); ++i) {
    const auto filtered = [&](const Tensor& filters, int64_t m) {
      double total = 0;
      for (int64_t k = 0; k < 3; ++k) total += filters.at((m * 6 + i % 6) * 3 + k) * x.at(i / 3 * 5 + i % 3 + k);
      return total;
    };
    const auto node = [&](auto self, int64_t m) -> double {
      if (m >= 8) return filtered(leaves, m - 8);
      const double a = logistic(filtered(gates, m - 1));
      return a * self(self, 2 * m) + (1 - a) * self(self, 2 * m + 1);
    };
    CHECK(y.at(i) == doctest::Approx(node(node, 1)));
  }
}

TEST_CASE("TreePool refuses windows that reach over the edge, and trees that are not full") {
  const Tensor x = Tensor::ones({1, 2, 5}, Dtype::f64);
  check_refused(R"({"type": "TreePool1d", "kernel_size": 3, "padding": 1})", {x}, "padding and ceil_mode");
  check_refused(R"({"type": "TreePool1d", "kernel_size": 3, "ceil_mode": true})", {x}, "padding and ceil_mode");
  check_refused(R"({"type": "TreePool1d", "kernel_size": 3, "levels": 1})", {x}, "levels");
  const Tensor filters = Tensor::ones({3, 3}, Dtype::f64);
  CHECK_THROWS_WITH_AS(tree_pool(x, tiles(x, 3), filters, filters), doctest::Contains("full binary tree"), Error);
  const Windows padded = sliding_windows("test", x.shape(), 1, {.kernel_size = {3}, .padding = {1}});
  CHECK_THROWS_WITH_AS(tree_pool(x, padded, Tensor::ones({2, 3}, Dtype::f64), Tensor::ones({1, 3}, Dtype::f64)),
                       doctest::Contains("window 0 has 2 of 3 taps"), Error);
}

TEST_CASE("learned mixtures take one sample without a batch, an empty batch, and float32") {
  for (const std::string type : {"LearnedMixedPool2d", "GatedPool2d", "TreePool2d"}) {
    CAPTURE(type);
    const std::string config = R"({"type": ")" + type + R"(", "kernel_size": 2, "scope": "channel"})";
    const Tensor x = normal({1, 3, 4, 5}, Stream{1, 2, 12}, 0, 1, Dtype::f64);
    const Tensor y = run(config, {x});
    CHECK(y.shape() == Shape{1, 3, 2, 2});
    const Tensor one = run(config, {reshape(x, Shape{3, 4, 5})});
    CHECK(one.shape() == Shape{3, 2, 2});
    check_values(one, y.to_vector<double>());
    CHECK(run(config, {Tensor({0, 3, 4, 5}, Dtype::f64)}).shape() == Shape{0, 3, 2, 2});
    const Tensor narrow = run(config, {x.to(Dtype::f32)});
    CHECK(narrow.dtype() == Dtype::f32);
    for (int64_t i = 0; i < y.numel(); ++i) CHECK(narrow.at(i) == doctest::Approx(y.at(i)).epsilon(1e-4));
    check_refused(config, {Tensor::ones({60}, Dtype::f64)}, "expected [N,C,H,W] or [C,H,W]");
  }
}

TEST_CASE("AdaptiveAvgMaxPool and AdaptiveCatAvgMaxPool have the values and derivatives of their worked examples") {
  const Tensor x = tensor({1, 1, 2, 2}, {1, 3, 2, 4});
  const auto one = [](const Tensors& t) { return adaptive_windows("test", t[0].shape(), 2, {1}); };
  check_example([&](const Tensors& t) { return avgmax_pool(t[0], one(t)); }, {x}, {3.25},
                {{0.125, 0.125, 0.125, 0.625}});
  check_example([&](const Tensors& t) { return catavgmax_pool(t[0], one(t)); }, {x}, {2.5, 4},
                {{0.25, 0.25, 0.25, 1.25}});
}

TEST_CASE("the heads of means and maxima are what their parts are, of every rank") {
  const Tensor x = normal({2, 3, 5, 4, 7}, Stream{1, 2, 13}, 0, 1, Dtype::f64);
  const Windows w = adaptive_windows("test", x.shape(), 3, {2, std::nullopt, 3});
  const Tensor mean = avg_pool(x, w);
  const Tensor most = max_pool(x, w);
  const std::string size = R"(, "output_size": [2, null, 3]})";
  for (const std::string suffix : {"", "3d"}) {
    const auto named = [&](const std::string& rest) { return R"({"type": ")" + rest + size; };
    check_values(run(named("AdaptiveAvgMaxPool" + suffix + "\""), {x}), (0.5 * (mean + most)).to_vector<double>());
    const Tensor both = run(named("AdaptiveCatAvgMaxPool" + suffix + "\""), {x});
    CHECK(both.shape() == Shape{2, 6, 2, 4, 3});
    check_values(both, cat(Tensors{mean, most}, 1).to_vector<double>());
    const auto select = [&](const std::string& kind) {
      return run(named("SelectAdaptivePool" + suffix + R"(", "flatten": true, "pool_type": ")" + kind + "\""), {x});
    };
    check_values(select("avg"), mean.to_vector<double>());
    check_values(select("max"), most.to_vector<double>());
    check_values(select("avgmax"), (0.5 * (mean + most)).to_vector<double>());
    CHECK(select("catavgmax").shape() == Shape{2, 144});
    CHECK(select("").shape() == Shape{2, 420});
  }
  const Tensor sample = reshape(narrow(x, 0, 0, 1), Shape{3, 5, 4, 7});
  CHECK(run(R"("AdaptiveCatAvgMaxPool3d")", {sample}).shape() == Shape{6, 1, 1, 1});
}

TEST_CASE("AreaResize is adaptive average pooling, as its worked example says") {
  const auto f = [](const Tensors& t) { return run(R"({"type": "AreaResize2d", "output_size": [2, 3]})", t); };
  std::vector<double> slopes;
  for (int i = 0; i < 4; ++i) slopes.insert(slopes.end(), {0.25, 0.5, 0.5, 0.25});
  check_example(f, {square4()}, {1.75, 2, 2.75, 4.5, 2, 0.75}, {slopes});
  check_values(run(R"({"type": "AreaResize1d", "output_size": 5})", {tensor({1, 1, 3}, {1, 2, 3})}),
               {1, 1.5, 2, 2.5, 3});
}

}  // namespace
}  // namespace tarn::test_pooling_learned
