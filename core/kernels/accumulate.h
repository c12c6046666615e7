// Adding into a tensor that nobody else holds: how the sweep sums cotangents.
#pragma once

#include "core/tensor.h"

namespace tarn::kernels {

/// target += value, elementwise; same shape and dtype; `target` must own its storage alone.
void accumulate(Tensor& target, const Tensor& value);

}  // namespace tarn::kernels
