// Poolings that draw: values by hand, frequencies by chi-square, intervals by the published rules.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/derivatives.h"
#include "layers/module.h"
#include "layers/pooling/fractional.h"
#include "layers/pooling/functions.h"
#include "tests/support/chi_square.h"

namespace tarn::test_pooling_random {
namespace {

Tensor tensor(const Shape& shape, std::vector<double> values) {
  return Tensor(shape, values);
}
const Tensor& window3() {
  static const Tensor x = tensor({1, 1, 3, 3}, {0, 1.1, 2.5, 0.9, 2, 1, 0, 1.5, 1});
  return x;
}
const Tensor& square4() {
  static const Tensor x = tensor({1, 1, 4, 4}, {1, 2, 5, 3, 4, 0, 1, 2, 7, 3, -1, 0, 2, 6, 0, 4});
  return x;
}
Windows sliding(const Shape& s, int64_t kernel, int64_t stride) {
  return sliding_windows("test", s, s.rank() - 2,
                         {.kernel_size = {kernel}, .stride = {stride}, .count_include_pad = false});
}
void check_values(const Tensor& got, std::vector<double> want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i)
    CHECK(got.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(1e-9));
}
Tensor gradient_of(const Function& f, const Tensor& x) {
  return gradient([&](const Tensors& t) { return sum(f(t)); }, {x}).gradients[0];
}
std::unique_ptr<Module> layer(const std::string& json, const Shape& shape) {
  Build build;
  build.inputs = {shape};
  build.dtype = Dtype::f64;
  return make_layer(parse_json(json, "layer"), build);
}

TEST_CASE("a stochastic draw takes the first value whose cumulated chances exceed the sample") {
  const Windows w = sliding(window3().shape(), 3, 3);
  const Tensor u = tensor({1, 1, 1, 1}, {0.85});
  const auto f = [&](const Tensors& t) { return stochastic_pool(t[0], w, u); };
  check_values(f({window3()}), {1.5});
  check_values(gradient_of(f, window3()), {0, 0, 0, 0, 0, 0, 0, 1, 0});
  // The first value has no chance, and a sample of 0 does not take it.
  check_values(stochastic_pool(window3(), w, tensor({1, 1, 1, 1}, {0})), {1.1});
}

TEST_CASE("without training stochastic pooling is the mean by the chances") {
  const Windows w = sliding(window3().shape(), 3, 3);
  const auto f = [&](const Tensors& t) { return expected_stochastic_pool(t[0], w); };
  check_values(f({window3()}), {1.652});
  check_values(gradient_of(f, window3()), {-0.1652, 0.0548, 0.3348, 0.0148, 0.2348, 0.0348, -0.1652, 0.1348, 0.0348});
}

TEST_CASE("negative values have no chance, one by the softmax, or are refused; a dead window gives 0") {
  const Tensor x = tensor({1, 1, 2}, {-1, -3});
  const Windows w = sliding(x.shape(), 2, 2);
  const Tensor u = tensor({1, 1, 1}, {0.6});
  check_values(stochastic_pool(x, w, u), {0});
  check_values(expected_stochastic_pool(x, w), {0});
  check_values(gradient_of([&](const Tensors& t) { return stochastic_pool(t[0], w, u); }, x), {0, 1});
  check_values(gradient_of([&](const Tensors& t) { return stochastic_pool(t[0], w, u, Negatives::relu, true); }, x),
               {0, 0});
  check_values(stochastic_pool(x, w, u, Negatives::softmax), {-1});
  CHECK_THROWS_AS(stochastic_pool(x, w, u, Negatives::error), Error);
  CHECK_THROWS_AS(stochastic_pool(x, w, tensor({1, 1, 2}, {0, 0})), Error);
}

TEST_CASE("100,000 draws of stochastic pooling have the stated distribution") {
  // One draw for each of 100,000 planes: values 1, 2, 3, 4 with chances of a tenth each.
  const int64_t draws = 100000;
  const Tensor x = tensor({1, 1, 4}, {1, 2, 3, 4});
  const Tensor planes = repeat(x, std::vector<int64_t>{1, draws, 1});
  const auto pool = layer(R"({"type": "StochasticPool1d", "kernel_size": 4})", planes.shape());
  Context context{.seed = 7};
  const Tensor y = pool->forward(planes, context);
  std::vector<int64_t> counts(4);
  for (int64_t i = 0; i < draws; ++i) ++counts[static_cast<size_t>(y.at(i)) - 1];
  test::check_distribution(counts, {0.1, 0.2, 0.3, 0.4});
}

TEST_CASE("100,000 coins of mixed pooling fall as asked, for each granularity") {
  for (const char* granularity : {"layer", "sample", "channel", "window"}) {
    CAPTURE(granularity);
    const Tensor x = reshape(Tensor::arange(2 * 5 * 8, Dtype::f64), Shape{2, 5, 8});
    const auto pool =
        layer(text(R"({"type": "MixedPool1d", "kernel_size": 2, "p_max": 0.3, "granularity": ")", granularity, "\"}"),
              x.shape());
    const Tensor most = max_pool(x, sliding(x.shape(), 2, 2));
    const std::string kind = granularity;
    const int64_t coins = kind == "layer" ? 1 : kind == "sample" ? 2 : kind == "channel" ? 10 : 40;
    std::vector<int64_t> counts(2);
    for (int64_t step = 0; step * coins < 100000; ++step) {
      Context context{.seed = 3, .step = static_cast<uint64_t>(step)};
      const Tensor y = pool->forward(x, context);
      for (int64_t coin = 0; coin < coins; ++coin) {
        const int64_t at = coin * (y.numel() / coins);
        ++counts[y.at(at) == most.at(at)];
        for (int64_t i = at; i < at + y.numel() / coins; ++i)
          REQUIRE((y.at(i) == most.at(i)) == (y.at(at) == most.at(at)));
      }
    }
    test::check_distribution(counts, {0.7, 0.3});
    for (const NamedTensor& b : buffers(*pool))
      CHECK(b.tensor->item() == static_cast<double>(counts[b.name == "count_max"]));
  }
}

