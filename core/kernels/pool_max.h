// Fast rows of max pooling. A row is read as taps of a few whole rows, winners are counted in integers as wide as the
// values (mixed widths keep GCC from vectorising) and narrowed afterwards. For pool_max.cpp only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/kernels/pool.h"

namespace tarn::kernels {

template <class T>
using IntegerLike = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

/// The rows of an input plane with margins of -inf on both sides, copied when first asked for and kept while a window
/// may need them again. Without margins the rows are those of the input itself.
template <class T>
class MarginRows {
 public:
  /// Elements of memory that it needs.
  static int64_t room(const Windows& w) { return (slots(w) + 1) * length(w); }
  static int64_t slots(const Windows& w) { return reach(w.axes[0]) * reach(w.axes[1]); }
  static int64_t length(const Windows& w) { return (columns(w) - 1) * w.axes[2].stride + reach(w.axes[2]); }
  /// Windows that a row has room for: of copied rows whole vectors of four, since what is left over for single steps
  /// would take longer than the vectors. Not with large strides, which nothing limits.
  static int64_t columns(const Windows& w) {
    const int64_t n = w.axes[2].output;
    return direct(w) || w.axes[2].stride > 2 ? n : (n + 3) / 4 * 4;
  }

  MarginRows(const Windows& w, T* memory, int64_t* held)
      : memory_(memory),
        held_(held),
        width_(w.axes[2].input),
        left_(w.axes[2].padding),
        length_(length(w)),
        direct_(direct(w)),
        reach_d_(reach(w.axes[0])),
        reach_h_(reach(w.axes[1])) {
    std::fill_n(held_, reach_d_ * reach_h_, int64_t{-1});
    std::fill_n(memory_, (reach_d_ * reach_h_ + 1) * length_, -std::numeric_limits<T>::infinity());
  }
  /// A row that lies outside the input.
  const T* outside() const { return memory_ + reach_d_ * reach_h_ * length_; }
  /// Row h of slice d; `number` names it among all rows of the tensor.
  const T* row(const T* source, int64_t number, int64_t d, int64_t h) {
    if (direct_) return source;
    const int64_t slot = d % reach_d_ * reach_h_ + h % reach_h_;
    T* copy = memory_ + slot * length_;
    if (held_[slot] != number) {
      std::memcpy(copy + left_, source, static_cast<size_t>(std::min(width_, length_ - left_)) * sizeof(T));
      held_[slot] = number;
    }
    return copy;
  }

 private:
  static int64_t reach(const Axis& a) { return a.dilation * (a.kernel - 1) + 1; }
  static bool direct(const Windows& w) {
    const Axis& c = w.axes[2];
    return c.padding == 0 && (c.output - 1) * c.stride + reach(c) <= c.input;
  }

