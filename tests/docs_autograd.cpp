// The programs of docs/autograd.md, as they stand there, and what they promise.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/gradcheck.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

using namespace tarn;

Tensor log_cosh(const Tensor& x) {
  const Tensor y = map("log_cosh", x, [](auto v) { return std::log(std::cosh(v)); });
  return record("log_cosh", y, Edge{x, [x](const Tensor& g) { return g * tanh(x); }});
}
const auto& log_cosh_row = add_op("log_cosh", "the logarithm of the hyperbolic cosine", [](const Tensors& t) {
                             return log_cosh(t[0]);
                           }).sample({{2, 3}});

namespace {

Tensor leaf(double value) {
  return Tensor::full({}, value, Dtype::f64).requires_grad();
}

}  // namespace

TEST_CASE("the first program of the page on gradients") {
  const Tensor w = Tensor(Shape{2}, std::vector<double>{1, 2}).requires_grad();
  Tape tape;
  const Tensor loss = sum(square(w) * 3.0);
  const Tensor gradient = tape.gradient(loss, w);  // 6 w
  CHECK(gradient.to_vector<double>() == std::vector<double>{6, 12});
}

TEST_CASE("Newton's method with second derivatives from the tape finds a minimum") {
  Tensor x = leaf(1.5);
  for (int i = 0; i < 6; ++i) {
    Tape tape;
    const Tensor y = exp(x) - x * 2.0;  // least where e^x = 2
    const Tensor slope = tape.gradient(y, x, {.create_graph = true});
    const Tensor curvature = tape.gradient(slope, x);
    x = (x - slope / curvature).detach().requires_grad();
  }
  CHECK(x.item() == doctest::Approx(std::log(2.0)).epsilon(1e-12));
}

TEST_CASE("the op of the page has the derivatives that one finds by hand") {
  const Tensor x = leaf(0.4);
  Tape tape;
  const Tensor slope = tape.gradient(log_cosh(x), x, {.create_graph = true});
  const Tensor curvature = tape.gradient(slope, x);
  CHECK(slope.item() == doctest::Approx(std::tanh(0.4)).epsilon(1e-12));
  CHECK(curvature.item() == doctest::Approx(1 - std::tanh(0.4) * std::tanh(0.4)).epsilon(1e-12));
  CHECK(check_gradients(twice(log_cosh_row.call), draw(log_cosh_row.samples[0]), {.order = 2}).passed());
}
