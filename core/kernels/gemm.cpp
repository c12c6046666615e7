// Cuts matrix products into few large pieces: columns of the result first, rows where it is tall.
#include "core/kernels/gemm.h"

#include <algorithm>

#include "core/blas.h"
#include "core/parallel.h"

namespace tarn::kernels {

namespace {

/// The cuts of one product: rows · columns pieces.
struct Cuts {
  int64_t rows = 1, columns = 1;
};

/// How many pieces a side of the result is cut into: 256 wide if it can be, at least 2 where there is work for two, at
/// most 8. (1024 x 1024 x 256 on one core: whole 213 GFLOP/s, pieces of 256 199, of 128 181, of 64 x 160 x 96 178.)
int64_t cuts_of(int64_t side, int64_t wanted) {
  return std::clamp<int64_t>(side / 256, std::min<int64_t>({2, wanted, std::max<int64_t>(side / 32, 1)}), wanted);
}

Cuts cuts(int64_t m, int64_t n, int64_t k) {
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const int64_t wanted = static_cast<int64_t>(std::clamp(work / (1 << 20), 1.0, 8.0));
  Cuts c;
  if (n >= m)
    c.columns = cuts_of(n, wanted);
  else
    c.rows = cuts_of(m, wanted);
  return c;
}

/// Where piece i of `count` starts, at a multiple of 16 where there are that many.
int64_t cut_at(int64_t n, int64_t i, int64_t count) {
  if (i == count) return n;
  return n * i / count / 16 * 16;
}

template <class T>
void scale(T* c, int64_t m, int64_t n, int64_t ldc, T beta) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
  }
}

}  // namespace

template <class T>
void matrix_products(int64_t count, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha,
                     const T* a, int64_t lda, int64_t step_a, const T* b, int64_t ldb, int64_t step_b, T beta, T* c,
                     int64_t ldc, int64_t step_c) {
  if (count == 0 || m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < count; ++i) scale(c + i * step_c, m, n, ldc, beta);
    return;
  }
  const Cuts cut = cuts(m, n, k);
  const int64_t pieces_of_one = cut.rows * cut.columns;
  const auto piece = [&](int64_t i) {
    const int64_t which = i / pieces_of_one;
    const int64_t row = i % pieces_of_one / cut.columns;
    const int64_t column = i % cut.columns;
    const int64_t top = cut_at(m, row, cut.rows);
    const int64_t left = cut_at(n, column, cut.columns);
    const int64_t height = cut_at(m, row + 1, cut.rows) - top;
    const int64_t width = cut_at(n, column + 1, cut.columns) - left;
    const T* pa = a + which * step_a + (transpose_a ? top : top * lda);
    const T* pb = b + which * step_b + (transpose_b ? left * ldb : left);
    gemm(transpose_a, transpose_b, height, width, k, alpha, pa, lda, pb, ldb, beta,
         c + which * step_c + top * ldc + left, ldc);
  };
  const int64_t work = std::max<int64_t>(1, m * n * k / pieces_of_one / 8);  // about 8 multiplications a streamed float
  parallel_range(count * pieces_of_one, work, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) piece(i);
  });
}

template <class T>
void matrix_product(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a,
                    int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  matrix_products<T>(1, transpose_a, transpose_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0);
}

template void matrix_product(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t,
                             float, float*, int64_t);
template void matrix_product(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*,
                             int64_t, double, double*, int64_t);
template void matrix_products(int64_t, bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, int64_t,
                              const float*, int64_t, int64_t, float, float*, int64_t, int64_t);
template void matrix_products(int64_t, bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, int64_t,
                              const double*, int64_t, int64_t, double, double*, int64_t, int64_t);

}  // namespace tarn::kernels
