// Loops of layer, group and instance normalisation: one row is what shares a mean and a variance. For group_norm.cpp
// only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/kernels/norm.h"

namespace tarn::kernels {

/// A tensor [N, C, …] seen as [batch, groups, channels, inner]: each group of neighbouring channels is a row that is
/// normalised by itself.
struct Groups {
  int64_t batch, groups, channels, inner;  // channels: of one group

  int64_t rows() const { return batch * groups; }
  int64_t width() const { return channels * inner; }  ///< values of a row
  int64_t all_channels() const { return groups * channels; }
  int64_t sample() const { return groups * width(); }
  /// Whether so few values share a weight that loops run over values with a weight each, not over planes with one.
  bool narrow() const { return inner < 16; }
  int64_t group(int64_t row) const { return row % groups; }
};

inline Channels run(int64_t n) {
  return {1, 1, n};
}

/// Moments of a row whose squares overflow, in double precision.
template <class T>
Moments far_moments(const T* x, int64_t n) {
  Moments m{static_cast<double>(n)};
  for (int64_t i = 0; i < n; ++i) m.mean += static_cast<double>(x[i]) / m.count;
  for (int64_t i = 0; i < n; ++i) m.squares += std::pow(static_cast<double>(x[i]) - m.mean, 2);
  return m;
}

template <class T>
Moments row_moments(const T* x, int64_t n) {
  const Moments m = channel_moments(x, run(n), 0);
  return std::isfinite(m.squares) ? m : far_moments(x, n);
}

/// y = (x - mean) · scale · w + b, with a weight and a bias for each value.
template <class T>
TARN_KERNEL void weighted_affine(const T* x, T* y, int64_t n, T mean, T scale, const T* w, const T* b) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * w[i] + b[i];
}

/// Sums of w · g and w · g · (x - mean).
template <class T>
TARN_KERNEL ChannelSums weighted_sums(const T* g, const T* x, const T* w, int64_t n, T mean) {
  ChannelSums total;
  for (int64_t from = 0; from < n; from += stretch) {
    const int64_t to = std::min(n, from + stretch);
    T sums[lanes] = {};
    T products[lanes] = {};
    int64_t i = from;
    for (; i + lanes <= to; i += lanes)
      for (int64_t l = 0; l < lanes; ++l) {
        const T v = g[i + l] * w[i + l];
        sums[l] += v;
        products[l] += v * (x[i + l] - mean);
      }
    for (; i < to; ++i) {
      sums[i % lanes] += g[i] * w[i];
      products[i % lanes] += g[i] * w[i] * (x[i] - mean);
    }
    total.g += tree_sum(sums);
    total.gx += tree_sum(products);
  }
  return total;
}

/// With n = (x - mean) · scale: dx = scale · w · g + q · n + r, and g · n and g are added to dw and db.
template <class T>
TARN_KERNEL void weighted_backward(const T* g, const T* x, const T* w, T* dx, T* dw, T* db, int64_t n, T mean, T scale,
                                   T q, T r) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T normal = (x[i] - mean) * scale;
    dx[i] = scale * w[i] * g[i] + q * normal + r;
    dw[i] += g[i] * normal;
    db[i] += g[i];
  }
}

/// a += b.
template <class T>
TARN_KERNEL void add_row(T* a, const T* b, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) a[i] += b[i];
}

/// A row's affine map. In narrow rows w and b have a number for each value of a sample, in others one for each channel;
/// both are null, or, in wide rows, either.
template <class T>
void affine_row(const T* x, T* y, const Groups& s, int64_t group, T mean, T scale, const T* w, const T* b) {
  if (!w && !b) {
    channel_affine(x, y, run(s.width()), 0, mean, scale, T(0));
    return;
  }
  if (s.narrow()) {
    weighted_affine(x, y, s.width(), mean, scale, w + group * s.width(), b + group * s.width());
    return;
  }
  for (int64_t k = 0; k < s.channels; ++k) {
    const int64_t c = group * s.channels + k;
    channel_affine(x + k * s.inner, y + k * s.inner, run(s.inner), 0, mean, w ? scale * w[c] : scale, b ? b[c] : T(0));
  }
}

/// A wide row's dx, and for each channel two sums, of g and of g · (x - mean). w may be null.
template <class T>
void backward_planes(const T* g, const T* x, const T* w, T* dx, const Groups& s, T mean, double scale, double* sums) {
  ChannelSums total;
  for (int64_t k = 0; k < s.channels; ++k) {
    const ChannelSums plane = channel_sums(g + k * s.inner, x + k * s.inner, run(s.inner), 0, mean);
    const double weight = w ? static_cast<double>(w[k]) : 1.0;
    total.g += weight * plane.g;
    total.gx += weight * plane.gx;
    sums[2 * k] = plane.g;
    sums[2 * k + 1] = plane.gx;
  }
  const double n = static_cast<double>(s.width());
  const T q = static_cast<T>(-scale * scale * scale * total.gx / n);
  const T r = static_cast<T>(-scale * total.g / n);
  for (int64_t k = 0; k < s.channels; ++k) {
    const int64_t at = k * s.inner;
    const T p = static_cast<T>(w ? scale * static_cast<double>(w[k]) : scale);
    channel_backward(g + at, x + at, dx + at, run(s.inner), 0, mean, p, q, r);
  }
}

}  // namespace tarn::kernels
