// ReLU keeps a bit for each element: values, gradients and second derivatives for all lengths of the last word.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/derivatives.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_relu {
namespace {

TEST_CASE("relu passes what is above 0, and NaN, and its gradient goes the same way, whatever the length") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const int64_t n : {0, 1, 31, 32, 33, 64, 95, 1000, 70001}) {
      CAPTURE(n);
      std::vector<double> values(static_cast<size_t>(n));
      const double odd[] = {0.0, -0.0, nan, inf, -inf, 1e-300, -1e-30, 3};
      for (size_t i = 0; i < values.size(); ++i) values[i] = i % 11 < 8 ? odd[i % 11] : Stream{7}.uniform(i) - 0.5;
      const Tensor x = Tensor({n}, values).to(dtype);
      const Tensor g = uniform({n}, Stream{8}, 1, 2, dtype);
      const Valued got = vjp([](const Tensors& t) { return relu(t[0]); }, {x}, g);
      const Tensor untaped = relu(x);
      for (int64_t i = 0; i < n; ++i) {
        const double v = x.at(i);
        const double y = got.value.at(i);
        REQUIRE((std::isnan(v) ? std::isnan(y) : y == std::max(v, 0.0)));
        REQUIRE((std::isnan(v) ? std::isnan(untaped.at(i)) : untaped.at(i) == y));
        REQUIRE(got.gradients[0].at(i) == (v > 0 || std::isnan(v) ? g.at(i) : 0));
      }
    }
}

TEST_CASE("the gradient of relu is linear in the cotangent, to any order") {
  const Tensor x = uniform({3, 50}, Stream{1}, -1, 1, Dtype::f64).requires_grad();
  const Tensor g = uniform({3, 50}, Stream{2}, -1, 1, Dtype::f64).requires_grad();
  const Tensor h = uniform({3, 50}, Stream{3}, -1, 1, Dtype::f64);
  Tape tape;
  const Tensor dx = tape.gradient(relu(x), x, {.create_graph = true, .seed = g});
  const Tensors second = tape.gradient(dx, Tensors{g, x}, {.allow_unused = true, .seed = h});
  for (int64_t i = 0; i < x.numel(); ++i) REQUIRE(second[0].at(i) == (x.at(i) > 0 ? h.at(i) : 0));
  CHECK(!second[1].defined());  // constant between kinks
}

TEST_CASE("what the tape keeps for relu is a bit an element") {
  const Tensor x = uniform({64, 1000}, Stream{1}, -1, 1).requires_grad();
  Tape tape;
  const Tensor y = relu(neg(x));
  const TapeReport report = tape.report();
  int64_t held = 0;
  for (const auto& share : report.by_op)
    if (share.name == "relu") held = share.bytes;
  CHECK(held >= 64 * 1000 / 8);
  CHECK(held < 64 * 1000 / 4);
}

}  // namespace
}  // namespace tarn::test_relu
