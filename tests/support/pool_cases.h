// What tests of single poolings share: the inputs of the worked examples, and comparisons of values, gradients and
// layers with them.
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

namespace tarn {

inline Tensor values_of(const Shape& shape, std::vector<double> values) {
  return Tensor(shape, values);
}
/// The plane of 4 x 4 cells, and that of 3 x 3, that most examples use.
inline Tensor square4() {
  return values_of({1, 1, 4, 4}, {1, 2, 5, 3, 4, 0, 1, 2, 7, 3, -1, 0, 2, 6, 0, 4});
}
inline Tensor square3() {
  return values_of({1, 1, 3, 3}, {0, 1.1, 2.5, 0.9, 2, 1, 0, 1.5, 1});
}
/// Windows of `size` x `size` cells side by side.
inline Windows tiles(const Tensor& x, int64_t size) {
  return sliding_windows("test", x.shape(), x.rank() - 2, {.kernel_size = {size}});
}

inline void check_values(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i) {
    CAPTURE(i);
    CHECK(got.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(1e-7));
  }
}
/// The value of f, and the gradients of its sum by each input; an empty list of them is not compared.
inline void check_example(const Function& f, const Tensors& inputs, const std::vector<double>& value,
                          const std::vector<std::vector<double>>& gradients) {
  check_values(f(inputs), value);
  const Valued found = gradient([&](const Tensors& t) { return sum(f(t)); }, inputs);
  for (size_t i = 0; i < gradients.size(); ++i) {
    CAPTURE(i);
    if (!gradients[i].empty()) check_values(found.gradients[i], gradients[i]);
  }
}
/// First and second derivatives against numeric ones.
inline void check_derivatives(const Function& f, const Tensors& inputs) {
  const GradientReport report = check_gradients(f, inputs, {.order = 2, .names = {}, .progress = {}});
  CHECK_MESSAGE(report.passed(), report.text());
}

inline std::unique_ptr<Module> layer_of(const std::string& config, std::vector<Shape> inputs,
                                        Dtype dtype = Dtype::f64) {
  Build build{.inputs = std::move(inputs), .seed = 3, .dtype = dtype};
  return make_layer(parse_json(config, "l.json"), build);
}
inline Tensor run(Module& layer, const Tensors& inputs, bool training = false, uint64_t seed = 0) {
  Context context{.training = training, .seed = seed};
  return layer.apply(inputs, context)[0];
}
/// The layer of that config, built for the inputs and run on them.
inline Tensor run(const std::string& config, const Tensors& inputs, bool training = false) {
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  return run(*layer_of(config, shapes, inputs[0].dtype()), inputs, training);
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

}  // namespace tarn
