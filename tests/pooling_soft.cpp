// SoftPool against the formula, window by window.
#include <doctest/doctest.h>

#include <cmath>

#include "core/derivatives.h"
#include "layers/pooling/functions.h"

namespace tarn::test_pooling_soft {
namespace {

const Tensor& square4() {
  static const Tensor x(Shape{1, 1, 4, 4}, std::vector<double>{1, 2, 5, 3, 4, 0, 1, 2, 7, 3, -1, 0, 2, 6, 0, 4});
  return x;
}

Windows halves(const Shape& s) {
  return sliding_windows("test", s, 2, {.kernel_size = {2}});
}

void check_values(const Tensor& got, std::vector<double> want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i)
    CHECK(got.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(1e-7));
}

TEST_CASE("SoftPool has the values and both kinds of derivatives that its page computes") {
  const auto f = [](bool detached) {
    return [detached](const Tensors& t) { return sum(soft_pool(t[0], halves(t[0].shape()), detached)); };
  };
  check_values(soft_pool(square4(), halves(square4().shape())), {3.5900958, 4.5900958, 6.6591137, 3.8272761});
  check_values(gradient(f(false), {square4()}).gradients[0],
               {-0.06578337, -0.066360526, 1.1715637, -0.066360526, 1.1715637, -0.039419778, -0.039419778, -0.06578337,
                0.96263513, -0.034964615, -0.024716067, -0.049630913, -0.0177, 0.090029488, -0.049630913, 1.1239779});
  check_values(gradient(f(true), {square4()}).gradients[0],
               {0.041370697, 0.11245721, 0.83095266, 0.11245721, 0.83095266, 0.015219429, 0.015219429, 0.041370697,
                0.71790961, 0.013148973, 0.006457874, 0.017554322, 0.0048372369, 0.26410418, 0.017554322, 0.95843348});
}

TEST_CASE("SoftPool has the value and derivatives of its worked example of one window") {
  const Tensor x(Shape{1, 1, 3, 3}, std::vector<double>{0, 1.1, 2.5, 0.9, 2, 1, 0, 1.5, 1});
  const auto f = [](const Tensors& t) { return soft_pool(t[0], adaptive_windows("test", t[0].shape(), 2, {1})); };
  check_values(f({x}), {1.7024517});
  check_values(gradient(f, {x}).gradients[0], {-0.019009033, 0.032318966, 0.59259824, 0.013148675, 0.25945144,
                                               0.021887471, -0.019009033, 0.096725797, 0.021887471});
}

TEST_CASE("SoftPool clips windows at the edges and does not overflow") {
  const Tensor x(Shape{1, 1, 3}, std::vector<double>{1000, 1001, -2000});
  const Windows w = sliding_windows("test", x.shape(), 1, {.kernel_size = {2}, .stride = {2}, .padding = {1}});
  check_values(soft_pool(x, w), {1000, (1001 * 1.0 + -2000 * 0.0)});
}

}  // namespace
}  // namespace tarn::test_pooling_soft
