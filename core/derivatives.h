// Derivatives as calls: products with Jacobians and Hessians, and the matrices themselves.
#pragma once

#include <functional>

#include "core/tensor.h"

namespace tarn {

/// A function to be differentiated: deterministic, made of public ops. Inputs that are not floating are constants.
using Function = std::function<Tensor(const Tensors& inputs)>;

/// The floating ones of several values in one row, or the only one as it is: a function of several outputs becomes one
/// of a single output. Throws where there is none.
Tensor joined(const Tensors& outputs);

/// A function's value and something that goes with it.
struct Valued {
  Tensor value;       ///< f(inputs), off the tape
  Tensors gradients;  ///< one for each input, of its shape; zeros where f does not depend on it, undefined for integers
};
/// A function's value and its derivative along a direction.
struct Tangent {
  Tensor value;
  Tensor derivative;  ///< of the value's shape
};

/// The value of a scalar function and its gradient by every input. Throws where the value has not one element.
Valued gradient(const Function& f, const Tensors& inputs);
/// Vector-Jacobian product: v^T J, v of the shape of f(inputs) (torch.autograd.functional.vjp). One sweep.
Valued vjp(const Function& f, const Tensors& inputs, const Tensor& v);
/// Jacobian-vector product: J v, the derivative along v, one tensor for each input, an undefined one standing for
/// zeros (torch.autograd.functional.jvp). Made by differentiating the vector-Jacobian product by its vector, in which
/// it is linear: two sweeps, whatever the number of inputs.
Tangent jvp(const Function& f, const Tensors& inputs, const Tensors& v);
/// Hessian-vector product of a scalar function: d/dx <gradient, v>, `v` as for `jvp` (torch.autograd.functional.hvp).
/// Two sweeps; the Hessian, being symmetric, is not told from its transpose.
Valued hvp(const Function& f, const Tensors& inputs, const Tensors& v);

/// d f / d input for every input: [f's shape..., the input's shape...] (torch.autograd.functional.jacobian), made row
/// by row or, where the inputs have fewer elements than the value, column by column. Throws where a result would have
/// more than six dimensions; flatten there.
Tensors jacobian(const Function& f, const Tensors& inputs);
/// Second derivatives of a scalar function: element [i][j] is [shape of input i..., shape of input j...]
/// (torch.autograd.functional.hessian). One sweep forwards and one per element.
std::vector<Tensors> hessian(const Function& f, const Tensors& inputs);

}  // namespace tarn
