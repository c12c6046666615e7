// Maxima over windows whose columns follow no stride: adaptive, drawn, listed. For pool_max.cpp and pool_by_plane.cpp
// only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/kernels/pool_max.h"

namespace tarn::kernels {

/// A span without the call where it is stored; planes with windows of their own ask for many.
inline Span span_of(const Axis& a, int64_t o) {
  return a.spans ? (*a.spans)[static_cast<size_t>(o)] : a.span(o);
}

/// tops = a row, places = its position. Not 0 where it has a NaN.
template <class T, class I>
inline I first_row(const T* row, I place, int64_t length, T* tops, I* places) {
  I bad = 0;
#pragma GCC ivdep
  for (int64_t k = 0; k < length; ++k) {
    tops[k] = row[k];
    places[k] = place;
    bad |= row[k] != row[k];
  }
  return bad;
}

/// Reduces the rows of a window to one: their largest values, and in `places` the position of the row that each comes
/// from. True where a NaN was met.
template <class T, class I>
inline bool max_window_rows(const Windows& w, const Span& d, const Span& h, const T* x, T* tops, I* places) {
  const int64_t width = w.axes[2].input;
  I bad = 0;
  bool begun = false;
  each_row(w, d, h, [&](int64_t at) {
    bad |= begun ? max_with_row(x + at, static_cast<I>(at), width, tops, places)
                 : first_row(x + at, static_cast<I>(at), width, tops, places);
    begun = true;
  });
  return bad != 0;
}

/// The cells of one row of output, tap by tap and exactly, for windows that hold a NaN.
template <class T>
inline void max_cells_exactly(const Windows& w, int64_t row, const Span& d, const Span& h, const T* x, T* y,
                              int32_t* winners) {
  const Largest<T> exact{winners};
  for (int64_t o = 0; o < w.axes[2].output; ++o) {
    const Span s = span_of(w.axes[2], o);
    const WindowAt at = window_at(w, row * w.axes[2].output + o, d, h, s);
    auto state = exact.start(at);
    each_tap(w, d, h, s, [&](int64_t position) { exact.step(state, x[position], position); });
    y[at.cell] = exact.finish(state, at);
  }
}

/// The columns of windows without dilation, and how the largest value of each is found: every run of `step` columns is
/// reduced first, all runs of a row at once, then each window takes the largest of the few runs that make it up.
struct Columns {
  const int64_t* first;  ///< of each window
  const int64_t* last;   ///< where its last run of `step` columns begins
  int64_t step;          ///< a power of two, at most the taps of any window
  bool single;           ///< each window is one run

  static int64_t room(const Axis& c) { return 2 * Scratch::size<int64_t>(c.output); }
  /// `first` and `last`: memory for c.output numbers each, which the result points to.
  static Columns of(const Axis& c, int64_t* first, int64_t* last) {
    Columns columns{first, last, 0, true};
    int64_t least = c.input;
    int64_t taps = 0;
    for (int64_t o = 0; o < c.output; ++o) {
      const Span s = span_of(c, o);
      first[o] = s.first;
      last[o] = s.first + s.taps;
      least = std::min(least, s.taps);
      taps += s.taps;
    }
    // Runs cost a pass over the row each time they double, in vectors; taps one after the other cost about eight times
    // as much each.
    columns.step = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(least)));
    if (std::countr_zero(static_cast<uint64_t>(columns.step)) * c.input > 8 * taps) columns.step = 1;
    for (int64_t o = 0; o < c.output; ++o) {
      last[o] -= columns.step;
      columns.single &= last[o] == first[o];
    }
    return columns;
  }
};

/// tops[k] = the largest of `step` columns from k on, places[k] its position; of equal values the earlier place wins.
/// On entry a column's place is its row's. Both arrays go on for half a step behind the row; what stands there reaches
/// only runs that end behind the row, which no window asks for.
template <class T, class I>
inline void max_runs(int64_t step, int64_t width, T* tops, I* places) {
  for (int64_t k = 0; k < width; ++k) places[k] += static_cast<I>(k);
  for (int64_t reach = 1; reach < step; reach *= 2) {
    // Each pass reads only what lies at or behind the place that it writes.
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) {
      const T v = tops[k + reach];
      const I here = places[k + reach];
      const bool better = (v > tops[k]) | ((v == tops[k]) & (here < places[k]));
      tops[k] = better ? v : tops[k];
      places[k] = better ? here : places[k];
    }
  }
}

/// Memory for one plane.
template <class T>
struct SpansScratch {
  T* tops;                 ///< one input row, and room for half a step of `max_runs`
  IntegerLike<T>* places;  ///< the same
  int64_t *first, *last;   ///< one output row each
  static int64_t row(const Axis& c) { return c.input + c.input / 2; }
  static int64_t size(const Axis& c) {
    return Scratch::size<T>(row(c)) + Scratch::size<IntegerLike<T>>(row(c)) + Columns::room(c);
  }
  SpansScratch(Scratch& from, const Axis& c)
      : tops(from.take<T>(row(c))),
        places(from.take<IntegerLike<T>>(row(c))),
        first(from.take<int64_t>(c.output)),
        last(from.take<int64_t>(c.output)) {
    std::fill_n(tops + c.input, c.input / 2, T(0));
    std::fill_n(places + c.input, c.input / 2, IntegerLike<T>(0));
  }
};

/// y and winners, as positions in the plane, of one plane of any geometry without dilation along W.
template <class T>
TARN_KERNEL void max_plane_of_spans(const Windows& w, const Columns& columns, const T* x, T* y, int32_t* winners,
                                    const SpansScratch<T>& scratch) {
  using I = IntegerLike<T>;
  const auto& [a, b, c] = w.axes;
  const int64_t n = c.output;
  T* tops = scratch.tops;
  I* places = scratch.places;
  OutputRow row(0);
  for (int64_t i = 0; i < a.output * b.output; ++i, row.next(w)) {
    const Span d = span_of(a, row.z);
    const Span h = span_of(b, row.v);
    if (max_window_rows(w, d, h, x, tops, places)) {
      max_cells_exactly(w, i, d, h, x, y, winners);
      continue;
    }
    max_runs(columns.step, c.input, tops, places);
    T* best = y + i * n;
    int32_t* winner = winners + i * n;
    if (columns.single) {
      for (int64_t o = 0; o < n; ++o) {
        best[o] = tops[columns.first[o]];
        winner[o] = static_cast<int32_t>(places[columns.first[o]]);
      }
      continue;
    }
    for (int64_t o = 0; o < n; ++o) {
      const int64_t last = columns.last[o];
      T v = tops[last];
      I place = places[last];
      for (int64_t k = columns.first[o]; k < last; k += columns.step) {
        const bool better = (tops[k] > v) | ((tops[k] == v) & (places[k] < place));
        v = better ? tops[k] : v;
        place = better ? places[k] : place;
      }
      best[o] = v;
      winner[o] = static_cast<int32_t>(place);
    }
  }
}

}  // namespace tarn::kernels
