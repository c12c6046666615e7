// Exponentials over windows: largest scores, sums of exponentials relative to them, and the transpose of such sums.
// What every softmax-weighted pooling is made of. For pool_exp.cpp only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/kernels/pool.h"
#include "core/kernels/softmax.h"

namespace tarn::kernels {

/// Calls f(tap, lo, hi, stride) for each tap of a sliding axis: output positions lo … hi - 1 see input position
/// o · stride + tap there. Strides of 1 and 2 are constants.
template <class F>
inline void each_tap_range(const Axis& c, F f) {
  for (int64_t j = 0; j < c.kernel; ++j) {
    const int64_t tap = j * c.dilation - c.padding;
    const int64_t lo = tap >= 0 ? 0 : (c.stride - 1 - tap) / c.stride;
    const int64_t hi = tap >= c.input ? 0 : std::min(c.output, (c.input - 1 - tap) / c.stride + 1);
    if (c.stride == 1)
      f(tap, lo, hi, std::integral_constant<int64_t, 1>());
    else if (c.stride == 2)
      f(tap, lo, hi, std::integral_constant<int64_t, 2>());
    else
      f(tap, lo, hi, c.stride);
  }
}

/// Whether a row of output is worked through tap by tap, all windows at once; otherwise window by window.
inline bool by_taps(const Axis& c) {
  return c.sliding() && c.kernel <= 32;
}

/// Calls f(i, d, h) for every row i of output of a plane, with its spans.
template <class F>
inline void each_row_of_plane(const Windows& w, F f) {
  each_output_row(w, 0, 1,
                  [&](int64_t i, const OutputRow& row) { f(i, w.axes[0].span(row.z), w.axes[1].span(row.v)); });
}

/// Calls f(offset in the plane, cells) for the runs of neighbouring cells that a window consists of; `c` is its span of
/// an undilated axis.
template <class F>
inline void each_run(const Windows& w, const Span& d, const Span& h, const Span& c, F f) {
  const int64_t width = w.axes[2].input;
  const bool whole = c.taps == width && w.axes[1].dilation == 1;  // then rows follow each other
  for (int64_t i = 0; i < d.taps; ++i) {
    const int64_t slice = (d.first + i * w.axes[0].dilation) * w.axes[1].input;
    for (int64_t j = 0; j < (whole ? 1 : h.taps); ++j)
      f((slice + h.first + j * w.axes[1].dilation) * width + c.first, whole ? h.taps * width : c.taps);
  }
}

/// top[o] = the largest score of each window of a plane, -inf where all are NaN or the window is empty.
template <class T>
TARN_KERNEL void exp_tops(const Windows& w, const T* s, T* top) {
  const Axis& c = w.axes[2];
  std::fill_n(top, w.output_cells(), -std::numeric_limits<T>::infinity());
  each_row_of_plane(w, [&](int64_t i, const Span& d, const Span& h) {
    T* out = top + i * c.output;
    if (by_taps(c)) {
      each_row(w, d, h, [&](int64_t at) {
        each_tap_range(c, [&](int64_t tap, int64_t lo, int64_t hi, auto stride) {
          const T* row = s + at + tap;
#pragma GCC ivdep
          for (int64_t o = lo; o < hi; ++o) out[o] = row[o * stride] > out[o] ? row[o * stride] : out[o];
        });
      });
      return;
    }
    for (int64_t o = 0; o < c.output; ++o)
      each_run(w, d, h, c.span(o), [&](int64_t at, int64_t n) { out[o] = std::max(out[o], line_max(s + at, n)); });
  });
}

/// Σ v e^(s - top) over a line.
template <class T>
inline T line_weighted_exp_sum(const T* s, const T* v, int64_t n, T top) {
  T sums[block] = {};
  int64_t i = 0;
  for (; i + block <= n; i += block)
    for (int64_t l = 0; l < block; ++l) sums[l] += v[i + l] * exp_down(s[i + l] - top);
  for (; i < n; ++i) sums[i % block] += v[i] * exp_down(s[i] - top);
  return sum_lanes(sums);
}

/// y[o] = Σ v_i e^(s_i - top_o) over each window of a plane; without `weighted`, v is 1.
template <bool weighted, class T>
TARN_KERNEL void exp_sums(const Windows& w, const T* v, const T* s, const T* top, T* y) {
  const Axis& c = w.axes[2];
  std::fill_n(y, w.output_cells(), T(0));
  each_row_of_plane(w, [&](int64_t i, const Span& d, const Span& h) {
    const T* tops = top + i * c.output;
    T* out = y + i * c.output;
    if (by_taps(c)) {
      each_row(w, d, h, [&](int64_t at) {
        each_tap_range(c, [&](int64_t tap, int64_t lo, int64_t hi, auto stride) {
          const T* row = s + at + tap;
          const T* value = v + (weighted ? at + tap : 0);
#pragma GCC ivdep
          for (int64_t o = lo; o < hi; ++o) {
            const T e = exp_down(row[o * stride] - tops[o]);
            out[o] += weighted ? value[o * stride] * e : e;
          }
        });
      });
      return;
    }
    for (int64_t o = 0; o < c.output; ++o)
      each_run(w, d, h, c.span(o), [&](int64_t at, int64_t n) {
        out[o] += weighted ? line_weighted_exp_sum(s + at, v + at, n, tops[o]) : line_exp_sum(s + at, n, tops[o]);
      });
  });
}

/// dx[i] = Σ g_o e^(s_i - top_o) over the windows o of a plane that see i. `line`: a row of output.
template <class T>
TARN_KERNEL void exp_spread(const Windows& w, const T* g, const T* s, const T* top, T* dx, T* line) {
  const Axis& c = w.axes[2];
  std::fill_n(dx, w.input_cells(), T(0));
  each_row_of_plane(w, [&](int64_t i, const Span& d, const Span& h) {
    const T* tops = top + i * c.output;
    const T* share = g + i * c.output;
    if (by_taps(c)) {
      each_row(w, d, h, [&](int64_t at) {
        each_tap_range(c, [&](int64_t tap, int64_t lo, int64_t hi, auto stride) {
          const T* row = s + at + tap;
          T* to = dx + at + tap;
#pragma GCC ivdep
          for (int64_t o = lo; o < hi; ++o) line[o] = share[o] * exp_down(row[o * stride] - tops[o]);
          for (int64_t o = lo; o < hi; ++o) to[o * stride] += line[o];
        });
      });
      return;
    }
    for (int64_t o = 0; o < c.output; ++o)
      each_run(w, d, h, c.span(o), [&](int64_t at, int64_t n) {
        const T cotangent = share[o];
        const T highest = tops[o];
#pragma GCC ivdep
        for (int64_t k = 0; k < n; ++k) dx[at + k] += cotangent * exp_down(s[at + k] - highest);
      });
  });
}

}  // namespace tarn::kernels
