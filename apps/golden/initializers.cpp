// Reference cases of initial values: fans, gains, distributions, and what layers start from by default.
#include <algorithm>
#include <cmath>

#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/statistics.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn::golden {
namespace {

using Draw = std::function<Tensor(const Attributes&, const Shape&, const Stream&, Dtype)>;

Shape shape_of(const Attributes& a) {
  if (!a.given("shape")) return {1000};  // a distribution that does not depend on the shape
  const std::vector<int64_t> sizes = a.integers("shape");
  return Shape{std::span<const int64_t>(sizes)};
}

Tensor drawn_tensor(const Case& c, const Draw& draw, uint64_t repetition) {
  const Stream stream{repetition, purpose_of(c.name()), 0};
  return draw(c.attributes(), shape_of(c.attributes()), stream, c.dtype());
}

/// Fans, range, mean and deviation, as far as the case expects any.
void check_facts(const Attributes& expected, const Attributes& attributes, const Sampled& values) {
  if (expected.given("fan_in")) {
    const init::Fans fans = init::fans("fans", shape_of(attributes));
    compare("fan_in", static_cast<double>(fans.in), expected.number("fan_in"), 0);
    compare("fan_out", static_cast<double>(fans.out), expected.number("fan_out"), 0);
  }
  if (expected.given("bound")) values.check_range("values", -expected.number("bound"), expected.number("bound"));
  if (expected.given("low")) values.check_range("values", expected.number("low"), expected.number("high"));
  values.check_mean("values", expected.number("mean"), expected.number("std"));
  values.check_deviation("values", expected.number("std"));
}

Row distribution(const char* op, Draw draw) {
  const Check check = [draw](Case& c) {
    Sampled values;
    const int64_t wanted = c.json().at("samples").as_integer();
    for (uint64_t repetition = 0; values.count() < wanted; ++repetition) values.add(drawn_tensor(c, draw, repetition));
    check_facts(Attributes(c.json().at("expected")), c.attributes(), values);
  };
  return {op, [draw](Case& c) { return Tensors{drawn_tensor(c, draw, 0)}; }, check};
}

init::Kaiming kaiming(const Attributes& a) {
  return {a.number("a", 0), a.text("mode", "fan_in"), a.text("nonlinearity", "leaky_relu")};
}

const Rows distribution_rows{
    distribution("uniform",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::uniform(shape, stream, a.number("a", 0), a.number("b", 1), dtype);
                 }),
    distribution("normal",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::normal(shape, stream, a.number("mean", 0), a.number("std", 1), dtype);
                 }),
    distribution("trunc_normal",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::trunc_normal(shape, stream, a.number("mean", 0), a.number("std", 1), a.number("a", -2),
                                             a.number("b", 2), dtype);
                 }),
    distribution("xavier_uniform",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::xavier_uniform(shape, stream, a.number("gain", 1), dtype);
                 }),
    distribution("xavier_normal",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::xavier_normal(shape, stream, a.number("gain", 1), dtype);
                 }),
    distribution("kaiming_uniform",
                 [](const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
                   return init::kaiming_uniform(shape, stream, kaiming(a), dtype);
                 }),
    distribution("kaiming_normal", [](const Attributes& a, const Shape& shape, const Stream& stream,
                                      Dtype dtype) { return init::kaiming_normal(shape, stream, kaiming(a), dtype); }),
};

Tensors gain_of(Case& c) {
  const double gain = init::calculate_gain(c.attributes().text("nonlinearity"), c.attributes().maybe_number("param"));
  return {Tensor::full({}, gain, Dtype::f64)};
}

void check_gain(Case& c) {
  const double want = read_number(c.json().at("expected").at("gain"));
  compare("gain", gain_of(c)[0].item(), want, 1e-12 * std::abs(want));
}

Tensor orthogonal_of(const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
  return init::orthogonal(shape, stream, a.number("gain", 1), dtype);
}

/// The shorter side's products with each other are gain² times the identity.
void check_orthogonal(Case& c) {
  const Tensor w = flatten(drawn_tensor(c, orthogonal_of, 0), 1, -1);
  const Tensor rows = w.size(0) <= w.size(1) ? w : transpose(w, 0, 1);
  const double gain = c.attributes().number("gain", 1);
  const Tensor want = init::eye({rows.size(0), rows.size(0)}, c.dtype()) * (gain * gain);
  compare("products of rows", matmul(rows, transpose(rows, 0, 1)), want,
          {1e-5, c.dtype() == Dtype::f64 ? 1e-10 : 1e-5});
}

Tensor sparse_of(const Attributes& a, const Shape& shape, const Stream& stream, Dtype dtype) {
  return init::sparse(shape, stream, a.number("sparsity"), a.number("std", 0.01), dtype);
}

void check_sparse(Case& c) {
  Sampled values;
  const Attributes expected(c.json().at("expected"));
  for (uint64_t repetition = 0; values.count() < c.json().at("samples").as_integer(); ++repetition) {
    const Tensor w = drawn_tensor(c, sparse_of, repetition);
    for (int64_t column = 0; column < w.size(1); ++column) {
      int64_t zeros = 0;
      for (int64_t i = 0; i < w.size(0); ++i) {
        const double v = w.at(i * w.size(1) + column);
        zeros += v == 0;
        if (v != 0) values.add(v);
      }
      compare("zeros in a column", static_cast<double>(zeros), expected.number("zeros_per_column"), 0);
    }
  }
  const double deviation = c.attributes().number("std", 0.01);
  values.check_mean("values", 0, deviation);
  values.check_deviation("values", deviation);
}

const Rows special_rows{
    {"calculate_gain", gain_of, check_gain},
    {"orthogonal", [](Case& c) { return Tensors{drawn_tensor(c, orthogonal_of, 0)}; }, check_orthogonal},
    {"sparse", [](Case& c) { return Tensors{drawn_tensor(c, sparse_of, 0)}; }, check_sparse},
    {"dirac",
     [](Case& c) {
       return Tensors{init::dirac(shape_of(c.attributes()), c.attributes().integer("groups", 1), c.dtype())};
     }},
};

}  // namespace
}  // namespace tarn::golden
