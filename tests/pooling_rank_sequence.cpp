// Poolings of sequences, graphs and whole planes by rank, against their definitions.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_rank_sequence {
namespace {

using namespace test;

Windows whole(const Tensor& x) {
  return adaptive_windows("test", x.shape(), x.rank() - 2, {1});
}
Tensor numbers(const Shape& shape, const std::vector<int64_t>& values) {
  return Tensor(shape, values);
}

TEST_CASE("KMaxPool1d keeps the order of the sequence, as its worked example says") {
  const Tensor x = tensor({1, 1, 6}, {4, 1, 3, 5, 2, 3});
  check_example([](const Tensors& t) { return kmax_pool1d(t[0], 3).values; }, {x}, {4, 3, 5}, {{1, 0, 1, 1, 0, 0}});
  CHECK(kmax_pool1d(x, 3).indices.to_vector<int64_t>() == std::vector<int64_t>{0, 2, 3});
  const auto padded = [](const Tensors& t) { return kmax_pool1d(t[0], 8, true).values; };
  check_example(padded, {x}, {4, 1, 3, 5, 2, 3, 0, 0}, {{1, 1, 1, 1, 1, 1}});
  CHECK(kmax_pool1d(x, 8, true).indices.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 3, 4, 5, -1, -1});
  check_refused(R"({"type": "KMaxPool1d", "k": 7})", {x}, "allowed are 1 to 6");
  const auto layer = layer_of(R"({"type": "KMaxPool1d", "k": 3, "return_indices": true})", {x.shape()});
  Context context;
  const Tensors both = layer->apply({x}, context);
  REQUIRE(both.size() == 2);
  CHECK(both[1].to_vector<int64_t>() == std::vector<int64_t>{0, 2, 3});
}

TEST_CASE("KMaxPool1d agrees with a naive sort, ties and NaN included") {
  Draws draws(21);
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t length = draws.pick(1, 12);
    const int64_t k = draws.pick(1, length);
    const Tensor x = draws.values(Shape{2, draws.pick(1, 3), length}, Dtype::f64, trial % 2 == 1);
    const Extreme got = kmax_pool1d(x, k);
    for (int64_t line = 0; line < x.numel() / length; ++line) {
      std::vector<int64_t> order(static_cast<size_t>(length));
      std::iota(order.begin(), order.end(), 0);
      const auto value = [&](int64_t i) { return x.at(line * length + i); };
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return value(a) > value(b) || (std::isnan(value(a)) && !std::isnan(value(b)));
      });
      order.resize(static_cast<size_t>(k));
      std::sort(order.begin(), order.end());
      for (int64_t i = 0; i < k; ++i)
        REQUIRE(got.indices.at(line * k + i) == static_cast<double>(order[static_cast<size_t>(i)]));
    }
  }
}

