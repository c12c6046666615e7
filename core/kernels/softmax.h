// Loops of softmax, log-softmax and cross entropy along one dimension. For the ops' .cpp files only.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn::kernels {

/// A tensor seen as [outer, size, inner], `size` being the dimension that a softmax runs along.
struct Along {
  int64_t outer, size, inner;
  int64_t lines() const { return outer * inner; }
};

/// e to the x for x <= 0 (or NaN), without a call, so that a loop of it vectorises: 2^n · p(r), |r| <= ln(2) / 2, with
/// the polynomial of Cephes' expf; relative error below 2e-7. Results below the smallest normal number are 0.
inline float exp_down(float x) {
  constexpr float round_to_integer = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  const float clamped = x < -87.0f ? -87.0f : x;
  const float shifted = clamped * 1.44269504f + round_to_integer;
  const float n = shifted - round_to_integer;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;
  const float scale = std::bit_cast<float>(exponent + 0x3F800000u);
  return x < -87.0f ? 0.0f : y * scale;
}
inline double exp_down(double x) {
  return std::exp(x);
}

constexpr int64_t block = 16;  // values of a line taken together
constexpr int64_t side = 64;   // neighbouring lines taken together

/// Calls f(values[block], offset, count) for a line of n values in blocks; the last one is filled up with -infinity.
template <class T, class F>
inline void each_block(const T* x, int64_t n, F f) {
  int64_t i = 0;
  for (; i + block <= n; i += block) f(x + i, i, block);
  if (i == n) return;
  T rest[block];
  std::fill_n(rest, block, -std::numeric_limits<T>::infinity());
  std::copy_n(x + i, n - i, rest);
  f(rest, i, n - i);
}

template <class T>
inline T largest_lane(T* a) {
  for (int64_t width = block / 2; width > 0; width /= 2)
    for (int64_t i = 0; i < width; ++i) a[i] = a[i + width] > a[i] ? a[i + width] : a[i];
  return a[0];
}
template <class T>
inline T sum_lanes(T* a) {
  for (int64_t width = block / 2; width > 0; width /= 2)
    for (int64_t i = 0; i < width; ++i) a[i] += a[i + width];
  return a[0];
}

template <class T>
inline T line_max(const T* x, int64_t n) {
  T top[block];
  std::fill_n(top, block, -std::numeric_limits<T>::infinity());
  each_block(x, n, [&](const T* v, int64_t, int64_t) {
    for (int64_t l = 0; l < block; ++l) top[l] = v[l] > top[l] ? v[l] : top[l];
  });
  return largest_lane(top);
}

/// Sum of e^(x - top) over a line. A NaN anywhere makes the sum NaN.
template <class T>
inline T line_exp_sum(const T* x, int64_t n, T top) {
  T sums[block] = {};
  each_block(x, n, [&](const T* v, int64_t, int64_t) {
    for (int64_t l = 0; l < block; ++l) sums[l] += exp_down(v[l] - top);
  });
  return sum_lanes(sums);
}

/// Rows [begin, end) of a softmax along the last dimension.
template <class T>
TARN_KERNEL void softmax_rows(const T* x, T* y, int64_t n, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T* in = x + r * n;
    T* out = y + r * n;
    const T top = line_max(in, n);
    T sums[block] = {};
    each_block(in, n, [&](const T* v, int64_t at, int64_t count) {
      T e[block];
      for (int64_t l = 0; l < block; ++l) {
        e[l] = exp_down(v[l] - top);
        sums[l] += e[l];
      }
      if (count == block)
        for (int64_t l = 0; l < block; ++l) out[at + l] = e[l];
      else
        std::copy_n(e, count, out + at);
    });
    const T factor = 1 / sum_lanes(sums);
    for (int64_t i = 0; i < n; ++i) out[i] *= factor;
  }
}

template <class T>
TARN_KERNEL void log_softmax_rows(const T* x, T* y, int64_t n, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T* in = x + r * n;
    T* out = y + r * n;
    const T top = line_max(in, n);
    const T lower = std::log(line_exp_sum(in, n, top));
    for (int64_t i = 0; i < n; ++i) out[i] = in[i] - top - lower;
  }
}

/// dx = y (g - <g, y>) by rows.
template <class T>
TARN_KERNEL void softmax_backward_rows(const T* g, const T* y, T* dx, int64_t n, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T* pg = g + r * n;
    const T* py = y + r * n;
    T sums[block] = {};
    int64_t i = 0;
    for (; i + block <= n; i += block)
      for (int64_t l = 0; l < block; ++l) sums[l] += pg[i + l] * py[i + l];
    for (; i < n; ++i) sums[i % block] += pg[i] * py[i];
    const T dot = sum_lanes(sums);
    for (int64_t k = 0; k < n; ++k) dx[r * n + k] = py[k] * (pg[k] - dot);
  }
}

