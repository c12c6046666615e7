// The product that all matrix ops are made of. For the ops' .cpp files only.
#pragma once

#include "core/tensor.h"

namespace tarn {

/// op(a) · op(b) for matrices, or for batches of them, where one of the batch sizes may be 1; recorded as `op`.
Tensor product(const char* op, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b);

}  // namespace tarn
