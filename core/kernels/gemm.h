// Matrix products on all threads, cut into pieces by shape alone. For the ops' .cpp files only.
#pragma once

#include <cstdint>

namespace tarn::kernels {

/// C[m×n] = alpha · op(A)[m×k] · op(B)[k×n] + beta · C as in core/blas.h, on all threads. The pieces, and so the bits,
/// depend on the shape alone.
template <class T>
void matrix_product(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
                    int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc);

/// The same for `count` products; matrices follow each other at the given steps (0: always the same one).
template <class T>
void matrix_products(int64_t count, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha,
                     const T* a, int64_t lda, int64_t step_a, const T* b, int64_t ldb, int64_t step_b, T beta, T* c,
                     int64_t ldc, int64_t step_c);

extern template void matrix_product(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*,
                                    int64_t, float, float*, int64_t);
extern template void matrix_product(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t,
                                    const double*, int64_t, double, double*, int64_t);
extern template void matrix_products(int64_t, bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t,
                                     int64_t, const float*, int64_t, int64_t, float, float*, int64_t, int64_t);
extern template void matrix_products(int64_t, bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t,
                                     int64_t, const double*, int64_t, int64_t, double, double*, int64_t, int64_t);

}  // namespace tarn::kernels
