// Layers of poolings that draw: worked examples through them, whole planes, and samples at the ends of their range.
#include <cmath>

#include "layers/pooling/fractional.h"
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_random_layers {
namespace {

using namespace test;

TEST_CASE("StochasticPool takes whole planes where it is told so, as its worked example does") {
  const auto f = [](const Tensors& t) { return run(R"({"type": "StochasticPool2d", "global": true})", t); };
  check_example(f, {square3()}, {1.652}, {{-0.1652, 0.0548, 0.3348, 0.0148, 0.2348, 0.0348, -0.1652, 0.1348, 0.0348}});
  const Tensor x = uniform({2, 3, 4, 3, 5}, Stream{1, 5, 1}, 0.1, 1, Dtype::f64);
  const Tensor y = run(R"({"type": "StochasticPool3d", "global": true})", {x});
  CHECK(y.shape() == Shape{2, 3, 1, 1, 1});
  const Windows w = adaptive_windows("test", x.shape(), 3, {1});
  check_values(y, expected_stochastic_pool(x, w).to_vector<double>());
  const Tensor rows = reshape(x, Shape{2, 3, 60});
  const auto layer = layer_of(R"({"type": "StochasticPool1d", "global": true, "eval_mode": "sample"})", {rows.shape()});
  for (const bool training : {true, false}) {
    const Tensor drawn = run(*layer, {rows}, training, 7);
    CHECK(drawn.shape() == Shape{2, 3, 1});
    for (int64_t i = 0; i < 6; ++i) {
      int64_t found = 0;
      for (int64_t k = 0; k < 60; ++k) found += rows.at(i * 60 + k) == drawn.at(i);
      CHECK(found == 1);
    }
  }
  CHECK(run(*layer, {Tensor({0, 3, 60}, Dtype::f64)}, true).shape() == Shape{0, 3, 1});
  CHECK(run(*layer, {narrow(rows, 2, 0, 20)}, true).shape() == Shape{2, 3, 1});
  CHECK(run(R"({"type": "StochasticPool2d", "global": true})", {Tensor::ones({3, 4, 5}, Dtype::f32)}).shape() ==
        Shape{3, 1, 1});
}

TEST_CASE("StochasticPool wants a kernel or the whole plane, not both and not neither") {
  check_refused(R"("StochasticPool2d")", {square4()}, "stochastic_pool2d: give kernel_size, or global true");
  check_refused(R"({"type": "StochasticPool2d", "global": true, "kernel_size": 2})", {square4()}, "both are given");
  check_refused(R"({"type": "StochasticPool2d", "kernel_size": 0})", {square4()}, "kernel_size");
  check_refused(R"({"type": "StochasticPool2d", "kernel_size": [2, 2, 2]})", {square4()}, "kernel_size");
}

TEST_CASE("without training MixedPool has the values and gradients of its worked example") {
  const auto f = [](const Tensors& t) { return run(R"({"type": "MixedPool2d", "kernel_size": 2})", t); };
  check_example(f, {square4()}, {2.875, 3.875, 5.75, 2.375},
                {{0.125, 0.125, 0.625, 0.125, 0.625, 0.125, 0.125, 0.125, 0.625, 0.125, 0.125, 0.125, 0.125, 0.125,
                  0.125, 0.625}});
}

TEST_CASE("FractionalMaxPool3d has the gradients of its worked example, its samples being an input") {
  const Tensor x = tensor({1, 1, 3, 2, 4}, {1, 4, 2, 9, 3, 0, 5, 8, 6, 2, 8, 1, 7, 1, 0, 3, 2, 2, 1, 5, 4, 6, 7, 0});
  const std::string config =
      R"({"type": "FractionalMaxPool3d", "kernel_size": [1, 1, 2], "output_size": [2, 1, 2], "return_indices": true})";
  const Tensor samples = tensor({1, 1, 3}, {0.1, 0.5, 0.9});
  const auto f = [&](const Tensors& t) { return run(config, {t[0], samples}); };
  check_example(f, {x}, {3, 8, 6, 7}, {{0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0}});
  Context context;
  const Tensor places = layer_of(config, {x.shape(), samples.shape()})->apply({x, samples}, context)[1];
  CHECK(places.to_vector<int64_t>() == std::vector<int64_t>{4, 7, 21, 22});
}

TEST_CASE("a sample of 1, to which a draw may be rounded, gives windows inside the plane; others are refused") {
  for (int64_t input = 1; input <= 40; ++input)
    for (int64_t kernel = 1; kernel <= input; ++kernel)
      for (int64_t output = 1; output + kernel - 1 <= input; ++output) {
        const auto inside = [&](const std::vector<Span>& all) {
          int64_t least = 0;
          for (const Span& s : all) {
            if (s.taps != kernel || s.first < least || s.first + kernel > input) return false;
            least = s.first;
          }
          return all.back().first == input - kernel;
        };
        REQUIRE(inside(torch_intervals<float>(input, output, kernel, 1)));
        REQUIRE(inside(torch_intervals<double>(input, output, kernel, 1)));
      }
  // α = 2: trunc((j + 1) · 2) - 2 for j = 0, 1, and the last at 4.
  const std::vector<Span> three = torch_intervals<double>(6, 3, 2, 1.0);
  CHECK(three[0].first == 0);
  CHECK(three[1].first == 2);
  const Tensor x = Tensor::ones({1, 1, 6}, Dtype::f64);
  CHECK(fractional_windows(x, 1, {2}, {3}, tensor({1, 1, 1}, {1})).planes.size() == 1);
  for (const double wrong : {1.001, -0.001, std::nan("")})
    CHECK_THROWS_WITH_AS(fractional_windows(x, 1, {2}, {3}, tensor({1, 1, 1}, {wrong})),
                         doctest::Contains("outside [0, 1]"), Error);
  check_refused(R"({"type": "FractionalMaxPool1d", "kernel_size": 2, "output_size": 3, "overlapping": true})", {x},
                "overlapping is for modes");
}

}  // namespace
}  // namespace tarn::test_pooling_random_layers
