// The programs of docs/autograd.md, as they stand there, and what they promise.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/checkpoint.h"
#include "core/derivatives.h"
#include "core/file.h"
#include "core/gradcheck.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"
#include "tests/folders.h"

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

TEST_CASE("the tape of the page's example to second order is the one that is printed there") {
  const Tensor x = leaf(1);
  Tape tape;
  const Tensor y = x * tanh(x);
  const Tensor slope = tape.gradient(y, x, {.create_graph = true});
  const Tensor curvature = tape.gradient(slope, x);
  CHECK(slope.item() == doctest::Approx(1.181568).epsilon(1e-6));
  CHECK(curvature.item() == doctest::Approx(0.200249).epsilon(1e-5));
  const std::string page = read_file(std::string(TARN_SOURCE_DIR) + "/docs/autograd.md", 1 << 20);
  CHECK(tape.size() == 9);
  for (size_t i = 0; i < tape.size(); ++i) {
    const EntryInfo e = tape.entry(i);
    std::string line = text("\n ", i, " ", e.op);
    if (!e.inputs.empty()) line.resize(std::max<size_t>(line.size(), 14), ' ');
    for (const uint32_t input : e.inputs) line += text(" ", input);
    CAPTURE(line);
    CHECK(page.find(line + "\n") != std::string::npos);
  }
}

TEST_CASE("the page's hooks, retained values and checkpoints do what it says") {
  const Tensor x = Tensor::ones({1, 2}, Dtype::f64);
  const Tensor w = Tensor::full({2, 2}, 3, Dtype::f64).requires_grad();
  Tape tape;
  const Tensor hidden = tanh(matmul(x, w));
  tape.retain(hidden, "hidden");                                           // found again by its name
  tape.hook(hidden, [](const Tensor& g) { return clamp(g, -1.0, 1.0); });  // clipped on its way down
  const Tensor loss = sum(square(hidden));
  const Tensor wrt[] = {w, tape.retained("hidden")};
  const Tensors gradients = tape.gradient(loss, wrt);
  CHECK(gradients[1].at(0) == 1);
  CHECK(gradients[0].at(0) == doctest::Approx(1 - std::pow(std::tanh(6), 2)));
  const Tensor w1 = w;
  const Tensor w2 = Tensor::full({2, 2}, -0.5, Dtype::f64).requires_grad();
  const Tensor h = checkpoint([w1, w2](const Tensor& in) { return tanh(matmul(tanh(matmul(in, w1)), w2)); }, x);
  CHECK(tape.entry(h.place().entry).op == std::string("checkpoint"));
}

TEST_CASE("the page's derivatives as calls") {
  const Tensors at{Tensor::full({2}, 0.5, Dtype::f64), Tensor::full({2}, 3, Dtype::f64)};
  const Tensors direction{Tensor::ones({2}, Dtype::f64), Tensor()};
  const Function f = [](const Tensors& x) { return sum(exp(x[0]) * x[1]); };
  const Valued first = gradient(f, at);           // value, and a gradient for each input
  const Valued along = hvp(f, at, direction);     // the Hessian times a direction: two sweeps, no matrix
  const std::vector<Tensors> h = hessian(f, at);  // all of it, input by input
  CHECK(first.gradients[1].at(0) == doctest::Approx(std::exp(0.5)));
  CHECK(along.gradients[0].at(0) == doctest::Approx(3 * std::exp(0.5)));
  CHECK(h[0][1].at(0) == doctest::Approx(std::exp(0.5)));
  CHECK(h[0][1].at(1) == 0);
}
