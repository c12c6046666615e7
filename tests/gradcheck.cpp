// Tests of the gradient checker: that it accepts right derivatives and finds wrong ones.
#include "core/gradcheck.h"

#include <doctest/doctest.h>

#include "core/ops.h"
#include "core/record.h"

namespace tarn::test_gradcheck {
namespace {

Tensor values(std::vector<double> list) {
  const Shape shape{static_cast<int64_t>(list.size())};
  return Tensor(shape, list);
}

/// x³ with a pullback of the caller's.
template <class F>
Tensor cube_with(const Tensor& x, F pullback) {
  std::vector<double> cubes = x.to_vector<double>();
  for (double& v : cubes) v = v * v * v;
  return record("cube", Tensor(x.shape(), cubes), Edge{x, pullback});
}

TEST_CASE("right first and second derivatives pass") {
  const auto f = [](const Tensors& x) { return exp(x[0]) * sin(x[1]); };
  const GradientReport report = check_gradients(f, {values({0.3, -1, 2}), values({1, 2, 3})}, {.order = 2});
  CHECK(report.passed());
  REQUIRE(report.checks.size() == 4);
  for (const InputCheck& c : report.checks) CHECK(c.error < 1e-8);
}

TEST_CASE("a function that swings many times within the first step passes with smaller ones") {
  const auto f = [](const Tensors& x) { return sin(x[0] * 20000.0); };
  const GradientReport report = check_gradients(f, {values({0.3, -1, 2})}, {.order = 2});
  CHECK(report.passed());
  for (const InputCheck& c : report.checks) CHECK(c.step < 1e-5);
}

TEST_CASE("a wrong pullback fails, and the report names the element") {
  const auto f = [](const Tensors& x) {
    return cube_with(x[0], [x = x[0]](const Tensor& g) { return g * x * x * values({3, 3, 3.01, 3}); });
  };
  const GradientReport report = check_gradients(f, {values({1, 2, 3, 4})});
  CHECK_FALSE(report.passed());
  CHECK(report.checks[0].index == 2);
  CHECK(report.text().find("element 2") != std::string::npos);
}

TEST_CASE("a pullback that is right only to first order fails at the second") {
  const auto f = [](const Tensors& x) {
    // The captured x is off the tape: nothing flows through it to a second derivative.
    return cube_with(x[0], [x = x[0].detach()](const Tensor& g) { return g * x * x * 3.0; });
  };
  CHECK(check_gradients(f, {values({1, 2})}).passed());
  CHECK_FALSE(check_gradients(f, {values({1, 2})}, {.order = 2}).passed());
}

TEST_CASE("twice shows an input whose second use is lost") {
  // Differentiates through the first use only.
  const auto f = [](const Tensors& x) { return x[0] * x[0].detach(); };
  CHECK_FALSE(check_gradients(f, {values({1, 2})}).passed());
  CHECK(check_gradients(twice([](const Tensors& x) { return exp(x[0]); }), {values({1, 2})}, {.order = 2}).passed());
}

TEST_CASE("at a kink any slope between the two sides is right, others are wrong") {
  const auto slope_at_zero = [](double slope) {
    return [slope](const Tensors& x) {
      const Tensor pick = where(eq(x[0], values({0})), values({slope}), sign(x[0]));
      return record("kinked", abs(x[0].detach()), Edge{x[0], [pick](const Tensor& g) { return g * pick; }});
    };
  };
  CHECK(check_gradients(slope_at_zero(0.3), {values({0})}).checks[0].verdict == Verdict::kink);
  CHECK(check_gradients(slope_at_zero(1.5), {values({0})}).checks[0].verdict == Verdict::fail);
}

TEST_CASE("integer inputs, empty inputs and outputs that do not depend on an input are no failures") {
  const auto f = [](const Tensors& x) { return x[0] * 2.0 + sum(x[2]); };
  const Tensors inputs{values({1, 2}), values({5}), values({}), Tensor::arange(3)};
  const GradientReport report = check_gradients(f, inputs, {.order = 2});
  CHECK(report.passed());
  CHECK(report.checks.size() == 6);
}

TEST_CASE("what time does not allow is counted, and passes for nothing") {
  int evaluations = 0;
  const auto f = [&evaluations](const Tensors& x) {
    ++evaluations;
    return exp(x[0]);
  };
  const GradientReport report = check_gradients(f, {values({1, 2})}, {.order = 2, .seconds = 1e-12});
  CHECK(evaluations == 0);
  REQUIRE(report.checks.size() == 2);
  for (const InputCheck& c : report.checks) {
    CHECK(c.verdict == Verdict::skipped);
    CHECK(c.comparisons == 0);
    CHECK(c.skipped == 5);  // three directions and two elements
  }
}

TEST_CASE("a float32 input is refused") {
  const auto f = [](const Tensors& x) { return x[0]; };
  CHECK_THROWS_AS(check_gradients(f, {Tensor::ones({2})}), Error);
}

}  // namespace
}  // namespace tarn::test_gradcheck
