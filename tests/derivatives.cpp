// Products with Jacobians and Hessians, against formulas and against each other.
#include "core/derivatives.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/random.h"

namespace tarn::test_derivatives {
namespace {

Tensor values(const Shape& shape, std::vector<double> list) {
  return Tensor(shape, list);
}

Tensor random(const Shape& shape, uint64_t number) {
  return normal(shape, Stream{number, purpose_of("tests/derivatives"), 0}, 0, 1, Dtype::f64);
}

void check_close(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  for (int64_t i = 0; i < a.numel(); ++i) CHECK(a.at(i) == doctest::Approx(b.at(i)).epsilon(1e-10));
}

/// Two inputs, a value of shape [2, 3].
Tensor f(const Tensors& x) {
  return tanh(matmul(x[0], x[1])) * sum(exp(x[0]));
}
const Tensors& point() {
  static const Tensors x{random({2, 4}, 1), random({4, 3}, 2)};
  return x;
}

TEST_CASE("the Jacobian of a known function") {
  // (x y, x + y², sin x)
  const auto g = [](const Tensors& t) {
    const Tensor x = select(t[0], 0, 0);
    const Tensor y = select(t[0], 0, 1);
    const Tensor parts[] = {x * y, x + square(y), sin(x)};
    return stack(parts);
  };
  const Tensor j = jacobian(g, {values({2}, {0.5, 3})})[0];
  check_close(j, values({3, 2}, {3, 0.5, 1, 6, std::cos(0.5), 0}));
}

TEST_CASE("Jacobian by rows and by columns agree with products from both sides") {
  const Tensors j = jacobian(f, point());
  REQUIRE(j[0].shape() == Shape{2, 3, 2, 4});
  REQUIRE(j[1].shape() == Shape{2, 3, 4, 3});
  const Tensor v = random({2, 3}, 3);
  const Valued left = vjp(f, point(), v);
  for (size_t i = 0; i < 2; ++i) {
    const Tensor rows = reshape(j[i], Shape{6, point()[i].numel()});
    check_close(flatten(left.gradients[i]), matmul(flatten(v), rows));
  }
  const Tensors u{random({2, 4}, 4), random({4, 3}, 5)};
  const Tangent right = jvp(f, point(), u);
  const Tensor expected =
      matmul(reshape(j[0], Shape{6, 8}), flatten(u[0])) + matmul(reshape(j[1], Shape{6, 12}), flatten(u[1]));
  check_close(flatten(right.derivative), expected);
  check_close(right.value, f(point()));
  // A wide function is made by columns: the same numbers.
  const auto wide = [](const Tensors& x) { return matmul(x[0], x[1]); };
  const Tensors small{random({3, 1}, 6), random({1, 4}, 7)};
  const Tensors columns = jacobian(wide, small);
  for (int64_t row = 0; row < 12; ++row) {
    Tensor e = Tensor::zeros({3, 4}, Dtype::f64);
    e.fill<double>()[row] = 1;
    const Valued one = vjp(wide, small, e);
    check_close(select(reshape(columns[0], Shape{12, 3}), 0, row), flatten(one.gradients[0]));
  }
}

TEST_CASE("the Hessian of a known function, and products with it") {
  // x² y + e^y over x [1], y [1]
  const auto g = [](const Tensors& t) { return sum(square(t[0]) * t[1] + exp(t[1])); };
  const Tensors at{values({1}, {3}), values({1}, {0.5})};
  const auto h = hessian(g, at);
  CHECK(h[0][0].item() == doctest::Approx(1));
  CHECK(h[0][1].item() == doctest::Approx(6));
  CHECK(h[1][0].item() == doctest::Approx(6));
  CHECK(h[1][1].item() == doctest::Approx(std::exp(0.5)));
  const Valued product = hvp(g, at, {values({1}, {2}), values({1}, {-1})});
  CHECK(product.value.item() == doctest::Approx(4.5 + std::exp(0.5)));
  CHECK(product.gradients[0].item() == doctest::Approx(2 * 1 - 6));
  CHECK(product.gradients[1].item() == doctest::Approx(2 * 6 - std::exp(0.5)));
}

TEST_CASE("a Hessian is symmetric and agrees with its products") {
  const auto g = [](const Tensors& x) { return sum(square(f(x))); };
  const auto h = hessian(g, point());
  const Tensors v{random({2, 4}, 8), random({4, 3}, 9)};
  const Valued product = hvp(g, point(), v);
  check_close(reshape(h[0][1], Shape{8, 12}), transpose(reshape(h[1][0], Shape{12, 8}), 0, 1));
  for (size_t i = 0; i < 2; ++i) {
    const int64_t n = point()[i].numel();
    const Tensor expected =
        matmul(reshape(h[i][0], Shape{n, 8}), flatten(v[0])) + matmul(reshape(h[i][1], Shape{n, 12}), flatten(v[1]));
    check_close(flatten(product.gradients[i]), expected);
  }
}

TEST_CASE("inputs that do not matter, linear functions, constants and integers have zero derivatives or none") {
  const auto linear = [](const Tensors& x) { return sum(x[0] * 3.0); };
  const Tensors at{values({2}, {1, 2}), values({2}, {5, 6}), Tensor::arange(2)};
  const Tensors v{values({2}, {1, 1}), Tensor(), Tensor()};
  const Valued g = gradient(linear, at);
  check_close(g.gradients[0], values({2}, {3, 3}));
  check_close(g.gradients[1], values({2}, {0, 0}));
  CHECK_FALSE(g.gradients[2].defined());
  check_close(hvp(linear, at, v).gradients[0], values({2}, {0, 0}));
  CHECK(jvp(linear, at, v).derivative.item() == 6);
  const auto constant = [](const Tensors& x) { return x[0].detach() * 2.0; };
  check_close(jvp(constant, at, v).derivative, values({2}, {0, 0}));
  check_close(jacobian(constant, at)[0], Tensor::zeros({2, 2}, Dtype::f64));
  check_close(hessian(linear, at)[0][0], Tensor::zeros({2, 2}, Dtype::f64));
}

TEST_CASE("wrong shapes are refused") {
  CHECK_THROWS_AS(gradient(f, point()), Error);
  CHECK_THROWS_AS(hvp(f, point(), point()), Error);
  CHECK_THROWS_AS(vjp(f, point(), Tensor::ones({2}, Dtype::f64)), Error);
  CHECK_THROWS_AS(jvp(f, point(), {point()[0]}), Error);
  CHECK_THROWS_AS(jvp(f, point(), {point()[1], point()[0]}), Error);
  const auto deep = [](const Tensors& x) { return x[0]; };
  CHECK_THROWS_AS(jacobian(deep, {Tensor::ones({1, 1, 1, 1}, Dtype::f64)}), Error);
}

}  // namespace
}  // namespace tarn::test_derivatives
