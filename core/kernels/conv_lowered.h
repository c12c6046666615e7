// The exact general method of convolution: tiles of the column matrix, multiplied in blocks that BLAS need not pack.
#pragma once

#include "core/kernels/conv.h"

namespace tarn::kernels {

/// C = op(A) · B + beta · C in blocks small enough for BLAS to take its direct path (M·N·K <= 10^6). The order of the
/// additions follows from the sizes alone.
template <class T>
void split_gemm(bool transpose_a, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
                T beta, T* c, int64_t ldc);

/// Filters rotated by 180° in space, with channels and filters exchanged in each group: the weights of
/// `ConvSizes::reversed`.
template <class T>
void rotate_filters(const ConvSizes& s, const T* w, T* out);

template <class T>
void lowered_forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y);
template <class T>
void lowered_input_gradient(const ConvSizes& s, const T* g, const T* w, T* dx);
template <class T>
void lowered_weight_gradient(const ConvSizes& s, const T* x, const T* g, T* dw);

}  // namespace tarn::kernels
