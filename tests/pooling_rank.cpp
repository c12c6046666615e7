// Poolings by rank against a naive sort of what each window sees.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_rank {
namespace {

using namespace test;

/// Numbers of one window in order, stable, NaN as the largest.
std::vector<double> in_order(const Tensor& x, const Windows& w, int64_t output, bool descending) {
  const int64_t plane = output / w.output_cells();
  std::vector<double> v;
  for (const int64_t c : w.cells(output % w.output_cells())) v.push_back(x.at(plane * w.input_cells() + c));
  const auto less = [](double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); };
  std::stable_sort(v.begin(), v.end(), [&](double a, double b) { return descending ? less(b, a) : less(a, b); });
  return v;
}
/// f of the ordered numbers of every window.
template <class F>
std::vector<double> naive(const Tensor& x, const Windows& w, bool descending, F f) {
  std::vector<double> all;
  for (int64_t o = 0; o < w.planes(x.shape()) * w.output_cells(); ++o) all.push_back(f(in_order(x, w, o, descending)));
  return all;
}
double mean_of_first(const std::vector<double>& v, size_t k) {
  const size_t n = std::min(k, v.size());
  return std::accumulate(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n), 0.0) / static_cast<double>(n);
}

TEST_CASE("poolings by rank agree with a naive sort for every geometry, with ties, infinities and NaN") {
  each_configuration(11, 150, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype, draws.pick(0, 1) == 1);
    const int64_t taps = w.taps();
    const int64_t t = draws.pick(1, taps);
    const auto near = [](const Tensor& got, const std::vector<double>& want) {
      REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
      for (int64_t i = 0; i < got.numel(); ++i) {
        const double v = want[static_cast<size_t>(i)];
        if (std::isnan(v))
          REQUIRE(std::isnan(got.at(i)));
        else if (std::isinf(v))
          REQUIRE(got.at(i) == v);
        else
          REQUIRE(got.at(i) == doctest::Approx(v).epsilon(got.dtype() == Dtype::f32 ? 1e-5 : 1e-12));
      }
    };
    near(rank_avg_pool(x, w, t),
         naive(x, w, true, [&](const auto& v) { return mean_of_first(v, static_cast<size_t>(t)); }));
    near(median_pool(x, w),
         naive(x, w, false, [](const auto& v) { return std::isnan(v.back()) ? v.back() : v[(v.size() - 1) / 2]; }));
    near(median_pool(x, w, true), naive(x, w, false, [](const auto& v) {
           return std::isnan(v.back()) ? v.back() : (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
         }));
    near(multi_activation_pool(x, w, t, 0.5), naive(x, w, true, [&](const auto& v) {
           const auto n = static_cast<double>(std::min(static_cast<size_t>(t), v.size()));
           return 0.5 * n * mean_of_first(v, static_cast<size_t>(t));
         }));
    for (const bool all : {false, true})
      near(t_max_avg_pool(x, w, t, 1, all), naive(x, w, true, [&](const auto& v) {
             const size_t n = std::min(static_cast<size_t>(t), v.size());
             const double judge = all ? *std::min_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n)) : v[0];
             const bool nan = all && std::any_of(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(n),
                                                 [](double e) { return std::isnan(e); });
             return judge >= 1 && !nan ? v[0] : mean_of_first(v, n);
           }));
  });
}

TEST_CASE("weights of ranks agree with their formula for every geometry") {
  each_configuration(12, 100, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype);
    const double a = 0.1 * static_cast<double>(draws.pick(1, 9));
    const auto weighted = [&](bool normalize) {
      return naive(x, w, true, [&](const std::vector<double>& v) {
        double sum = 0;
        double total = 0;
        for (size_t r = 0; r < v.size(); ++r) {
          sum += a * std::pow(1 - a, static_cast<double>(r)) * v[r];
          total += a * std::pow(1 - a, static_cast<double>(r));
        }
        return normalize ? sum / total : sum;
      });
    };
    check_near(rank_weighted_pool(x, w, a), weighted(false));
    check_near(rank_weighted_pool(x, w, a, true), weighted(true));
    check_near(expected_max_pool_dropout(x, w, a), weighted(false));
  });
}

