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
    const Tolerance tolerance{read_number(c.json().at("tolerance").at("rtol")),
                              read_number(c.json().at("tolerance").at("atol"))};
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

const Rows rows{
    dropout_row("dropout", 0),
    dropout_row("dropout1d", 1),
    dropout_row("dropout2d", 2),
    dropout_row("dropout3d", 3),
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
