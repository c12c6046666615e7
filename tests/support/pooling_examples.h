// What tests of the pooling variants share: the example planes, layers from a config, and comparisons to 8 digits.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/derivatives.h"
#include "core/ops.h"
#include "layers/module.h"

namespace tarn::test {

inline Tensor tensor(const Shape& shape, const std::vector<double>& values) {
  return {shape, values};
}

inline const Tensor& square4() {
  static const Tensor x = tensor({1, 1, 4, 4}, {1, 2, 5, 3, 4, 0, 1, 2, 7, 3, -1, 0, 2, 6, 0, 4});
  return x;
}

/// Every element to 8 significant digits.
inline void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i) {
    CAPTURE(i);
    CHECK(got.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(3e-8).scale(1e-9 + 1));
  }
}

/// The value of f and the gradients of its elements, weighed by `cotangent` (1 where it is undefined).
inline Valued values_and_gradients(const Function& f, const Tensors& inputs, const Tensor& cotangent = {}) {
  const Tensor y = f(inputs);
  return vjp(f, inputs, cotangent.defined() ? cotangent : Tensor::ones(y.shape(), y.dtype()));
}

/// f's value and gradients, one list for each input.
inline void check_example(const Function& f, const Tensors& inputs, const std::vector<double>& value,
                          const std::vector<std::vector<double>>& gradients, const Tensor& cotangent = {}) {
  const Valued got = values_and_gradients(f, inputs, cotangent);
  check_values(got.value, value);
  for (size_t i = 0; i < gradients.size(); ++i) {
    CAPTURE(i);
    check_values(got.gradients[i], gradients[i]);
  }
}

/// `config` is an object or the name of a layer.
inline std::unique_ptr<Module> layer_of(const std::string& config, std::vector<Shape> inputs,
                                        Dtype dtype = Dtype::f64) {
  Build build{.inputs = std::move(inputs), .seed = 3, .dtype = dtype};
  return make_layer(config[0] == '{' ? parse_json(config, "l.json") : Json(config), build);
}

inline Tensors run_layer(Module& layer, const Tensors& x, bool training = true) {
  Context context{.training = training};
  return layer.apply(x, context);
}

/// The only output of a layer made for these inputs.
inline Tensor run_layer(const std::string& config, const Tensors& x, bool training = true) {
  std::vector<Shape> shapes;
  for (const Tensor& t : x) shapes.push_back(t.shape());
  return run_layer(*layer_of(config, shapes, x[0].dtype()), x, training)[0];
}

/// Equal elements and shapes.
inline void check_same(const Tensor& a, const Tensor& b, double tolerance = 1e-12) {
  REQUIRE(a.shape() == b.shape());
  for (int64_t i = 0; i < a.numel(); ++i) CHECK(a.at(i) == doctest::Approx(b.at(i)).epsilon(tolerance));
}

}  // namespace tarn::test