TEST_CASE("DynamicKMaxPool1d keeps fewer values the deeper the layer, but never less than k_top") {
  CHECK(dynamic_k(18, 3, 1, 3) == 12);
  CHECK(dynamic_k(18, 3, 2, 3) == 6);
  CHECK(dynamic_k(18, 3, 3, 3) == 3);
  CHECK(dynamic_k(7, 1, 2, 3) == 3);
  const Tensor x = normal({2, 3, 18}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  check_values(run(R"({"type": "DynamicKMaxPool1d", "k_top": 3, "layer": 2, "layers": 3})", {x}),
               kmax_pool1d(x, 6).values.to_vector<double>());
  check_refused(R"({"type": "DynamicKMaxPool1d", "k_top": 3, "layer": 4, "layers": 3})", {x}, "allowed are 1 to 3");
}

TEST_CASE("ChunkMaxPool1d splits as evenly as it can, or into equal chunks and a rest") {
  const Tensor x = tensor({1, 1, 5}, {4, 1, 3, 5, 2});
  check_example([](const Tensors& t) { return chunk_max_pool1d(t[0], 2); }, {x}, {4, 5}, {{1, 0, 0, 1, 0}});
  check_values(chunk_max_pool1d(x, 3), {4, 5, 5});
  check_values(chunk_max_pool1d(x, 3, true), {4, 5, 2});
  check_values(run(R"({"type": "ChunkMaxPool1d", "chunks": 2, "split": "equal"})", {x}), {4, 5});
  check_refused(R"({"type": "ChunkMaxPool1d", "chunks": 4, "split": "equal"})", {x}, "leave nothing of 5");
}

TEST_CASE("PiecewiseMaxPool1d has the values and derivatives of its worked example") {
  const Tensor x = tensor({1, 1, 6}, {4, 1, 3, 5, 2, 6});
  const auto f = [](const Tensors& t) { return piecewise_max_pool1d(t[0], t[1]); };
  check_example(f, {x, numbers({1, 2}, {1, 3})}, {4, 5, 6}, {{1, 0, 0, 1, 0, 1}});
  check_example(f, {x, numbers({1, 2}, {2, 2})}, {4, 0, 6}, {{1, 0, 0, 0, 0, 1}});
  check_example(f, {x, numbers({1, 2}, {0, 5})}, {4, 6, 0}, {{1, 0, 0, 0, 0, 1}});
}

TEST_CASE("PiecewiseMaxPool1d gives all channels of a piece, then those of the next, for each sample its own pieces") {
  const Tensor x = normal({2, 3, 6}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  const Tensor positions = numbers({2, 2}, {1, 3, 0, 4});
  const Tensor y = run(R"("PiecewiseMaxPool1d")", {x, positions});
  REQUIRE(y.shape() == Shape{2, 9});
  const int64_t bounds[2][4] = {{0, 2, 4, 6}, {0, 1, 5, 6}};
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t piece = 0; piece < 3; ++piece)
      for (int64_t c = 0; c < 3; ++c) {
        double most = -1e9;
        for (int64_t t = bounds[n][piece]; t < bounds[n][piece + 1]; ++t)
          most = std::max(most, x.at((n * 3 + c) * 6 + t));
        CHECK(y.at(n * 9 + piece * 3 + c) == most);
      }
  const Tensor one = piecewise_max_pool1d(select(x, 0, 1), numbers({2}, {0, 4}));
  CHECK(one.shape() == Shape{9});
  check_values(one, select(y, 0, 1).to_vector<double>());
  CHECK(piecewise_max_pool1d(Tensor({0, 3, 6}), Tensor({0, 2}, Dtype::i64)).shape() == Shape{0, 9});
  CHECK_THROWS_WITH_AS(piecewise_max_pool1d(x, numbers({2, 2}, {1, 6, 0, 4})), doctest::Contains("allowed are 0 to 5"),
                       Error);
  CHECK_THROWS_WITH_AS(piecewise_max_pool1d(x, numbers({2, 2}, {3, 1, 0, 4})),
                       doctest::Contains("may not lie before the first"), Error);
  CHECK_THROWS_WITH_AS(piecewise_max_pool1d(x, numbers({2}, {3, 1})), doctest::Contains("are needed"), Error);
}

TEST_CASE("MaxOverTimePool1d sees no further than each sequence goes") {
  const Tensor x = tensor({1, 1, 5}, {1, 3, 2, 5, 4});
  const auto f = [](const Tensors& t) { return max_over_time_pool1d(t[0], t[1]); };
  check_example(f, {x, numbers({1}, {3})}, {3}, {{0, 1, 0, 0, 0}});
  check_values(run(R"({"type": "MaxOverTimePool1d", "keepdim": false})", {x}), {5});
  const Tensor two = tensor({2, 2, 3}, {1, 2, 9, 4, 3, 9, -5, 7, 9, -6, -7, 9});
  const Tensor y = run(R"("MaxOverTimePool1d")", {two, numbers({2}, {2, 1})});
  CHECK(y.shape() == Shape{2, 2, 1});
  check_values(y, {2, 4, -5, -6});
  CHECK(run(R"({"type": "MaxOverTimePool1d", "keepdim": false})", {two, numbers({2}, {2, 1})}).shape() == Shape{2, 2});
  check_values(max_over_time_pool1d(select(two, 0, 0), numbers({}, {2})), {2, 4});
  CHECK_THROWS_WITH_AS(f({x, numbers({1}, {0})}), doctest::Contains("allowed are 1 to 5"), Error);
  CHECK_THROWS_WITH_AS(f({x, numbers({2}, {1, 1})}), doctest::Contains("are needed"), Error);
}

TEST_CASE("SortPool has the values and derivatives of its worked example") {
  const Tensor x = tensor({1, 3, 2}, {1, 3, 2, 9, 5, 4});
  check_example([](const Tensors& t) { return sort_pool(t[0], 2); }, {x}, {2, 9, 5, 4}, {{0, 0, 1, 1, 1, 1}});
  check_example([](const Tensors& t) { return sort_pool(t[0], 4); }, {x}, {2, 9, 5, 4, 1, 3, 0, 0},
                {{1, 1, 1, 1, 1, 1}});
  check_values(sort_pool(x, 2, numbers({1}, {1})), {1, 3, 0, 0});
  CHECK(run(R"({"type": "SortPool", "k": 2, "flatten": true})", {x}).shape() == Shape{1, 4});
  CHECK(run(R"({"type": "SortPool", "k": 2})", {select(x, 0, 0)}).shape() == Shape{2, 2});
  CHECK(run(R"({"type": "SortPool", "k": 2})", {Tensor({0, 3, 2})}).shape() == Shape{0, 2, 2});
  check_refused(R"({"type": "SortPool", "k": 2})", {tensor({3}, {1, 2, 3})}, "expects an input");
  CHECK_THROWS_WITH_AS(sort_pool(x, 2, numbers({1}, {4})), doctest::Contains("allowed are 0 to 3"), Error);
}

TEST_CASE("SortPool decides ties by the features before, from right to left, and then by the order of nodes") {
  const Tensor x = tensor({1, 4, 3}, {1, 5, 7, 2, 5, 7, 9, 4, 7, 2, 5, 7});
  const Tensor y = sort_pool(x, 4);
  check_values(y, {2, 5, 7, 2, 5, 7, 1, 5, 7, 9, 4, 7});
  const auto f = [](const Tensors& t) { return sum(sort_pool(t[0], 1)); };
  check_values(gradient(f, {x}).gradients[0], {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("GlobalWeightedRankPool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return global_weighted_rank_pool(t[0], whole(t[0]), 0.5); }, {square3()},
                {2.0641879},
                {{0.0039138943, 0.062622309, 0.50097847, 0.0078277886, 0.25048924, 0.031311155, 0.0019569472,
                  0.12524462, 0.015655577}});
  const Tensor x = tensor({1, 1, 4}, {1, -infinity, 5, 3});
  check_values(run(R"({"type": "GWRP", "d": 0})", {x}), {5});
  const Tensor y = normal({2, 3, 4, 5}, Stream{1, 2, 5}, 0, 1, Dtype::f64);
  const Tensor means = mean(y, {2, 3});
  for (const std::string name : {"GlobalWeightedRankPool", "GlobalWeightedRankPool2d", "GWRP"}) {
    const Tensor all = run(R"({"type": ")" + name + R"(", "d": 1, "keepdim": false})", {y});
    CHECK(all.shape() == Shape{2, 3});
    check_values(all, means.to_vector<double>());
  }
  check_refused(R"({"type": "GWRP", "d": 1.5})", {y}, "d");
}

TEST_CASE("WildcatPool has the values and derivatives of its worked example") {
  const Tensor x = tensor({1, 1, 2, 2}, {1, -3, 2, 4});
  const auto f = [](const Wildcat& options) {
    return [options](const Tensors& t) { return wildcat_pool(t[0], whole(t[0]), options); };
  };
  check_example(f({.kmax = 2, .kmin = 2, .alpha = 0.7}), {x}, {2.3}, {{0.35, 0.35, 0.5, 0.5}});
  check_values(f({.kmax = 2, .kmin = {}, .alpha = 0.7})({x}), {2.3});
  check_values(f({.kmax = 2, .kmin = 2, .alpha = 0.7, .halve = true})({x}), {1.15});
  check_values(f({.kmax = 2, .kmin = 0, .halve = true})({x}), {3});
  check_values(f({.kmax = 0.5, .kmin = 0.25})({x}), {0});
  check_values(f({.kmax = 9, .kmin = 1})({x}), {-2});
  check_values(run(R"({"type": "WildcatPool2d", "kmax": 2, "alpha": 0.7, "keepdim": false})", {x}), {2.3});
}

TEST_CASE("NoisyOrPool and NoisyAndPool have the values and derivatives of their worked examples") {
  const Tensor x = tensor({1, 1, 2, 2}, {0.1, 0.5, 0.2, 0});
  check_example([](const Tensors& t) { return noisy_or_pool(t[0], whole(t[0])); }, {x}, {0.64},
                {{0.4, 0.72, 0.45, 0.36}});
  check_example([](const Tensors& t) { return noisy_and_pool(t[0], whole(t[0]), t[1]); }, {x, tensor({1}, {0.3})},
                {0.23276678}, {{0.51649564, 0.51649564, 0.51649564, 0.51649564}, {-1.6995409}});
  const auto f = [](const Tensors& t) { return noisy_or_pool(t[0], whole(t[0])); };
  check_example(f, {tensor({1, 1, 3}, {1, 0.5, 0})}, {1}, {{0.5, 0, 0}});
  const auto layer = layer_of(R"({"type": "NoisyAndPool2d", "a": 5})", {{2, 3, 2, 2}});
  CHECK(part(*layer, "b").shape() == Shape{3});
  const Tensor all = Tensor::ones({1, 3, 2, 2}, Dtype::f64);
  check_values(run(*layer, {all}), {1, 1, 1});
  check_values(run(*layer, {0 * all}), {0, 0, 0});
  part(*layer, "b") = tensor({3}, {-4, 0.5, 7});
  for (int64_t c = 0; c < 3; ++c) CHECK(std::isfinite(run(*layer, {0.5 * all}).at(c)));
}

TEST_CASE("poolings of sequences take one without a batch, an empty batch, and float32") {
  for (const std::string config :
       {R"({"type": "KMaxPool1d", "k": 3})", R"({"type": "DynamicKMaxPool1d", "k_top": 2, "layer": 1, "layers": 2})",
        R"({"type": "ChunkMaxPool1d", "chunks": 2})", R"({"type": "MaxOverTimePool1d"})",
        R"({"type": "WildcatPool1d"})", R"({"type": "GlobalWeightedRankPool1d"})", R"({"type": "NoisyOrPool1d"})",
        R"({"type": "NoisyAndPool1d"})"}) {
    CAPTURE(config);
    const Tensor x = uniform({1, 3, 6}, Stream{1, 2, 6}, 0, 1, Dtype::f64);
    const Tensor y = run(config, {x});
    const Tensor one = run(config, {select(x, 0, 0)});
    CHECK(one.shape() == Shape(y.shape().span().subspan(1)));
    check_values(one, y.to_vector<double>());
    CHECK(run(config, {Tensor({0, 3, 6}, Dtype::f64)}).shape() == y.shape().with(0, 0));
    CHECK(run(config, {x.to(Dtype::f32)}).dtype() == Dtype::f32);
    check_refused(config, {Tensor({2, 0, 6}, Dtype::f64)}, "channels");
    check_refused(config, {Tensor({2, 3, 0}, Dtype::f64)}, "spatial size of 0");
    check_refused(config, {tensor({2}, {1, 2})}, "dimensions");
    CHECK_THROWS_WITH_AS(run(*layer_of(config, {x.shape()}), {Tensor::arange(18).viewed({1, 3, 6})}),
                         doctest::Contains("needs float32 or float64 values"), Error);
  }
}

}  // namespace
}  // namespace tarn::test_pooling_rank_sequence
