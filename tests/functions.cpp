// The float functions of kernels/functions.h against the library's in double, over their whole range; and that an
// activation's gradient is the same whether or not it will be differentiated again.
#include "core/kernels/functions.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/ops.h"
#include "core/tape.h"

namespace tarn::test_functions {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Largest difference over [low, high], relative to the value's size or, below `floor`, to that.
double largest_error(float (*fast)(float), double (*exact)(double), double low, double high, double floor) {
  double worst = 0;
  constexpr int points = 400000;
  for (int i = 0; i <= points; ++i) {
    const auto x = static_cast<float>(low + (high - low) * i / points);
    const double y = exact(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(fast(x)) - y) / std::max(std::abs(y), floor));
  }
  return worst;
}

double exact_sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double exact_softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double exact_below(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}
float fast_below(float x) {
  return kernels::fast_normal(x).below;
}

TEST_CASE("float functions are within a few units in the last place") {
  constexpr double tiny = 1e-37;
  CHECK(largest_error(kernels::fast_exp, std::exp, -87, 88.7, tiny) < 3e-7);
  CHECK(largest_error(kernels::fast_expm1, std::expm1, -20, 20, tiny) < 4e-7);
  CHECK(largest_error(kernels::fast_sigmoid<float>, exact_sigmoid, -80, 80, tiny) < 4e-7);
  CHECK(largest_error(kernels::fast_tanh, std::tanh, -10, 10, tiny) < 3e-7);
  CHECK(largest_error(kernels::fast_erf, std::erf, -6, 6, tiny) < 3e-7);
  CHECK(largest_error(kernels::fast_softplus, exact_softplus, -80, 80, tiny) < 4e-7);
  CHECK(largest_error(fast_below, exact_below, -4, 8, tiny) < 1e-6);
  CHECK(largest_error(fast_below, exact_below, -12, -4, 1e-32) < 1e-5);
}

TEST_CASE("float functions at the ends of the range, at zero and for NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(kernels::fast_exp(-infinity) == 0);
  CHECK(kernels::fast_exp(infinity) == infinity);
  CHECK(kernels::fast_exp(0.0f) == 1);
  const float subnormal = kernels::fast_exp(-100.0f) / std::exp(-100.0f);  // both have few digits left
  CHECK(subnormal > 0.95f);
  CHECK(subnormal < 1.05f);
  CHECK(kernels::fast_expm1(infinity) == infinity);
  CHECK(kernels::fast_expm1(-infinity) == -1);
  CHECK(kernels::fast_expm1(0.0f) == 0);
  CHECK(kernels::fast_sigmoid(-infinity) == 0);
  CHECK(kernels::fast_sigmoid(infinity) == 1);
  CHECK(kernels::fast_tanh(-infinity) == -1);
  CHECK(kernels::fast_tanh(infinity) == 1);
  CHECK(kernels::fast_erf(infinity) == 1);
  CHECK(kernels::fast_erf(-infinity) == -1);
  CHECK(kernels::fast_softplus(infinity) == infinity);
  CHECK(kernels::fast_softplus(-infinity) == 0);
  CHECK(kernels::fast_normal(infinity).below == 1);
  CHECK(kernels::fast_normal(-infinity).below == 0);
  for (float (*f)(float) : {kernels::fast_exp, kernels::fast_expm1, kernels::fast_sigmoid<float>, kernels::fast_tanh,
                            kernels::fast_erf, kernels::fast_softplus, fast_below})
    CHECK(std::isnan(f(nan)));
}

TEST_CASE("a gradient is the same whether or not it is differentiated again") {
  const std::vector<std::pair<const char*, std::function<Tensor(const Tensor&)>>> list{
      {"tanh", [](const Tensor& x) { return tanh(x); }},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
      {"square", [](const Tensor& x) { return square(x); }},
      {"elu", [](const Tensor& x) { return elu(x, 0.7); }},
      {"selu", [](const Tensor& x) { return selu(x); }},
      {"celu", [](const Tensor& x) { return celu(x, 0.6); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }},
      {"gelu tanh", [](const Tensor& x) { return gelu(x, "tanh"); }},
      {"silu", [](const Tensor& x) { return silu(x); }},
      {"mish", [](const Tensor& x) { return mish(x); }},
      {"hardswish", [](const Tensor& x) { return hardswish(x); }},
      {"softplus", [](const Tensor& x) { return softplus(x, 1.5, 3); }},
      {"logsigmoid", [](const Tensor& x) { return logsigmoid(x); }},
  };
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Tensor values = uniform({1000}, Stream{1, purpose_of("tests/functions"), 0}, -9, 9, dtype);
    const Tensor seed = uniform({1000}, Stream{2, purpose_of("tests/functions"), 0}, -1, 1, dtype);
    for (const auto& [name, f] : list) {
      CAPTURE(name);
      Tape tape;
      const Tensor x = tape.variable(values);
      const Tensor y = f(x);
      const Tensor once = tape.gradient(y, x, {.keep = true, .seed = seed});
      const Tensor again = tape.gradient(y, x, {.create_graph = true, .seed = seed});
      const double difference = amax(abs(once - again.detach())).to(Dtype::f64).item();
      CHECK(difference < (dtype == Dtype::f32 ? 3e-6 : 1e-14));
    }
  }
}

TEST_CASE("a gated linear unit along any dimension is one half times the sigmoid of the other, with its gradient") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (int d = 0; d < 3; ++d) {
      CAPTURE(d);
      const Tensor values = uniform({4, 6, 70}, Stream{3, purpose_of("tests/functions"), 0}, -4, 4, dtype);
      const int64_t half = values.shape()[d] / 2;
      const Tensor seed =
          uniform(values.shape().with(d, half), Stream{4, purpose_of("tests/functions"), 0}, -1, 1, dtype);
      Tape tape;
      const Tensor x = tape.variable(values);
      const Tensor y = glu(x, d);
      const Tensor expected = narrow(x, d, 0, half) * sigmoid(narrow(x, d, half, half));
      const auto distance = [](const Tensor& a, const Tensor& b) {
        return amax(abs(a.detach() - b.detach())).to(Dtype::f64).item();
      };
      const double bound = dtype == Dtype::f32 ? 3e-6 : 1e-14;
      CHECK(distance(y, expected) < bound);
      const Tensor right = tape.gradient(expected, x, {.keep = true, .seed = seed});
      CHECK(distance(tape.gradient(y, x, {.keep = true, .seed = seed}), right) < bound);
      CHECK(distance(tape.gradient(y, x, {.create_graph = true, .seed = seed}), right) < bound);
    }
  CHECK(glu(Tensor::ones({3, 0}), 1).shape() == Shape{3, 0});
}

}  // namespace
}  // namespace tarn::test_functions