TEST_CASE("mixed pooling has the values of its page, and is as asked when not training") {
  const Windows w = sliding(square4().shape(), 2, 2);
  const Tensor lambda = tensor({1, 1, 2, 2}, {1, 0, 0, 1});
  const auto f = [&](const Tensors& t) { return mixed_pool(t[0], w, lambda); };
  check_values(f({square4()}), {4, 2.75, 4.5, 4});
  check_values(gradient_of(f, square4()), {0, 0, 0.25, 0.25, 1, 0, 0.25, 0.25, 0.25, 0.25, 0, 0, 0.25, 0.25, 0, 1});
  const auto evaluated = [&](const char* mode) {
    const auto pool =
        layer(text(R"({"type": "MixedPool2d", "kernel_size": 2, "eval_mode": ")", mode, "\"}"), square4().shape());
    Context context{.training = false};
    return pool->forward(square4(), context);
  };
  check_values(evaluated("expectation"), {2.875, 3.875, 5.75, 2.375});
  check_values(evaluated("max"), {4, 5, 7, 4});
  check_values(evaluated("avg"), {1.75, 2.75, 4.5, 0.75});
  check_values(evaluated("majority"), {4, 5, 7, 4});  // nothing was used yet: a tie
}

TEST_CASE("an infinity reaches mixed pooling's result only through what was chosen") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = tensor({1, 1, 4}, {1, -inf, 2, 4});
  const Windows w = sliding(x.shape(), 2, 2);
  check_values(mixed_pool(x, w, tensor({}, {1})), {1, 4});
  const auto f = [&](const Tensors& t) { return mixed_pool(t[0], w, tensor({}, {1})); };
  check_values(gradient_of(f, x), {1, 0, 0, 1});
  CHECK(mixed_pool(x, w, tensor({}, {0})).at(0) == -inf);
}

TEST_CASE("fractional pooling has the values, places and gradients of its page") {
  const Tensor x =
      tensor({1, 1, 5, 5}, {0, 3, 12, 4, 2, 7, 15, 6, 3, 6, 5, 18, 14, 16, 1, 17, 12, 13, 20, 10, 20, 20, 3, 15, 10});
  const Tensor samples = tensor({1, 1, 2}, {0.3, 0.6});
  const PlaneWindows w = fractional_windows(x, 2, {2, 2}, {3, 3}, samples);
  const Extreme y = fractional_max_pool(x, w);
  check_values(y.values, {15, 15, 6, 18, 18, 20, 20, 20, 20});
  CHECK(y.indices.to_vector<int64_t>() == std::vector<int64_t>{6, 6, 9, 11, 11, 18, 20, 21, 18});
  check_values(gradient_of([&](const Tensors& t) { return fractional_max_pool(t[0], w).values; }, x),
               {0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0, 0, 0});
  const Tensor deep = tensor({1, 1, 3, 2, 4}, {1, 4, 2, 9, 3, 0, 5, 8, 6, 2, 8, 1, 7, 1, 0, 3, 2, 2, 1, 5, 4, 6, 7, 0});
  const PlaneWindows v = fractional_windows(deep, 3, {1, 1, 2}, {2, 1, 2}, tensor({1, 1, 3}, {0.1, 0.5, 0.9}));
  const Extreme z = fractional_max_pool(deep, v);
  check_values(z.values, {3, 8, 6, 7});
  CHECK(z.indices.to_vector<int64_t>() == std::vector<int64_t>{4, 7, 21, 22});
}