TEST_CASE("MedianPool has the values and derivatives of its worked examples") {
  const auto lower = [](const Tensors& t) { return median_pool(t[0], tiles(t[0], t[0].size(-1) == 3 ? 3 : 2)); };
  check_example(lower, {square4()}, {1, 2, 3, 0}, {{1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0}});
  check_example([](const Tensors& t) { return median_pool(t[0], tiles(t[0], 2), true); }, {square4()},
                {1.5, 2.5, 4.5, 0}, {{0.5, 0.5, 0, 0.5, 0, 0, 0, 0.5, 0, 0.5, 0, 0.5, 0, 0.5, 0.5, 0}});
  check_example(lower, {square3()}, {1}, {{0, 0, 0, 0, 0, 0, 0, 0, 1}});
}

TEST_CASE("MedianPool takes steps of 1 unless it is told otherwise, and pads in four ways") {
  const Tensor x = tensor({1, 1, 5}, {3, 9, 1, 7, 5});
  const auto median = [&](const std::string& rest) { return run(R"({"type": "MedianPool1d")" + rest + "}", {x}); };
  check_values(median(""), {3, 7, 5});
  check_values(median(R"(, "padding": 1)"), {3, 3, 7, 5, 5});
  check_values(median(R"(, "padding": 1, "padding_mode": "reflect")"), {9, 3, 7, 5, 7});
  const std::string hanging = R"(, "padding": 1, "kernel_size": 2, "stride": 2, "ceil_mode": true)";
  check_values(median(hanging), {3, 1, 5});
  check_values(median(hanging + R"(, "padding_mode": "reflect")"), {3, 1, 5});
  check_values(median(R"(, "same": true, "kernel_size": 4)"), {3, 3, 5, 5, 5});
  check_values(median(R"(, "same": true, "kernel_size": 3, "padding_mode": "reflect")"), {9, 3, 7, 5, 7});
  check_values(median(R"(, "same": true, "stride": 2, "even": "mean")"), {6, 7, 6});
  check_values(median(R"(, "stride": null)"), {3});
  check_values(median(R"(, "stride": null, "ceil_mode": true)"), {3, 5});
  const auto reflected = [](const Tensors& t) {
    return run(R"({"type": "MedianPool1d", "padding": 1, "padding_mode": "reflect"})", t);
  };
  check_example(reflected, {x}, {9, 3, 7, 5, 7}, {{1, 1, 0, 2, 1}});
  CHECK(run(R"({"type": "MedianPool2d", "same": true, "stride": [2, 3], "kernel_size": [5, 2]})",
            {Tensor::ones({2, 3, 4, 7}, Dtype::f64)})
            .shape() == Shape{2, 3, 2, 3});
  check_refused(R"({"type": "MedianPool1d", "padding": 2})", {x}, "padding");
}

TEST_CASE("the median of a window with NaN is its first NaN, which gets the gradient") {
  const Tensor x = tensor({1, 1, 3}, {1, no_number, no_number});
  const auto f = [](const Tensors& t) {
    return sum(median_pool(t[0], sliding_windows("test", t[0].shape(), 1, {.kernel_size = {3}})));
  };
  CHECK(std::isnan(f({x}).item()));
  check_values(gradient(f, {x}).gradients[0], {0, 1, 0});
}

