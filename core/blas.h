// Matrix products: the only door to OpenBLAS, always with one thread per call.
#pragma once

#include <cstdint>
#include <string>

namespace tarn {

/// C[m×n] = alpha · op(A)[m×k] · op(B)[k×n] + beta · C, all row-major, op(X) = Xᵀ where asked. Leading dimensions are
/// row lengths of the stored matrices. With beta 0, C may hold anything, NaN too. Sizes are below 2^31. Runs on the
/// calling thread.
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc);
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const double* a,
          int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc);

/// The BLAS library and the kernel that it chose for this processor, such as "OpenBLAS 0.3.21, SkylakeX (was
/// Prescott)".
std::string blas_description();
/// Name of the kernel in use.
std::string blas_kernel();

}  // namespace tarn
