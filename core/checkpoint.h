// Checkpointed segments: the tape keeps a segment's inputs only, and runs it again when the sweep gets there.
#pragma once

#include <functional>

#include "core/tensor.h"

namespace tarn {

/// A part of a computation. It must do the same each time it is run: no state of its own, random numbers drawn from the
/// same streams. Besides its inputs it may use leaves (parameters) and constants.
using Segment = std::function<Tensors(const Tensors& inputs)>;

/// segment(inputs), recorded as one entry that keeps the inputs alive but nothing of what the segment's own ops
/// captured; the sweep runs the segment again. Gradients of every order flow to the inputs and to the leaves that the
/// segment used. Their bits are those of the segment recorded plainly, as long as no leaf is used both inside and
/// outside (there the same terms are added in another order). Floating outputs must be of one dtype; integer ones are
/// constants. Throws where the segment uses a recorded value that is not among its inputs (torch.utils.checkpoint; Chen
/// et al. 2016, Training deep nets with sublinear memory cost).
Tensors checkpoint(Segment segment, const Tensors& inputs);
/// The same for one input and one output.
Tensor checkpoint(std::function<Tensor(const Tensor&)> segment, const Tensor& x);

}  // namespace tarn
