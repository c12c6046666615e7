// Loops of batch normalisation: statistics, the affine map and the backward of one channel. For norm.cpp only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernels/kernel.h"

namespace tarn::kernels {

/// A tensor [N, C, …] seen as planes of `inner` neighbouring values.
struct Channels {
  int64_t batch, channels, inner;
  int64_t count() const { return batch * inner; }  ///< values per channel
};

/// Mean and sum of squared deviations of a growing set, merged as in Chan, Golub, LeVeque 1979.
struct Moments {
  double count = 0, mean = 0, squares = 0;
  void merge(double n, double m, double s) {
    const double total = count + n;
    const double delta = m - mean;
    squares += s + delta * delta * count * n / total;
    mean += delta * n / total;
    count = total;
  }
};

constexpr int64_t lanes = 32;      // GCC vectorises a sum only where it is written as an array of sums
constexpr int64_t stretch = 4096;  // longest run summed in the tensor's own precision

template <class T>
inline double tree_sum(T* a) {
  for (int64_t width = lanes / 2; width > 0; width /= 2)
    for (int64_t i = 0; i < width; ++i) a[i] += a[i + width];
  return static_cast<double>(a[0]);
}

/// Moments of channel c. Each stretch is shifted by its own first value, so that the squares do not cancel.
template <class T>
TARN_KERNEL Moments channel_moments(const T* x, Channels s, int64_t c) {
  Moments moments;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t from = 0; from < s.inner; from += stretch) {
      const int64_t n = std::min(stretch, s.inner - from);
      const T* p = x + (b * s.channels + c) * s.inner + from;
      const T origin = p[0];
      T sums[lanes] = {};
      T squares[lanes] = {};
      int64_t i = 0;
      for (; i + lanes <= n; i += lanes)
        for (int64_t l = 0; l < lanes; ++l) {
          const T v = p[i + l] - origin;
          sums[l] += v;
          squares[l] += v * v;
        }
      for (; i < n; ++i) {
        const T v = p[i] - origin;
        sums[i % lanes] += v;
        squares[i % lanes] += v * v;
      }
      const double sum = tree_sum(sums);
      const double count = static_cast<double>(n);
      moments.merge(count, static_cast<double>(origin) + sum / count, tree_sum(squares) - sum * sum / count);
    }
  return moments;
}

/// y = (x - mean) · scale + shift for channel c.
template <class T>
TARN_KERNEL void channel_affine(const T* x, T* y, Channels s, int64_t c, T mean, T scale, T shift) {
  for (int64_t b = 0; b < s.batch; ++b) {
    const int64_t at = (b * s.channels + c) * s.inner;
    for (int64_t i = 0; i < s.inner; ++i) y[at + i] = (x[at + i] - mean) * scale + shift;
  }
}

/// Sums of g and of g · (x - mean) over channel c.
struct ChannelSums {
  double g = 0, gx = 0;
};
template <class T>
TARN_KERNEL ChannelSums channel_sums(const T* g, const T* x, Channels s, int64_t c, T mean) {
  ChannelSums total;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t from = 0; from < s.inner; from += stretch) {
      const int64_t n = std::min(stretch, s.inner - from);
      const int64_t at = (b * s.channels + c) * s.inner + from;
      const T* pg = g + at;
      const T* px = x + at;
      T sums[lanes] = {};
      T products[lanes] = {};
      int64_t i = 0;
      for (; i + lanes <= n; i += lanes)
        for (int64_t l = 0; l < lanes; ++l) {
          sums[l] += pg[i + l];
          products[l] += pg[i + l] * (px[i + l] - mean);
        }
      for (; i < n; ++i) {
        sums[i % lanes] += pg[i];
        products[i % lanes] += pg[i] * (px[i] - mean);
      }
      total.g += tree_sum(sums);
      total.gx += tree_sum(products);
    }
  return total;
}

/// dx = p · g + q · (x - mean) + r for channel c.
template <class T>
TARN_KERNEL void channel_backward(const T* g, const T* x, T* dx, Channels s, int64_t c, T mean, T p, T q, T r) {
  for (int64_t b = 0; b < s.batch; ++b) {
    const int64_t at = (b * s.channels + c) * s.inner;
    for (int64_t i = 0; i < s.inner; ++i) dx[at + i] = p * g[at + i] + q * (x[at + i] - mean) + r;
  }
}

}  // namespace tarn::kernels
