// What tests of single poolings share: the inputs of the worked examples, layers from a config, and comparisons of
// values and gradients to 8 digits.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/derivatives.h"
#include "core/gradcheck.h"
#include "core/ops.h"
#include "layers/module.h"

namespace tarn::test {

inline Tensor tensor(const Shape& shape, const std::vector<double>& values) {
  return {shape, values};
}
/// The plane of 4 x 4 cells, and that of 3 x 3, that most examples use.
inline const Tensor& square4() {
  static const Tensor x = tensor({1, 1, 4, 4}, {1, 2, 5, 3, 4, 0, 1, 2, 7, 3, -1, 0, 2, 6, 0, 4});
  return x;
}
inline const Tensor& square3() {
  static const Tensor x = tensor({1, 1, 3, 3}, {0, 1.1, 2.5, 0.9, 2, 1, 0, 1.5, 1});
  return x;
}
/// Windows of `size` x `size` cells side by side.
inline Windows tiles(const Tensor& x, int64_t size) {
  return sliding_windows("test", x.shape(), x.rank() - 2, {.kernel_size = {size}});
}

/// Every element to 8 significant digits.
inline void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i) {
    CAPTURE(i);
    CHECK(got.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(3e-8).scale(1e-9 + 1));
  }
}
/// Equal elements and shapes.
inline void check_same(const Tensor& a, const Tensor& b, double tolerance = 1e-12) {
  REQUIRE(a.shape() == b.shape());
  for (int64_t i = 0; i < a.numel(); ++i) CHECK(a.at(i) == doctest::Approx(b.at(i)).epsilon(tolerance));
}

/// The value of f and the gradients of its elements, weighed by `cotangent` (1 where it is undefined).
inline Valued values_and_gradients(const Function& f, const Tensors& inputs, const Tensor& cotangent = {}) {
  const Tensor y = f(inputs);
  return vjp(f, inputs, cotangent.defined() ? cotangent : Tensor::ones(y.shape(), y.dtype()));
}
/// f's value and gradients, one list for each input; an empty list is not compared.
inline void check_example(const Function& f, const Tensors& inputs, const std::vector<double>& value,
                          const std::vector<std::vector<double>>& gradients, const Tensor& cotangent = {}) {
  const Valued got = values_and_gradients(f, inputs, cotangent);
  check_values(got.value, value);
  for (size_t i = 0; i < gradients.size(); ++i) {
    CAPTURE(i);
    if (!gradients[i].empty()) check_values(got.gradients[i], gradients[i]);
  }
}
/// First and second derivatives against numeric ones.
inline void check_derivatives(const Function& f, const Tensors& inputs) {
  const GradientReport report = check_gradients(f, inputs, {.order = 2, .names = {}, .progress = {}});
  CHECK_MESSAGE(report.passed(), report.text());
}

/// `config` is an object, a string, or the bare name of a layer.
inline std::unique_ptr<Module> layer_of(const std::string& config, std::vector<Shape> inputs,
                                        Dtype dtype = Dtype::f64) {
  Build build{.inputs = std::move(inputs), .seed = 3, .dtype = dtype};
  const bool json = config[0] == '{' || config[0] == '"';
  return make_layer(json ? parse_json(config, "l.json") : Json(config), build);
}
/// All outputs of a layer, in a pass that trains unless told otherwise.
inline Tensors run_layer(Module& layer, const Tensors& inputs, bool training = true, uint64_t seed = 0) {
  Context context{.training = training, .seed = seed};
  return layer.apply(inputs, context);
}
/// Its first output, in a pass that does not.
inline Tensor run(Module& layer, const Tensors& inputs, bool training = false, uint64_t seed = 0) {
  return run_layer(layer, inputs, training, seed)[0];
}
/// The same of the layer of that config, built for the inputs.
inline Tensor run(const std::string& config, const Tensors& inputs, bool training = false) {
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  return run(*layer_of(config, shapes, inputs[0].dtype()), inputs, training);
}
inline Tensor run_layer(const std::string& config, const Tensors& inputs, bool training = true) {
  return run(config, inputs, training);
}
inline Tensor& part(Module& layer, const std::string& name) {
  for (const NamedTensor& p : parameters(layer))
    if (p.name == name) return *p.tensor;
  FAIL("no part " << name);
  return *parameters(layer)[0].tensor;
}
/// That building and running the layer throws an error that says `text`.
inline void check_refused(const std::string& config, const Tensors& inputs, const std::string& text) {
  CAPTURE(config);
  try {
    run(config, inputs);
  } catch (const Error& e) {
    CHECK_MESSAGE(std::string(e.what()).find(text) != std::string::npos, e.what());
    return;
  }
  FAIL_CHECK("nothing was thrown");
}

}  // namespace tarn::test