TEST_CASE("RankAvgPool has the values and derivatives of its worked examples") {
  const auto of = [](int64_t t) { return [t](const Tensors& x) { return rank_avg_pool(x[0], tiles(x[0], 3), t); }; };
  check_example(of(4), {square3()}, {1.775}, {{0, 0.25, 0.25, 0, 0.25, 0, 0, 0.25, 0}});
  const double third = 0.33333333333;
  check_example(of(3), {square3()}, {2}, {{0, 0, third, 0, third, 0, 0, third, 0}});
  check_refused(R"({"type": "RankAvgPool2d", "kernel_size": 2, "t": 5})", {square4()}, "allowed are 1 to 4");
  check_refused(R"({"type": "RankAvgPool2d", "kernel_size": 2})", {square4()}, "t");
}

TEST_CASE("RankWeightedPool has the values and derivatives of its worked examples") {
  const auto of = [](bool normalize) {
    return [normalize](const Tensors& x) { return rank_weighted_pool(x[0], tiles(x[0], 2), 0.5, normalize); };
  };
  std::vector<double> slopes{0.125, 0.25,  0.5,    0.25, 0.5,    0.0625, 0.0625, 0.125,
                             0.5,   0.125, 0.0625, 0.25, 0.0625, 0.25,   0.125,  0.5};
  check_example(of(false), {square4()}, {2.625, 3.5625, 5.5, 1.9375}, {slopes});
  for (double& v : slopes) v /= 0.9375;
  check_example(of(true), {square4()}, {2.8, 3.8, 5.8666666667, 2.0666666667}, {slopes});
  check_refused(R"({"type": "RankWeightedPool2d", "kernel_size": 2, "a": 1})", {square4()}, "a");
}

TEST_CASE("RankStochasticPool draws ranks by its samples, and hits one always") {
  const Tensor x = tensor({1, 1, 2, 2}, {1, 3, 2, 4});
  const auto f = [](double u) {
    return [u](const Tensors& t) {
      return rank_stochastic_pool(t[0], tiles(t[0], 2), 0.5, Tensor::full({1, 1, 1, 1}, u, Dtype::f64));
    };
  };
  check_example(f(0.6), {x}, {3}, {{0, 1, 0, 0}});
  check_example(f(0), {x}, {4}, {{0, 0, 0, 1}});
  check_example(f(0.534), {x}, {3}, {});
  check_example(f(0.81), {x}, {2}, {});
  check_example(f(1 - 1e-16), {x}, {1}, {});
}

TEST_CASE("RankStochasticPool draws every rank as often as it should, only from taps inside") {
  const Tensor x = broadcast_to(tensor({3}, {1, 2, 3}), Shape{50, 100, 3});
  const std::string config = R"({"type": "RankStochasticPool1d", "kernel_size": 3, "padding": 1, "a": 0.4})";
  const auto layer = layer_of(config, {x.shape()});
  const Tensor y = run(*layer, {x}, true);
  REQUIRE(y.shape() == Shape{50, 100, 1});
  std::vector<double> count(4, 0);
  for (int64_t i = 0; i < y.numel(); ++i) count[static_cast<size_t>(y.at(i))] += 1;
  CHECK(count[2] / 5000 == doctest::Approx(0.4 / 0.64).epsilon(0.05));
  CHECK(count[1] / 5000 == doctest::Approx(0.24 / 0.64).epsilon(0.05));
  CHECK(count[3] == 0);
  CHECK(run(*layer, {x}, true).to_vector<double>() == y.to_vector<double>());
  CHECK(run(*layer, {x}, true, 1).to_vector<double>() != y.to_vector<double>());
  CHECK(run(*layer, {x}).at(0) == doctest::Approx((0.4 * 2 + 0.24) / 0.64));
}

TEST_CASE("OrdinalPool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) { return ordinal_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(
      f, {square4(), tensor({1, 4}, {0.4, 0.3, 0.2, 0.1})}, {2.4, 3.4, 5.4, 1.5},
      {{0.2, 0.3, 0.4, 0.3, 0.4, 0.1, 0.1, 0.2, 0.4, 0.2, 0.1, 0.3, 0.1, 0.3, 0.2, 0.4}, {7.3, -1.7, -6.7, -10.7}});
  check_values(f({square4(), tensor({1, 4}, {-1, 3, 1, -2})}),
               {0.75 * 2 + 0.25, 0.75 * 3 + 0.25 * 2, 0.75 * 6 + 0.25 * 3, 0});
  check_values(f({square4(), tensor({1, 4}, {-1, 0, -1, -2})}), {1.75, 2.75, 4.5, 0.75});
}