TEST_CASE("the mean over fractional windows is that of a loop over their cells") {
  const Tensor x = normal({2, 3, 7, 6}, Stream{1, purpose_of("tests/fractional"), 0}, 0, 1, Dtype::f64);
  const Tensor samples = uniform({2, 3, 2}, Stream{2, purpose_of("tests/fractional"), 0}, 0, 1, Dtype::f64);
  const PlaneWindows w = fractional_windows(x, 2, {3, 2}, {4, 5}, samples);
  const Tensor y = fractional_avg_pool(x, w);
  int64_t at = 0;
  for (size_t p = 0; p < 6; ++p)
    for (const Span& h : *w.planes[p].axes[1].spans)
      for (const Span& c : *w.planes[p].axes[2].spans) {
        double total = 0;
        for (int64_t i = h.first; i < h.first + h.taps; ++i)
          for (int64_t j = c.first; j < c.first + c.taps; ++j) total += x.at((static_cast<int64_t>(p) * 7 + i) * 6 + j);
        CHECK(y.at(at++) == doctest::Approx(total / static_cast<double>(h.taps * c.taps)));
      }
}

TEST_CASE("dividing intervals cover the dimension once, or share borders, whatever is drawn") {
  for (const FractionalMode mode : {FractionalMode::random, FractionalMode::pseudo})
    for (int64_t input = 1; input <= 20; ++input)
      for (int64_t output = 1; output <= input; ++output)
        for (uint64_t seed = 0; seed < 5; ++seed) {
          const Stream stream{seed, purpose_of("tests/dividing"), 0};
          int64_t next = 0;
          for (const Span& i : dividing_intervals(mode, input, output, false, stream)) {
            REQUIRE(i.first == next);
            REQUIRE(i.taps >= 1);
            next = i.first + i.taps;
          }
          REQUIRE(next == input);
          const auto shared = dividing_intervals(mode, input, output, true, stream);
          for (size_t i = 0; i + 1 < shared.size(); ++i)
            REQUIRE(shared[i].first + shared[i].taps == shared[i + 1].first + 1);
        }
}

TEST_CASE("fractional layers draw anew in each pass, repeat with the seed, and can be fixed when not training") {
  const Tensor x = normal({2, 2, 12, 12}, Stream{1, purpose_of("tests/fractional"), 0}, 0, 1, Dtype::f64);
  const auto pool =
      layer(R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_ratio": [0.5, 0.7]})", x.shape());
  const auto run = [&](uint64_t step) {
    Context context{.seed = 1, .step = step};
    return pool->forward(x, context);
  };
  CHECK(run(0).shape() == Shape{2, 2, 6, 8});
  CHECK(run(0).to_vector<double>() == run(0).to_vector<double>());
  CHECK(run(0).to_vector<double>() != run(1).to_vector<double>());
  const auto fixed =
      layer(R"({"type": "FractionalAvgPool2d", "kernel_size": 2, "output_size": 5, "eval_mode": "fixed"})", x.shape());
  Context first{.training = false, .step = 1};
  Context second{.training = false, .step = 2};
  CHECK(fixed->forward(x, first).to_vector<double>() == fixed->forward(x, second).to_vector<double>());
}

TEST_CASE("what does not fit is refused by name") {
  const Shape s{1, 1, 6, 6};
  const auto refused = [&](const char* json) {
    CAPTURE(json);
    CHECK_THROWS_AS(layer(json, s)->apply({Tensor::zeros(s, Dtype::f64)}, *std::make_unique<Context>()), Error);
  };
  refused(R"({"type": "FractionalMaxPool2d", "kernel_size": 2})");
  refused(R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_size": 3, "output_ratio": 0.5})");
  refused(R"({"type": "FractionalMaxPool2d", "output_size": 3})");
  refused(R"({"type": "FractionalMaxPool2d", "kernel_size": 5, "output_size": 3})");
  refused(R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_ratio": 0.1})");
  refused(R"({"type": "FractionalAvgPool2d", "mode": "pseudo", "output_size": 7})");
  refused(R"({"type": "StochasticPool2d", "kernel_size": 9})");
}

TEST_CASE("an empty batch gives an empty result") {
  const Shape s{0, 2, 6, 6};
  for (const char* json :
       {R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_size": 3})",
        R"({"type": "FractionalAvgPool2d", "kernel_size": 2, "output_size": 3})",
        R"({"type": "StochasticPool2d", "kernel_size": 2})", R"({"type": "MixedPool2d", "kernel_size": 2})"}) {
    Context context;
    CHECK(layer(json, s)->forward(Tensor::zeros(s, Dtype::f64), context).shape() == Shape{0, 2, 3, 3});
  }
}

}  // namespace
}  // namespace tarn::test_pooling_random
