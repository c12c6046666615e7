// Softmax and its kin against their definitions, along every dimension, and where numbers are extreme.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_softmax {

namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double d = 0;
  for (int64_t i = 0; i < a.numel(); ++i) d = std::max(d, std::abs(a.at(i) - b.at(i)));
  return d;
}

// e^x over its sum, one line at a time, in double precision.
Tensor plain_softmax(const Tensor& x, int64_t dim) {
  const Tensor e = exp(x);
  return e / sum(e, {dim}, true);
}

}  // namespace

TEST_CASE("softmax and log_softmax equal their definitions along every dimension, in value and gradient") {
  for (const Shape& shape : {Shape{1}, Shape{33}, Shape{5, 31}, Shape{4, 100}, Shape{3, 7, 2}, Shape{2, 5, 70},
                             Shape{2, 3, 4, 5}, Shape{1, 65, 33}})
    for (int dim = -1; dim < shape.rank(); ++dim)
      for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
        CAPTURE(shape.text());
        CAPTURE(dim);
        const double allowed = dtype == Dtype::f32 ? 2e-6 : 1e-13;
        const Tensor wide = normal(shape, {1, 2, 3}, 0, 2, Dtype::f64);
        const Tensor g = normal(shape, {1, 2, 4}, 0, 1, Dtype::f64);
        const Tensor x = wide.to(dtype).requires_grad();
        const Tensor exact = x.to(Dtype::f64).requires_grad();
        Tape tape;
        const Tensor y = softmax(x, dim);
        const Tensor z = log_softmax(x, dim);
        const Tensor p = plain_softmax(exact, dim);
        CHECK(largest_difference(y.to(Dtype::f64), p) < allowed);
        CHECK(largest_difference(exp(z).to(Dtype::f64), p) < allowed);
        CHECK(largest_difference(softmin(-x, dim), y) < allowed);
        const Tensor dy = tape.gradient(y, x, {.keep = true, .seed = g.to(dtype)});
        CHECK(largest_difference(dy.to(Dtype::f64), tape.gradient(p, exact, {.keep = true, .seed = g})) < 4 * allowed);
        const Tensor dz = tape.gradient(z, x, {.keep = true, .seed = g.to(dtype)});
        CHECK(largest_difference(dz.to(Dtype::f64), tape.gradient(log(p), exact, {.keep = true, .seed = g})) <
              20 * allowed);
      }
}

TEST_CASE("softmax of huge, infinite and missing values is what PyTorch makes of it") {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x({4, 3}, std::vector<float>{1e30f, 0, -1e30f, -inf, 1, 1, -inf, -inf, -inf, 0, NAN, 0});
  const Tensor y = softmax(x, 1);
  CHECK(y.at(0) == 1);
  CHECK(y.at(1) == 0);
  CHECK(y.at(3) == 0);
  CHECK(y.at(4) == 0.5);
  for (int64_t i = 6; i < 12; ++i) CHECK(std::isnan(y.at(i)));
  const Tensor z = log_softmax(x, 1);
  CHECK(z.at(0) == 0);
  CHECK(z.at(3) == -inf);
  CHECK(z.at(4) == doctest::Approx(-std::log(2.0)));
  for (int64_t i = 6; i < 12; ++i) CHECK(std::isnan(z.at(i)));
}

TEST_CASE("the exponential inside a float softmax is right to a few units in the last place") {
  std::vector<float> values;
  for (float v = 0; v > -87; v -= 0.0371f) values.push_back(v);
  const int64_t n = static_cast<int64_t>(values.size());
  const Tensor y = softmax(Tensor({n}, values), 0);
  double total = 0;
  for (const float v : values) total += std::exp(static_cast<double>(v));
  for (int64_t i = 0; i < n; ++i)
    CHECK(y.at(i) ==
          doctest::Approx(std::exp(static_cast<double>(values[static_cast<size_t>(i)])) / total).epsilon(4e-7));
}

TEST_CASE("softmax takes scalars and empty tensors, and refuses dimensions that are not there") {
  CHECK(softmax(Tensor::full({}, 3), 0).item() == 1);
  CHECK(log_softmax(Tensor::full({}, 3), -1).item() == 0);
  CHECK(softmax(Tensor::zeros({0, 3}), 1).shape() == Shape{0, 3});
  CHECK(softmax(Tensor::zeros({3, 0}), 1).shape() == Shape{3, 0});
  CHECK_THROWS_AS(softmax(Tensor::zeros({2, 3}), 2), Error);
  CHECK_THROWS_AS(log_softmax(Tensor::zeros({2, 3}), -3), Error);
  CHECK_THROWS_AS(softmax(Tensor::zeros({}), 1), Error);
  CHECK_THROWS_AS(softmax(Tensor::zeros({2}, Dtype::i64), 0), Error);
}

}  // namespace tarn::test_softmax
