// Reference cases of random layers and generators: frequencies, scales, and that gradients see the same draw.
#include "core/random.h"

#include <cmath>

#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/statistics.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "core/ops.h"
#include "core/tape.h"
#include "layers/module.h"

namespace tarn::golden {
namespace {

Shape dropout_shape(int spatial, int64_t units) {
  if (spatial == 0) return {units};
  std::vector<int64_t> sizes{(units + 9) / 10, 10};  // whole channels are dropped: few cells each
  sizes.resize(static_cast<size_t>(spatial) + 2, 2);
  return Shape{std::span<const int64_t>(sizes)};
}

Tensor through(Case& c, const std::string& type, const Tensor& x, bool training) {
  if (!find_layer(type)) throw Skip{"no layer " + type};
  Json config = layer_config(c);
  config.set("type", type);
  Build build;
  build.inputs = {x.shape()};
  build.path = c.name();
  build.dtype = x.dtype();
  Context context;
  context.training = training;
  return make_layer(config, build)->forward(x, context);
}

std::string dropout_name(int spatial) {
  return spatial == 0 ? "Dropout" : ranked("Dropout", spatial);
}

/// Each unit (an element, or a channel with all its cells) is zero or scaled.
void check_units(const Tensor& y, int64_t cells, const Attributes& expected, const Tolerance& tolerance) {
  Sampled zeros;
  const double scale = expected.number("scale_of_kept");
  for (int64_t unit = 0; unit < y.numel() / cells; ++unit) {
    const double first = y.at(unit * cells);
    zeros.add(first == 0 ? 1.0 : 0.0);
    for (int64_t i = 0; i < cells; ++i)
      if (y.at(unit * cells + i) != first) throw Mismatch{text("channel ", unit, " is dropped in part")};
    if (first != 0) compare("scale of what is kept", first, scale, tolerance.atol + tolerance.rtol * scale);
  }
  const double chance = expected.number("zero_fraction");
  zeros.check_mean("zeroed units", chance, std::sqrt(chance * (1 - chance)));
}

Check dropping(int spatial) {
  return [spatial](Case& c) {
    const Attributes expected(c.json().at("expected"));
    const Tolerance tolerance = c.tolerance();
    Tape tape;
    const Shape shape = dropout_shape(spatial, c.json().at("samples").as_integer());
    const Tensor x = Tensor::ones(shape, c.dtype()).requires_grad();
    const Tensor y = through(c, dropout_name(spatial), x, true);
    check_units(y, spatial == 0 ? 1 : shape.product(2, shape.rank()), expected, tolerance);
    compare("gradient", tape.gradient(sum(y), x, {.allow_unused = true}), y, tolerance);
    compare("in evaluation", through(c, dropout_name(spatial), x, false), x, tolerance);
  };
}

Row dropout_row(const char* op, int spatial) {
  const Call call = [spatial](Case& c) {
    return Tensors{through(c, dropout_name(spatial), Tensor::ones(dropout_shape(spatial, 100), c.dtype()), true)};
  };
  return {op, call, dropping(spatial)};
}

double allowed(const Tolerance& t, double want) {
  return t.atol + t.rtol * std::abs(want);
}

/// Normal values, and what the layer makes of them in training; the gradient is that of the sum.
struct Passed {
  Tensor x, y, gradient;
};

Passed pass(Case& c, const std::string& type, const Shape& shape) {
  Tape tape;
  const Tensor x = normal(shape, Stream{2, purpose_of(c.name()), 0}, 0, 1, c.dtype()).requires_grad();
  const Tensor y = through(c, type, x, true);
  return {x, y, tape.gradient(sum(y), x)};
}

/// Each unit (an element, or a channel with all its cells) is a · x + b or has the dropped value.
Check alpha_dropping(const char* type, const Shape& unit) {
  return [type, unit](Case& c) {
    const Attributes expected(c.json().at("expected"));
    const Tolerance t = c.tolerance();
    const int64_t cells = unit.numel();
    std::vector<int64_t> sizes{(c.json().at("samples").as_integer() + 9) / 10, 10};
    sizes.insert(sizes.end(), unit.begin(), unit.end());
    const Passed p = pass(c, type, Shape(sizes));
    const double a = expected.number("a");
    const double dropped = expected.number("dropped_value");
    Sampled zeros;
    Sampled values;
    for (int64_t i = 0; i < p.x.numel(); ++i) {
      const bool kept = p.gradient.at(i / cells * cells) != 0;
      compare("gradient", p.gradient.at(i), kept ? a : 0, allowed(t, a));
      const double want = kept ? a * p.x.at(i) + expected.number("b") : dropped;
      compare("value", p.y.at(i), want, allowed(t, want));
      if (i % cells == 0) zeros.add(kept ? 0 : 1);
      if (i % cells == 0) values.add(p.y.at(i));
    }
    const double chance = c.attributes().number("p", 0.5);
    zeros.check_mean("dropped units", chance, std::sqrt(chance * (1 - chance)));
    values.check_mean("values", 0, 1);
    compare("in evaluation", through(c, type, p.x, false), p.x, t);
  };
}

Row alpha_dropout_row(const char* op, const char* type, const Shape& unit) {
  return {op,
          [type](Case& c) {
            return Tensors{through(c, type, Tensor::ones({10, 10, 2}, c.dtype()), true)};
          },
          alpha_dropping(type, unit)};
}

/// Negative values have slopes that are uniform within the bounds, and in evaluation their mean.
void check_rrelu(Case& c) {
  const Attributes expected(c.json().at("expected"));
  const Tolerance t = c.tolerance();
  const Passed p = pass(c, "RReLU", {2 * c.json().at("samples").as_integer()});
  const Tensor evaluated = through(c, "RReLU", p.x, false);
  Sampled slopes;
  for (int64_t i = 0; i < p.x.numel(); ++i) {
    const double x = p.x.at(i);
    const double slope = x > 0 ? 1 : p.gradient.at(i);
    compare("gradient", p.gradient.at(i), slope, allowed(t, slope));
    compare("value", p.y.at(i), slope * x, allowed(t, x));
    compare("in evaluation", evaluated.at(i), x > 0 ? x : expected.number("eval_slope") * x, allowed(t, x));
    if (x <= 0) slopes.add(slope);
  }
  slopes.check_range("slopes", c.attributes().number("lower", 0.125), c.attributes().number("upper", 1.0 / 3));
  slopes.check_mean("slopes", expected.number("slope_mean"), expected.number("slope_std"));
  slopes.check_deviation("slopes", expected.number("slope_std"));
}

using Generator = std::function<Tensor(const Attributes&, const Shape&, const Stream&)>;

Row generator_row(const char* op, Generator generator) {
  const auto draw = [generator](Case& c, int64_t n) {
    return generator(c.attributes(), {n}, Stream{1, purpose_of(c.name()), 0});
  };
  const Check check = [draw](Case& c) {
    const Attributes expected(c.json().at("expected"));
    Sampled values;
    values.add(draw(c, c.json().at("samples").as_integer()));
    values.check_mean("values", expected.number("mean"), std::sqrt(expected.number("variance")));
    values.check_deviation("values", std::sqrt(expected.number("variance")));
  };
  return {op, [draw](Case& c) { return Tensors{draw(c, 100)}; }, check};
}

const Rows random_rows{
    dropout_row("dropout", 0),
    dropout_row("dropout1d", 1),
    dropout_row("dropout2d", 2),
    dropout_row("dropout3d", 3),
    alpha_dropout_row("alpha_dropout", "AlphaDropout", {}),
    alpha_dropout_row("feature_alpha_dropout", "FeatureAlphaDropout", {2, 2}),
    {"rrelu",
     [](Case& c) {
       return Tensors{through(c, "RReLU", c.inputs().empty() ? Tensor::full({100}, -1, c.dtype()) : c.input(), true)};
     },
     check_rrelu},
    generator_row("rng_uniform", [](const Attributes&, const Shape& shape,
                                    const Stream& stream) { return uniform(shape, stream, 0, 1, Dtype::f64); }),
    generator_row("rng_normal", [](const Attributes&, const Shape& shape,
                                   const Stream& stream) { return normal(shape, stream, 0, 1, Dtype::f64); }),
    generator_row("rng_bernoulli",
                  [](const Attributes& a, const Shape& shape, const Stream& stream) {
                    return bernoulli(shape, stream, a.number("p"), Dtype::f64);
                  }),
};

}  // namespace
}  // namespace tarn::golden