TEST_CASE("OrdinalPool begins as mean, maximum or at random, and a maximum can learn") {
  const Tensor x = normal({2, 3, 4, 4}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto ordinal = [](const std::string& rest) {
    return R"({"type": "OrdinalPool2d", "kernel_size": 2)" + rest + "}";
  };
  check_values(run(ordinal(""), {x}), avg_pool(x, tiles(x, 2)).to_vector<double>());
  check_values(run(ordinal(R"(, "weight_init": "max")"), {x}), max_pool(x, tiles(x, 2)).to_vector<double>());
  const auto layer = layer_of(ordinal(R"(, "weight_init": "random")"), {x.shape()});
  const Tensor total = sum(part(*layer, "weight"), {-1});
  for (int64_t c = 0; c < 3; ++c) CHECK(total.at(c) == doctest::Approx(1));
  const auto f = [](const Tensors& t) { return sum(ordinal_pool(t[0], tiles(t[0], 2), t[1])); };
  const Tensor slope = gradient(f, {tensor({1, 1, 2, 2}, {1, 3, 2, 4}), tensor({1, 4}, {1, 0, 0, 0})}).gradients[1];
  check_values(slope, {0, -1, -2, -3});
  check_refused(ordinal(R"(, "padding": 1)"), {x}, "padding and ceil_mode");
  check_refused(ordinal(R"(, "ceil_mode": true)"), {x}, "padding and ceil_mode");
}

TEST_CASE("GlobalOrdinalPool2d is fixed to one size of planes") {
  const Tensor x = normal({2, 3, 2, 2}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  const auto layer = layer_of(R"({"type": "GlobalOrdinalPool2d", "keepdim": false})", {x.shape()});
  REQUIRE(part(*layer, "weight").shape() == Shape{3, 4});
  part(*layer, "weight") = broadcast_to(tensor({4}, {0, 0, 0, 5}), Shape{3, 4});
  const Tensor y = run(*layer, {x});
  CHECK(y.shape() == Shape{2, 3});
  check_values(y, amin(x, {2, 3}).to_vector<double>());
  CHECK_THROWS_WITH_AS(run(*layer, {Tensor::ones({2, 3, 3, 2}, Dtype::f64)}), doctest::Contains("is needed"), Error);
}

TEST_CASE("TMaxAvgPool has the values and derivatives of its worked example") {
  const double third = 1.0 / 3;
  check_example([](const Tensors& t) { return t_max_avg_pool(t[0], tiles(t[0], 2), 3, 4.5); }, {square4()},
                {7.0 / 3, 5, 7, 4.0 / 3}, {{third, third, 1, 0, third, 0, 0, 0, 1, 0, 0, third, 0, 0, third, third}});
  check_values(run(R"({"type": "TMaxAvgPool2d", "kernel_size": 2, "K": 2, "T": 3, "rule": "all"})", {square4()}),
               {3, 5, 7, 2});
}

TEST_CASE("MultiActivationPool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return multi_activation_pool(t[0], tiles(t[0], 2), 2, 0.5); }, {square4()},
                {3, 4, 6.5, 2}, {{0, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0.5, 0, 0, 0.5, 0, 0.5, 0, 0.5}});
}

TEST_CASE("MaxPoolDropout expects what its worked example says") {
  check_example(
      [](const Tensors& t) { return expected_max_pool_dropout(t[0], tiles(t[0], 2), 0.5); }, {square4()},
      {2.625, 3.5625, 5.5, 1.9375},
      {{0.125, 0.25, 0.5, 0.25, 0.5, 0.0625, 0.0625, 0.125, 0.5, 0.125, 0.0625, 0.125, 0.0625, 0.25, 0.25, 0.5}});
}

TEST_CASE("MaxPoolDropout trains on the maximum of what is kept, and on 0 where nothing is") {
  const Tensor x = tensor({1, 1, 4}, {1, 3, 2, 4});
  const Tensor kept = tensor({1, 1, 2, 2}, {1, 0, 0, 0});
  const auto f = [&](const Tensors& t) { return max_pool_dropout(t[0], tiles(t[0], 2), kept); };
  check_example(f, {x}, {1, 0}, {{1, 0, 0, 0}});
  const Tensor many = broadcast_to(tensor({2}, {1, 2}), Shape{50, 100, 2});
  const auto layer = layer_of(R"({"type": "MaxPoolDropout1d", "kernel_size": 2, "p": 0.3})", {many.shape()});
  CHECK(mean(run(*layer, {many}, true)).item() == doctest::Approx(run(*layer, {many}).at(0)).epsilon(0.05));
  CHECK(run(*layer, {many}).at(0) == doctest::Approx(0.3 * 2 + 0.21));
}

TEST_CASE("overlapping windows add up their gradients, and gaps get none") {
  const auto f = [](const Tensors& t) { return run(R"({"type": "MaxPool2d", "kernel_size": 3, "stride": 1})", t); };
  check_example(f, {square4()}, {7, 5, 7, 6}, {{0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0}});
  const auto gaps = [](const Tensors& t) { return run(R"({"type": "MaxPool2d", "kernel_size": 1, "stride": 3})", t); };
  check_example(gaps, {square4()}, {1, 3, 2, 4}, {{1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1}});
}

TEST_CASE("poolings by rank take one sample without a batch, an empty batch, and no integers") {
  for (const std::string config :
       {R"({"type": "MedianPool2d")", R"({"type": "RankAvgPool2d", "kernel_size": 2, "stride": 1, "t": 2)",
        R"({"type": "RankWeightedPool2d", "kernel_size": 3, "stride": 1, "padding": 1)",
        R"({"type": "RankStochasticPool2d", "kernel_size": 3)", R"({"type": "OrdinalPool2d", "kernel_size": 2)",
        R"({"type": "TMaxAvgPool2d", "kernel_size": 2)",
        R"({"type": "MultiActivationPool2d", "kernel_size": 2, "t": 1)",
        R"({"type": "MaxPoolDropout2d", "kernel_size": 2)"}) {
    CAPTURE(config);
    const Tensor x = normal({1, 3, 4, 5}, Stream{1, 2, 5}, 0, 1, Dtype::f64);
    const Tensor y = run(config + "}", {x});
    check_values(run(config + "}", {reshape(x, Shape{3, 4, 5})}), y.to_vector<double>());
    CHECK(run(config + "}", {reshape(x, Shape{3, 4, 5})}).shape() == Shape(y.shape().span().subspan(1)));
    for (const bool training : {false, true})
      CHECK(run(config + "}", {Tensor({0, 3, 4, 5}, Dtype::f32)}, training).shape() == y.shape().with(0, 0));
    CHECK(run(config + "}", {x.to(Dtype::f32)}).dtype() == Dtype::f32);
    check_refused(config + "}", {Tensor({2, 0, 4, 5}, Dtype::f64)}, "channels");
    check_refused(config + "}", {Tensor({2, 3, 0, 5}, Dtype::f64)}, "spatial size of 0");
    const auto layer = layer_of(config + "}", {x.shape()});
    CHECK_THROWS_WITH_AS(run(*layer, {Tensor::arange(60).viewed({1, 3, 4, 5})}),
                         doctest::Contains("needs float32 or float64 values"), Error);
  }
}

}  // namespace
}  // namespace tarn::test_pooling_rank
