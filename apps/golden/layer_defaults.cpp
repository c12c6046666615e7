// Reference cases of the values that layers start from when a config says nothing.
#include <algorithm>

#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/statistics.h"
#include "apps/golden/table.h"
#include "core/error.h"
#include "layers/module.h"

namespace tarn::golden {
namespace {

/// Input shapes that the layer accepts, from its sizes and the rank at the end of its name.
std::vector<Shape> input_shapes(const std::string& type, const Attributes& a) {
  if (a.given("in1_features")) return {Shape{1, a.integer("in1_features")}, Shape{1, a.integer("in2_features")}};
  const int64_t channels = a.integer("in_channels", a.integer("in_features", 4));
  std::vector<int64_t> sizes{1, channels};
  const size_t digit = type.size() < 2 ? 0 : type.size() - 2;
  if (type.back() == 'd' && type[digit] >= '1' && type[digit] <= '3') sizes.resize(size_t(type[digit] - '0') + 2, 9);
  return {Shape{std::span<const int64_t>(sizes)}};
}

std::unique_ptr<Module> layer_of(const Case& c, uint64_t seed) {
  const std::string type = c.attributes().text("layer");
  if (!find_layer(type)) throw Skip{"no layer " + type};
  Json config = layer_config(c, {"layer"});
  config.set("type", type);
  if (type == "GroupNorm") config.set("num_groups", 2);
  if (type == "LayerNorm") config.set("normalized_shape", 4);
  Build build;
  build.path = c.name();
  build.dtype = c.dtype();
  build.seed = seed;
  build.inputs = input_shapes(type, c.attributes());
  if (find_layer(type)->labels.contains(0)) build.input = Dtype::i64;
  return make_layer(config, build);
}

/// The layer's part of that name, undefined where it has none.
Tensor part(Module& layer, const std::string& name) {
  for (const NamedTensor& p : parameters(layer))
    if (p.name == name) return *p.tensor;
  return {};
}

/// Adds the values of a table but those of the rows that must be zero.
void add_rows(Sampled& values, const Tensor& w, const std::vector<int64_t>& zero_rows) {
  const int64_t rows = w.rank() ? w.size(0) : 1;
  const int64_t width = rows ? w.numel() / rows : 0;
  for (int64_t i = 0; i < w.numel(); ++i) {
    const bool zero = std::find(zero_rows.begin(), zero_rows.end(), i / width) != zero_rows.end();
    if (!zero)
      values.add(w.at(i));
    else if (w.at(i) != 0)
      throw Mismatch{text("row ", i / width, " holds ", w.at(i), ", expected zeros")};
  }
}

/// Draws one part again and again and checks what the case expects of it; `prefix` is "weight_", "bias_" or nothing.
void check_part(const Case& c, const std::string& name, const std::string& prefix) {
  const Attributes expected(c.json().at("expected"));
  if (expected.given(name + "_value")) {
    const Tensor got = part(*layer_of(c, 0), name);
    if (!got.defined()) throw Mismatch{"no " + name};
    return compare(name, got, Tensor::full(got.shape(), expected.number(name + "_value"), got.dtype()), {});
  }
  if (!expected.given(prefix + "std")) return;
  Sampled values;
  for (uint64_t seed = 0; values.count() < c.json().at("samples").as_integer(); ++seed) {
    const Tensor w = part(*layer_of(c, seed), name);
    if (!w.defined() || w.numel() == 0) throw Mismatch{"no " + name};
    add_rows(values, w, expected.integers("zero_rows"));
  }
  if (expected.given(prefix + "bound"))
    values.check_range(name, -expected.number(prefix + "bound"), expected.number(prefix + "bound"));
  values.check_mean(name, expected.number("mean", 0), expected.number(prefix + "std"));
  values.check_deviation(name, expected.number(prefix + "std"));
}

void check_layer(Case& c) {
  const Attributes expected(c.json().at("expected"));
  if (expected.given("weight_shape")) {
    const std::vector<int64_t> sizes = expected.integers("weight_shape");
    const Tensor w = part(*layer_of(c, 0), "weight");
    if (!w.defined() || !(w.shape() == Shape{std::span<const int64_t>(sizes)}))
      throw Mismatch{text("weight of shape ", w.shape(), ", expected ", Shape{std::span<const int64_t>(sizes)})};
  }
  check_part(c, "weight", expected.given("std") ? "" : "weight_");
  check_part(c, "bias", "bias_");
}

const Rows layer_defaults_rows{
    {"layer_default",
     [](Case& c) {
       layer_of(c, 0);
       return Tensors{};
     },
     check_layer},
};

}  // namespace
}  // namespace tarn::golden
