// Parameters and gradients that optimizers can be tried on.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "optim/optimizer.h"

namespace tarn {

inline Json json(const std::string& text) {
  return parse_json(text, "test.json");
}

/// Tensors that optimizers can be tried on.
struct Parameters {
  std::vector<Tensor> tensors;
  std::vector<NamedTensor> named() {
    std::vector<NamedTensor> list;
    for (size_t i = 0; i < tensors.size(); ++i) list.push_back({"p" + std::to_string(i), &tensors[i]});
    return list;
  }
};

inline Parameters make_parameters(std::initializer_list<Shape> shapes, Dtype dtype, uint64_t seed = 1) {
  Parameters parameters;
  for (const Shape& shape : shapes)
    parameters.tensors.push_back(normal(shape, {seed, parameters.tensors.size(), 0}, 0, 1, dtype));
  return parameters;
}

inline Tensors gradients_like(const Parameters& parameters, uint64_t step) {
  Tensors gradients;
  for (const Tensor& p : parameters.tensors)
    gradients.push_back(normal(p.shape(), {77, gradients.size(), step}, 0, 1, p.dtype()));
  return gradients;
}

}  // namespace tarn
