// Second-order poolings against their computed examples and definitions.
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_second_order {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::run_layer;
using test::tensor;

const Tensor& pair3() {
  static const Tensor x = tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2});
  return x;
}

TEST_CASE("a covariance is that of the centred channels") {
  check_example([](const Tensors& t) { return covariance_pool2d(t[0]); }, {pair3()},
                {0.66666667, 0.66666667, 0.66666667, 2.6666667},
                {{-1.3333333, 0.66666667, 0.66666667, -1.6666667, 1.3333333, 0.33333333}},
                tensor({1, 2, 2}, {1, 1, 0, 1}));
  check_example([](const Tensors& t) { return covariance_pool2d(t[0], true); }, {pair3()},
                {0.66666667, 0.66666667, 2.6666667},
                {{-1.3333333, 0.66666667, 0.66666667, -1.6666667, 1.3333333, 0.33333333}});
  const Tensor x = normal({2, 3, 4, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f32);
  const Tensor y = run_layer(R"({"type": "CovariancePool2d", "output": "triangle"})", {x});
  REQUIRE(y.shape() == Shape{2, 6});
  int64_t at = 6;
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = i; j < 3; ++j, ++at) {
      const auto row = [&](int64_t c) { return flatten(select(select(x.to(Dtype::f64), 0, 1), 0, c)); };
      const double want = mean((row(i) - mean(row(i))) * (row(j) - mean(row(j)))).item();
      CHECK(y.at(at) == doctest::Approx(want).epsilon(1e-5));
    }
  check_same(run_layer("CovariancePool2d", {select(x, 0, 1)}), select(run_layer("CovariancePool2d", {x}), 0, 1), 1e-5);
  CHECK(run_layer("CovariancePool2d", {Tensor::ones({0, 3, 2, 2})}).shape() == Shape{0, 3, 3});
}

TEST_CASE("bilinear pooling pairs every two channels, takes signed roots and normalises") {
  check_example([](const Tensors& t) { return bilinear_pool2d(t[0], t[0]); },
                {tensor({1, 2, 1, 3}, {1, 2, 3, 0.5, 4, 2})}, {0.47047197, 0.47879955, 0.47879955, 0.56582515},
                {{0.0028293935, 0.01014861, 0.0092364845, -0.00029442629, -0.011335057, -0.002674313}});
  const Tensor other = tensor({1, 1, 1, 3}, {1, -1, 2});
  check_values(bilinear_pool2d(pair3(), other, true, false, false), {5, 0});
  check_values(run_layer(R"({"type": "BilinearPool2d", "normalize": false})", {pair3(), other * -1.0}),
               {-std::sqrt(5.0 / 3), 0});
  CHECK(run_layer("BilinearPool2d", {select(pair3(), 0, 0)}).shape() == Shape{4});
  CHECK(run_layer("BilinearPool2d", {Tensor::ones({0, 3, 2, 2}), Tensor::ones({0, 2, 2, 2})}).shape() == Shape{0, 6});
  CHECK_THROWS_WITH_AS(bilinear_pool2d(pair3(), Tensor::ones({1, 2, 3, 1}, Dtype::f64)),
                       doctest::Contains("may differ in their channels only"), Error);
}

TEST_CASE("a signed root has no slope at 0 and a bounded one beside it") {
  check_example([](const Tensors& t) { return signed_sqrt(t[0]); }, {tensor({4}, {0, -4, 9, 1e-12})}, {0, -2, 3, 1e-6},
                {{0, 0.25, 1.0 / 6, 0.5 / std::sqrt(1e-5)}});
}

}  // namespace
}  // namespace tarn::test_pooling_second_order
