// Copying and transposing short rows inside vector kernels, where a library call costs as much as the row.
#pragma once

#include <cstdint>

#include "core/kernels/kernel.h"

namespace tarn::kernels {

/// a / b rounded up, b > 0.
inline int64_t ceil_div(int64_t a, int64_t b) {
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/// out[i] = x[i]: blocks of 64 bytes, the last one overlapping. The rows must not overlap each other.
template <class T>
inline void copy_row(T* out, const T* x, int64_t count) {
  constexpr int64_t lanes = 64 / sizeof(T);
  constexpr int64_t quarter = lanes / 4;
  if (count >= lanes) {
    for (int64_t i = 0; i + lanes <= count; i += lanes) __builtin_memcpy(out + i, x + i, 64);
    __builtin_memcpy(out + count - lanes, x + count - lanes, 64);
  } else if (count >= quarter) {
    for (int64_t i = 0; i + quarter <= count; i += quarter) __builtin_memcpy(out + i, x + i, 16);
    __builtin_memcpy(out + count - quarter, x + count - quarter, 16);
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = x[i];
  }
}

template <class T>
inline void zero_row(T* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = 0;
}

/// Vectors of four elements and of the numbers that pick from two of them.
template <class T>
struct Four;
template <>
struct Four<float> {
  using Vector = float __attribute__((vector_size(16)));
};
template <>
struct Four<double> {
  using Vector = double __attribute__((vector_size(32)));
};

/// A 4 × 4 block, transposed by two rounds of pairwise shuffles.
template <class T>
inline void transpose_4x4(const T* from, int64_t pitch, T* to, int64_t to_pitch) {
  using V = typename Four<T>::Vector;
  V a[4], b[4];
  for (int i = 0; i < 4; ++i) __builtin_memcpy(&a[i], from + i * pitch, sizeof(V));
  b[0] = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5);
  b[1] = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7);
  b[2] = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
  b[3] = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
  a[0] = __builtin_shufflevector(b[0], b[2], 0, 1, 4, 5);
  a[1] = __builtin_shufflevector(b[0], b[2], 2, 3, 6, 7);
  a[2] = __builtin_shufflevector(b[1], b[3], 0, 1, 4, 5);
  a[3] = __builtin_shufflevector(b[1], b[3], 2, 3, 6, 7);
  for (int i = 0; i < 4; ++i) __builtin_memcpy(to + i * to_pitch, &a[i], sizeof(V));
}

/// to[c][r] = from[r][c] for r < rows, c < columns.
template <class T>
inline void transpose_rows(const T* from, int64_t pitch, int64_t rows, int64_t columns, T* to, int64_t to_pitch) {
  const int64_t whole_rows = rows / 4 * 4;
  const int64_t whole_columns = columns / 4 * 4;
  for (int64_t c = 0; c < whole_columns; c += 4)
    for (int64_t r = 0; r < whole_rows; r += 4)
      transpose_4x4(from + r * pitch + c, pitch, to + c * to_pitch + r, to_pitch);
  for (int64_t r = whole_rows; r < rows; ++r)
    for (int64_t c = 0; c < whole_columns; ++c) to[c * to_pitch + r] = from[r * pitch + c];
  for (int64_t c = whole_columns; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) to[c * to_pitch + r] = from[r * pitch + c];
}

/// The same as a kernel of its own, for the body of a parallel loop.
template <class T>
TARN_KERNEL void transpose_tile(const T* from, int64_t pitch, int64_t rows, int64_t columns, T* to, int64_t to_pitch) {
  transpose_rows(from, pitch, rows, columns, to, to_pitch);
}

}  // namespace tarn::kernels