  T* memory_;
  int64_t* held_;
  int64_t width_, left_, length_;
  bool direct_;
  int64_t reach_d_, reach_h_;
};

/// One output row from `Rows` rows, `Kernel` taps each, `Stride` apart. With `exact` a NaN beats everything; else the
/// result says whether one may have been met.
template <int Rows, int Kernel, int Stride, bool exact, class T, class I>
inline bool max_row(const T* const* rows, int64_t n, const I* starts, I first, T* y, I* winners) {
  I bad = 0;
#pragma GCC ivdep
  for (int64_t o = 0; o < n; ++o) {
    T best = -std::numeric_limits<T>::infinity();
    I winner = first + starts[o];
    T sum = 0;
    for (int r = 0; r < Rows; ++r)
      for (int j = 0; j < Kernel; ++j) {
        const T v = rows[r][o * Stride + j];
        const bool better = exact ? (v > best) | (v != v) : v > best;
        best = better ? v : best;
        winner = better ? I(r * Kernel + j) : winner;
        sum += v;  // NaN if a tap is, or infinities of both signs met
      }
    bad |= sum != sum;
    y[o] = best;
    winners[o] = winner;
  }
  return bad != 0;
}

/// The same for any numbers and exact, tap after tap over the whole row.
template <class T, class I>
inline void max_row_by_taps(const T* const* rows, int64_t count, const Axis& a, const I* starts, I first, T* y,
                            I* winners) {
  const int64_t n = a.output;
  const int64_t stride = a.stride;
  for (int64_t o = 0; o < n; ++o) {
    y[o] = -std::numeric_limits<T>::infinity();
    winners[o] = first + starts[o];
  }
  for (int64_t r = 0; r < count; ++r)
    for (int64_t j = 0; j < a.kernel; ++j) {
      const T* row = rows[r] + j * a.dilation;
      const I slot = static_cast<I>(r * a.kernel + j);
      for (int64_t o = 0; o < n; ++o) {
        const T v = row[o * stride];
        const bool better = (v > y[o]) | (v != v);
        y[o] = better ? v : y[o];
        winners[o] = better ? slot : winners[o];
      }
    }
}

/// tops = the larger of tops and a row, with `place` in `places` where that is the row's. Not 0 where the row has a
/// NaN.
template <class T, class I>
inline I max_with_row(const T* row, I place, int64_t length, T* tops, I* places) {
  I bad = 0;
#pragma GCC ivdep
  for (int64_t k = 0; k < length; ++k) {
    const T v = row[k];
    const bool better = v > tops[k];
    tops[k] = better ? v : tops[k];
    places[k] = better ? place : places[k];
    bad |= v != v;
  }
  return bad;
}

/// Reduces `count` rows of `length` to their largest values and, in `places`, the row's number times `step`. True where
/// a NaN may have been met.
template <class T, class I>
inline bool max_down(const T* const* rows, int64_t count, int64_t length, I first, I step, T* tops, I* places) {
  for (int64_t k = 0; k < length; ++k) {
    tops[k] = -std::numeric_limits<T>::infinity();
    places[k] = first;
  }
  I bad = 0;
  for (int64_t r = 0; r < count; ++r) {
    bad |= max_with_row(rows[r], static_cast<I>(r) * step, length, tops, places);
  }
  return bad != 0;
}

/// Then along the row: of equal values the one in the earlier place wins.
template <class T, class I, class Stride>
inline void max_across(const T* tops, const I* places, const Axis& a, const I* starts, I first, T* y, I* winners,
                       Stride stride) {
  const int64_t n = a.output;
  const int64_t kernel = a.kernel;
  const int64_t dilation = a.dilation;
  for (int64_t o = 0; o < n; ++o) {
    y[o] = -std::numeric_limits<T>::infinity();
    winners[o] = first + starts[o];
  }
  for (int64_t j = 0; j < kernel; ++j) {
    const T* top = tops + j * dilation;
    const I* place = places + j * dilation;
#pragma GCC ivdep
    for (int64_t o = 0; o < n; ++o) {
      const T v = top[o * stride];
      const I slot = place[o * stride] + static_cast<I>(j);
      const bool better = (v > y[o]) | ((v == y[o]) & (slot < winners[o]));
      y[o] = better ? v : y[o];
      winners[o] = better ? slot : winners[o];
    }
  }
}

/// One output row for any kernel: the rows of a window first, then along them.
template <class T, class I>
inline void max_row_of_any(const T* const* rows, int64_t count, const Axis& a, const I* starts, I first, T* y,
                           I* winners, T* tops, I* places) {
  const int64_t length = (a.output - 1) * a.stride + a.dilation * (a.kernel - 1) + 1;
  if (max_down(rows, count, length, first, static_cast<I>(a.kernel), tops, places)) {
    max_row_by_taps(rows, count, a, starts, first, y, winners);
    return;
  }
  // The margins hold -inf and must not win over an -inf of the input.
  constexpr I never = std::numeric_limits<int32_t>::max() / 2;
  std::fill_n(places, std::min(a.padding, length), never);
  if (length > a.padding + a.input) std::fill_n(places + a.padding + a.input, length - a.padding - a.input, never);
  if (a.stride == 1)
    max_across(tops, places, a, starts, first, y, winners, std::integral_constant<int64_t, 1>());
  else if (a.stride == 2)
    max_across(tops, places, a, starts, first, y, winners, std::integral_constant<int64_t, 2>());
  else
    max_across(tops, places, a, starts, first, y, winners, a.stride);
}

/// Memory for one piece of work.
template <class T>
struct MaxScratch {
  T* margins;
  int64_t* held;
  const T** rows;
  IntegerLike<T>*starts, *winners;
  T* tops;
  IntegerLike<T>* places;
};

/// Output rows [begin, end) of all planes, one byte a winner: its tap in the unclipped window.
template <class T, int Rows, int Kernel, int Stride>
TARN_KERNEL void max_rows(const Windows& w, const T* x, T* y, uint8_t* winners, int64_t begin, int64_t end,
                          MaxScratch<T> scratch) {
  using I = IntegerLike<T>;
  const auto& [a, b, c] = w.axes;
  MarginRows<T> margins(w, scratch.margins, scratch.held);
  const int64_t n = c.output;
  const int64_t columns = MarginRows<T>::columns(w);
  for (int64_t o = 0; o < columns; ++o) scratch.starts[o] = o < n ? static_cast<I>(c.span(o).skipped) : I(0);
  const int64_t count = a.kernel * b.kernel;
  I* won = scratch.winners;
  OutputRow at(w, begin);
  for (int64_t i = begin; i < end; ++i, at.next(w)) {
    I first = -1;
    int64_t r = 0;
    for (int64_t j = 0; j < a.kernel; ++j) {
      const int64_t d = at.z * a.stride - a.padding + j * a.dilation;
      for (int64_t k = 0; k < b.kernel; ++k, ++r) {
        const int64_t h = at.v * b.stride - b.padding + k * b.dilation;
        const bool inside = d >= 0 && d < a.input && h >= 0 && h < b.input;
        const int64_t number = (at.plane * a.input + d) * b.input + h;
        scratch.rows[r] = inside ? margins.row(x + number * c.input, number, d, h) : margins.outside();
        if (inside && first < 0) first = static_cast<I>(r * c.kernel);
      }
    }
    T* out = y + i * n;
    if constexpr (Rows > 0) {
      T* best = columns == n ? out : scratch.tops;
      if (max_row<Rows, Kernel, Stride, false>(scratch.rows, columns, scratch.starts, first, best, won))
        max_row<Rows, Kernel, Stride, true>(scratch.rows, columns, scratch.starts, first, best, won);
      if (best != out) std::copy_n(best, n, out);
    } else {
      max_row_of_any(scratch.rows, count, c, scratch.starts, first, out, won, scratch.tops, scratch.places);
    }
    uint8_t* bytes = winners + i * n;
#pragma GCC ivdep
    for (int64_t o = 0; o < n; ++o) bytes[o] = static_cast<uint8_t>(won[o]);
  }
}

/// The position in the plane of tap 0 of a row's first window; it may lie outside.
inline int64_t first_tap(const Windows& w, const OutputRow& row) {
  const auto& [a, b, c] = w.axes;
  const int64_t d = row.z * a.stride - a.padding;
  return (d * b.input + row.v * b.stride - b.padding) * c.input - c.padding;
}

/// dx = 0, then g added to each window's winner, for planes [begin, end). `offsets`: where each tap lies from tap 0.
template <class T>
TARN_KERNEL void scatter_taps(const Windows& w, const uint8_t* winners, const int32_t* offsets, const T* g, T* dx,
                              int64_t begin, int64_t end) {
  const Axis& c = w.axes[2];
  int64_t at = begin * w.output_cells();
  for (int64_t plane = begin; plane < end; ++plane) {
    T* out = dx + plane * w.input_cells();
    std::memset(out, 0, static_cast<size_t>(w.input_cells()) * sizeof(T));
    each_output_row(w, plane, plane + 1, [&](int64_t, const OutputRow& row) {
      int64_t base = first_tap(w, row);
      for (int64_t o = 0; o < c.output; ++o, ++at, base += c.stride) out[base + offsets[winners[at]]] += g[at];
    });
  }
}

/// y = the values of v at the winners, for planes [begin, end).
template <class T>
void gather_taps(const Windows& w, const uint8_t* winners, const int32_t* offsets, const T* v, T* y, int64_t begin,
                 int64_t end) {
  const Axis& c = w.axes[2];
  int64_t at = begin * w.output_cells();
  each_output_row(w, begin, end, [&](int64_t, const OutputRow& row) {
    int64_t base = row.plane * w.input_cells() + first_tap(w, row);
    for (int64_t o = 0; o < c.output; ++o, ++at, base += c.stride) y[at] = v[base + offsets[winners[at]]];
  });
}

/// The winners' positions in their planes, for planes [begin, end).
TARN_KERNEL inline void tap_positions(const Windows& w, const uint8_t* winners, const int32_t* offsets,
                                      int64_t* positions, int64_t begin, int64_t end) {
  const Axis& c = w.axes[2];
  int64_t at = begin * w.output_cells();
  each_output_row(w, begin, end, [&](int64_t, const OutputRow& row) {
    int64_t base = first_tap(w, row);
    for (int64_t o = 0; o < c.output; ++o, ++at, base += c.stride) positions[at] = base + offsets[winners[at]];
  });
}

}  // namespace tarn::kernels
