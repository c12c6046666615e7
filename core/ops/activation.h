// What the files of activation functions share. For those only.
#pragma once

#include <functional>

#include "core/ops.h"
#include "core/registry.h"

namespace tarn {

/// The registry's row of a function of one operand.
inline OpInfo& add_activation(const char* name, const char* doc, std::function<Tensor(const Tensor&)> call) {
  return add_op(name, doc, [call](const Tensors& t) { return call(t[0]); }).sample({{3, 4}}, Domain::away_from_ties);
}

/// Constants of a tensor's dtype.
inline Tensor one(const Tensor& like) {
  return Tensor::ones({}, like.dtype());
}
inline Tensor zero(const Tensor& like) {
  return Tensor::zeros({}, like.dtype());
}
inline Tensor number(double value, const Tensor& like) {
  return Tensor::full({}, value, like.dtype());
}

// Pieces around one: not above it, above it.
inline auto above_bound(double bound) {
  return [=](double v) { return v > bound ? 1 : 0; };
}

}  // namespace tarn
