// Draws a tap of each window by weights that its values give. For pool_draw.cpp only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernels/pool_exp.h"
#include "core/kernels/pool_max.h"

namespace tarn::kernels {

/// What a value weighs in the draw: itself where it is positive; or its exponential, relative to the window's largest.
template <class T>
struct OwnWeight {
  T operator()(T value, T) const { return value > 0 ? value : value != value ? value : T(0); }
};
template <class T>
struct ExpWeight {
  T operator()(T value, T top) const { return exp_down(value - top); }
};

/// Memory for one row of output.
template <class T>
struct DrawScratch {
  T *total, *sum;
  IntegerLike<T>*hit, *last;
};

/// What one window gives: a position in the plane, and its value.
template <class T>
struct Drawn {
  int64_t position;
  T value;
};

/// The tap of one window whose cumulated weight is the first beyond u · total; where the total is not positive, one of
/// all taps with equal chances, and where it is 0, with the value 0.
template <class T, class Weight>
inline Drawn<T> drawn_tap(const Windows& w, const Span& d, const Span& h, const Span& c, const T* x, T u, T top,
                          Weight weight) {
  T total = 0;
  each_tap(w, d, h, c, [&](int64_t position) { total += weight(x[position], top); });
  const bool even = !(total > 0);
  const T limit = u * (even ? static_cast<T>(d.taps * h.taps * c.taps) : total);
  T sum = 0;
  int64_t hit = -1;
  int64_t last = 0;
  each_tap(w, d, h, c, [&](int64_t position) {
    const T share = even ? T(1) : weight(x[position], top);
    sum += share;
    last = share > 0 ? position : last;
    hit = hit < 0 && sum > limit ? position : hit;
  });
  const int64_t position = hit < 0 ? last : hit;  // rounding may leave the loop without one
  return {position, total == 0 ? T(0) : x[position]};
}

/// Winners, and their values, of one plane. `top` may be null where the weight does not look at it.
template <class T, class Weight>
TARN_KERNEL void draw_plane(const Windows& w, const T* x, const T* u, const T* top, T* y, int32_t* winners,
                            DrawScratch<T> scratch, Weight weight) {
  using I = IntegerLike<T>;
  const Axis& c = w.axes[2];
  const int64_t n = c.output;
  each_row_of_plane(w, [&](int64_t i, const Span& d, const Span& h) {
    const T* share = u + i * n;
    const T* tops = top ? top + i * n : share;
    const bool taps = by_taps(c);
    if (taps) {
      std::fill_n(scratch.total, n, T(0));
      std::fill_n(scratch.sum, n, T(0));
      std::fill_n(scratch.hit, n, I(-1));
      std::fill_n(scratch.last, n, I(0));
      each_row(w, d, h, [&](int64_t at) {
        each_tap_range(c, [&](int64_t tap, int64_t lo, int64_t hi, auto stride) {
          const T* row = x + at + tap;
          T* total = scratch.total;
#pragma GCC ivdep
          for (int64_t o = lo; o < hi; ++o) total[o] += weight(row[o * stride], tops[o]);
        });
      });
      each_row(w, d, h, [&](int64_t at) {
        each_tap_range(c, [&](int64_t tap, int64_t lo, int64_t hi, auto stride) {
          const T* row = x + at + tap;
          const T* total = scratch.total;
          T* sum = scratch.sum;
          I* hit = scratch.hit;
          I* last = scratch.last;
#pragma GCC ivdep
          for (int64_t o = lo; o < hi; ++o) {
            const T v = weight(row[o * stride], tops[o]);
            const I position = static_cast<I>(at + tap) + static_cast<I>(o) * static_cast<I>(stride);
            sum[o] += v;
            last[o] = v > 0 ? position : last[o];
            hit[o] = (hit[o] < 0) & (sum[o] > share[o] * total[o]) ? position : hit[o];
          }
        });
      });
    }
    for (int64_t o = 0; o < n; ++o) {
      Drawn<T> drawn{};
      if (taps && scratch.total[o] > 0) {
        drawn.position = scratch.hit[o] < 0 ? scratch.last[o] : scratch.hit[o];
        drawn.value = x[drawn.position];
      } else {
        drawn = drawn_tap(w, d, h, c.span(o), x, share[o], tops[o], weight);
      }
      winners[i * n + o] = static_cast<int32_t>(drawn.position);
      y[i * n + o] = drawn.value;
    }
  });
}

}  // namespace tarn::kernels
