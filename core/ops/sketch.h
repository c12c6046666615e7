// The ops of sketches: circular convolution of rows with rows of few values, and what is adjoint to it.
#pragma once

#include "core/tensor.h"

namespace tarn {

/// y[m, (j + shifts[c]) mod d] = Σ_c weights[m, c] a[m, j]: the circular convolution of the rows of a [M, d] with rows
/// that are 0 but for weights [M, C] at the positions `shifts`, int64 [C] in [0, d), where several may meet.
Tensor circular_add(const Tensor& a, const Tensor& weights, const Tensor& shifts);
/// [M, C]: Σ_j g[m, (j + shifts[c]) mod d] a[m, j], the transpose of `circular_add` in its weights.
Tensor circular_dot(const Tensor& g, const Tensor& a, const Tensor& shifts);

}  // namespace tarn
