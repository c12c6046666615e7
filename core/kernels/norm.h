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

// Where a channel's values lie apart (few of them beside each other), a block of channels is handled at once, column by
// column of the rows [N, C · inner].

constexpr int64_t columns = 64;  ///< most columns of a block

/// A block of neighbouring columns: `width` of them, in rows `pitch` apart.
struct ColumnGroup {
  int64_t rows, width, pitch;
};

/// Per column: sum and sum of squares of what lies above its first value.
template <class T>
TARN_KERNEL void column_moments(const T* x, ColumnGroup b, T* sums, T* squares) {
  std::fill_n(sums, b.width, T(0));
  std::fill_n(squares, b.width, T(0));
  for (int64_t i = 0; i < b.rows; ++i) {
    const T* row = x + i * b.pitch;
#pragma GCC ivdep
    for (int64_t k = 0; k < b.width; ++k) {
      const T v = row[k] - x[k];
      sums[k] += v;
      squares[k] += v * v;
    }
  }
}

/// y = (x - mean) · scale + shift, one of each per column.
template <class T>
TARN_KERNEL void column_affine(const T* x, T* y, ColumnGroup b, const T* mean, const T* scale, const T* shift) {
  for (int64_t i = 0; i < b.rows; ++i) {
    const T* row = x + i * b.pitch;
    T* out = y + i * b.pitch;
#pragma GCC ivdep
    for (int64_t k = 0; k < b.width; ++k) out[k] = (row[k] - mean[k]) * scale[k] + shift[k];
  }
}

/// Per column: sums of g and of g · (x - mean).
template <class T>
TARN_KERNEL void column_sums(const T* g, const T* x, ColumnGroup b, const T* mean, T* sums, T* products) {
  std::fill_n(sums, b.width, T(0));
  std::fill_n(products, b.width, T(0));
  for (int64_t i = 0; i < b.rows; ++i) {
    const T* row_g = g + i * b.pitch;
    const T* row_x = x + i * b.pitch;
#pragma GCC ivdep
    for (int64_t k = 0; k < b.width; ++k) {
      sums[k] += row_g[k];
      products[k] += row_g[k] * (row_x[k] - mean[k]);
    }
  }
}

/// dx = p · g + q · (x - mean) + r, one of each per column.
template <class T>
TARN_KERNEL void column_backward(const T* g, const T* x, T* dx, ColumnGroup b, const T* mean, const T* p, const T* q,
                                 const T* r) {
  for (int64_t i = 0; i < b.rows; ++i) {
    const T* row_g = g + i * b.pitch;
    const T* row_x = x + i * b.pitch;
    T* out = dx + i * b.pitch;
#pragma GCC ivdep
    for (int64_t k = 0; k < b.width; ++k) out[k] = p[k] * row_g[k] + q[k] * (row_x[k] - mean[k]) + r[k];
  }
}

/// A number per channel, repeated for each column.
template <class T>
struct PerColumn {
  T of[columns];
  void set(const T* channels, int64_t inner, int64_t count) {
    for (int64_t c = 0; c < count; ++c) std::fill_n(of + c * inner, inner, channels[c]);
  }
};

inline bool narrow(const Channels& s) {
  return s.inner < 16;
}

/// Channels that are handled at once; at most `columns`.
inline int64_t block_channels(const Channels& s) {
  return narrow(s) ? columns / s.inner : 1;
}

/// Moments of channels [first, first + count).
template <class T>
void block_moments(const T* x, const Channels& s, int64_t first, int64_t count, Moments* moments) {
  if (!narrow(s)) {
    *moments = channel_moments(x, s, first);
    return;
  }
  std::fill_n(moments, count, Moments());
  T sums[columns];
  T squares[columns];
  const int64_t pitch = s.channels * s.inner;
  for (int64_t row = 0; row < s.batch; row += stretch) {
    const ColumnGroup b{std::min(stretch, s.batch - row), count * s.inner, pitch};
    const T* from = x + row * pitch + first * s.inner;
    column_moments(from, b, sums, squares);
    const double n = static_cast<double>(b.rows);
    for (int64_t k = 0; k < b.width; ++k) {
      const double sum = static_cast<double>(sums[k]);
      moments[k / s.inner].merge(n, static_cast<double>(from[k]) + sum / n,
                                 static_cast<double>(squares[k]) - sum * sum / n);
    }
  }
}

/// Sums of g and g · (x - mean) of channels [first, first + count).
template <class T>
void block_sums(const T* g, const T* x, const Channels& s, int64_t first, int64_t count, const T* mean,
                ChannelSums* totals) {
  if (!narrow(s)) {
    *totals = channel_sums(g, x, s, first, *mean);
    return;
  }
  PerColumn<T> means;
  means.set(mean, s.inner, count);
  std::fill_n(totals, count, ChannelSums());
  T sums[columns];
  T products[columns];
  const int64_t pitch = s.channels * s.inner;
  for (int64_t row = 0; row < s.batch; row += stretch) {
    const ColumnGroup b{std::min(stretch, s.batch - row), count * s.inner, pitch};
    const int64_t at = row * pitch + first * s.inner;
    column_sums(g + at, x + at, b, means.of, sums, products);
    for (int64_t k = 0; k < b.width; ++k) {
      totals[k / s.inner].g += static_cast<double>(sums[k]);
      totals[k / s.inner].gx += static_cast<double>(products[k]);
    }
  }
}

/// y = (x - mean) · scale + shift for channels [first, first + count); mean, scale and shift are those of the block.
template <class T>
void block_affine(const T* x, T* y, const Channels& s, int64_t first, int64_t count, const T* mean, const T* scale,
                  const T* shift) {
  if (!narrow(s)) {
    channel_affine(x, y, s, first, *mean, *scale, *shift);
    return;
  }
  PerColumn<T> means, scales, shifts;
  means.set(mean, s.inner, count);
  scales.set(scale, s.inner, count);
  shifts.set(shift, s.inner, count);
  const int64_t at = first * s.inner;
  column_affine(x + at, y + at, {s.batch, count * s.inner, s.channels * s.inner}, means.of, scales.of, shifts.of);
}

/// dx = p · g + q · (x - mean) + r for channels [first, first + count).
template <class T>
void block_backward(const T* g, const T* x, T* dx, const Channels& s, int64_t first, int64_t count, const T* mean,
                    const T* p, const T* q, const T* r) {
  if (!narrow(s)) {
    channel_backward(g, x, dx, s, first, *mean, *p, *q, *r);
    return;
  }
  PerColumn<T> means, ps, qs, rs;
  means.set(mean, s.inner, count);
  ps.set(p, s.inner, count);
  qs.set(q, s.inner, count);
  rs.set(r, s.inner, count);
  const int64_t at = first * s.inner;
  column_backward(g + at, x + at, dx + at, {s.batch, count * s.inner, s.channels * s.inner}, means.of, ps.of, qs.of,
                  rs.of);
}

}  // namespace tarn::kernels