/// dx = g - e^y sum(g) by rows.
template <class T>
TARN_KERNEL void log_softmax_backward_rows(const T* g, const T* y, T* dx, int64_t n, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    const T* pg = g + r * n;
    const T* py = y + r * n;
    T sums[block] = {};
    int64_t i = 0;
    for (; i + block <= n; i += block)
      for (int64_t l = 0; l < block; ++l) sums[l] += pg[i + l];
    for (; i < n; ++i) sums[i % block] += pg[i];
    const T total = sum_lanes(sums);
    for (int64_t k = 0; k < n; ++k) dx[r * n + k] = pg[k] - exp_down(py[k]) * total;
  }
}

/// For `count` (at most `side`) neighbouring lines of [size, inner]: the largest value and the sum of e^(x -
/// largest) of each.
template <class T>
inline void column_tops(const T* x, int64_t size, int64_t inner, int64_t count, T* top, T* sums) {
  std::fill_n(top, side, -std::numeric_limits<T>::infinity());
  std::fill_n(sums, side, T(0));
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) top[l] = x[k * inner + l] > top[l] ? x[k * inner + l] : top[l];
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) sums[l] += exp_down(x[k * inner + l] - top[l]);
}

template <class T>
TARN_KERNEL void softmax_columns(const T* x, T* y, int64_t size, int64_t inner, int64_t count) {
  T top[side];
  T sums[side];
  column_tops(x, size, inner, count, top, sums);
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) y[k * inner + l] = exp_down(x[k * inner + l] - top[l]) / sums[l];
}

template <class T>
TARN_KERNEL void log_softmax_columns(const T* x, T* y, int64_t size, int64_t inner, int64_t count) {
  T top[side];
  T sums[side];
  column_tops(x, size, inner, count, top, sums);
  for (int64_t l = 0; l < count; ++l) sums[l] = std::log(sums[l]);
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) y[k * inner + l] = x[k * inner + l] - top[l] - sums[l];
}

template <class T>
TARN_KERNEL void softmax_backward_columns(const T* g, const T* y, T* dx, int64_t size, int64_t inner, int64_t count) {
  T dots[side] = {};
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) dots[l] += g[k * inner + l] * y[k * inner + l];
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) dx[k * inner + l] = y[k * inner + l] * (g[k * inner + l] - dots[l]);
}

template <class T>
TARN_KERNEL void log_softmax_backward_columns(const T* g, const T* y, T* dx, int64_t size, int64_t inner,
                                              int64_t count) {
  T totals[side] = {};
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) totals[l] += g[k * inner + l];
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) dx[k * inner + l] = g[k * inner + l] - exp_down(y[k * inner + l]) * totals[l];
}

/// tops[line], lowers[line] = largest value and log of the sum of e^(x - largest), for rows [begin, end) of n values.
template <class T>
TARN_KERNEL void log_sum_rows(const T* x, T* tops, T* lowers, int64_t n, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    tops[r] = line_max(x + r * n, n);
    lowers[r] = std::log(line_exp_sum(x + r * n, n, tops[r]));
  }
}
template <class T>
TARN_KERNEL void log_sum_columns(const T* x, T* tops, T* lowers, int64_t size, int64_t inner, int64_t count) {
  T top[side];
  T sums[side];
  column_tops(x, size, inner, count, top, sums);
  for (int64_t l = 0; l < count; ++l) {
    tops[l] = top[l];
    lowers[l] = std::log(sums[l]);
  }
}

/// dx = scale · e^(x - top - lower), one scale, top and lower per line; a scale of 0 gives 0 whatever x is.
template <class T>
TARN_KERNEL void scaled_softmax_rows(const T* x, const T* tops, const T* lowers, const T* scales, T* dx, int64_t n,
                                     int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r)
    for (int64_t i = 0; i < n; ++i) {
      const T p = exp_down(x[r * n + i] - tops[r] - lowers[r]);
      dx[r * n + i] = scales[r] == 0 ? T(0) : scales[r] * p;
    }
}
template <class T>
TARN_KERNEL void scaled_softmax_columns(const T* x, const T* tops, const T* lowers, const T* scales, T* dx,
                                        int64_t size, int64_t inner, int64_t count) {
  for (int64_t k = 0; k < size; ++k)
    for (int64_t l = 0; l < count; ++l) {
      const T p = exp_down(x[k * inner + l] - tops[l] - lowers[l]);
      dx[k * inner + l] = scales[l] == 0 ? T(0) : scales[l] * p;
    }
}

/// Runs rows(begin, end) where lines are contiguous, else columns(offset, first line, count) for blocks of neighbouring
/// lines, in pieces that depend on the sizes only.
template <class Rows, class Columns>
void along_lines(const Along& a, int64_t cost, Rows rows, Columns columns) {
  if (a.lines() == 0 || a.size == 0) return;
  if (a.inner == 1) {
    parallel_range(a.outer, cost * a.size, rows);
    return;
  }
  const int64_t blocks = (a.inner + side - 1) / side;
  parallel_range(a.outer * blocks, cost * a.size * std::min(side, a.inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t from = i % blocks * side;
      const int64_t outer = i / blocks;
      columns(outer * a.size * a.inner + from, outer * a.inner + from, std::min(side, a.inner - from));
    }
  });
}

}  // namespace tarn::kernels
