// Maxima over listed windows whose columns are all as wide as each other: rows first, then along them by a table of
// first columns. For pool_by_plane.cpp only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/kernels/pool_max.h"

namespace tarn::kernels {

/// Memory for one plane.
template <class T>
struct ListedScratch {
  T* tops;                        ///< one input row
  IntegerLike<T>* places;         ///< one input row
  T* best;                        ///< one output row
  IntegerLike<T>*winner, *first;  ///< one output row each
  static int64_t size(const Axis& c) {
    return Scratch::size<T>(c.input) + Scratch::size<IntegerLike<T>>(c.input) + Scratch::size<T>(c.output) +
           2 * Scratch::size<IntegerLike<T>>(c.output);
  }
  ListedScratch(Scratch& from, const Axis& c)
      : tops(from.take<T>(c.input)),
        places(from.take<IntegerLike<T>>(c.input)),
        best(from.take<T>(c.output)),
        winner(from.take<IntegerLike<T>>(c.output)),
        first(from.take<IntegerLike<T>>(c.output)) {}
};

/// Whether all windows have as many columns, all of them next to each other.
inline bool even_columns(const Axis& c) {
  if (c.dilation != 1) return false;
  for (int64_t o = 0; o < c.output; ++o)
    if (c.span(o).taps != c.kernel) return false;
  return true;
}

/// y and winners, as positions in the plane, of one plane whose windows have even columns.
template <class T>
TARN_KERNEL void max_plane_listed(const Windows& w, const T* x, T* y, int32_t* winners, ListedScratch<T> scratch) {
  using I = IntegerLike<T>;
  const auto& [a, b, c] = w.axes;
  const int64_t n = c.output;
  T* tops = scratch.tops;
  T* best = scratch.best;
  I* places = scratch.places;
  I* winner = scratch.winner;
  I* first = scratch.first;
  for (int64_t o = 0; o < n; ++o) first[o] = static_cast<I>(c.span(o).first);
  for (int64_t i = 0; i < a.output * b.output; ++i) {
    const Span d = a.span(i / b.output);
    const Span h = b.span(i % b.output);
    if (max_window_rows(w, d, h, x, tops, places)) {
      max_cells_exactly(w, i, d, h, x, y, winners);
      continue;
    }
#pragma GCC ivdep
    for (int64_t o = 0; o < n; ++o) {
      best[o] = tops[first[o]];
      winner[o] = places[first[o]] + first[o];
    }
    for (int64_t j = 1; j < c.kernel; ++j) {
      const T* top = tops + j;
      const I* place = places + j;
#pragma GCC ivdep
      for (int64_t o = 0; o < n; ++o) {
        const T v = top[first[o]];
        const I here = place[first[o]] + first[o] + static_cast<I>(j);
        const bool better = (v > best[o]) | ((v == best[o]) & (here < winner[o]));
        best[o] = better ? v : best[o];
        winner[o] = better ? here : winner[o];
      }
    }
    for (int64_t o = 0; o < n; ++o) {
      y[i * n + o] = best[o];
      winners[i * n + o] = static_cast<int32_t>(winner[o]);
    }
  }
}

}  // namespace tarn::kernels
