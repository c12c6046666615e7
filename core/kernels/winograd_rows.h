// Rows of an image and lines of frequencies: Winograd's transforms along the width, in registers. A line holds one
// frequency of a whole row of tiles; stores to lines are of full vectors and may run over the row's end.
#pragma once

#include <cstdint>
#include <utility>

#include "core/kernels/kernel.h"
#include "core/kernels/winograd_transforms.h"

namespace tarn::kernels {

template <int n>
using Each = std::make_integer_sequence<int, n>;

/// Elements of a and b, as if b followed a, numbered `which`.
template <int... which, class V>
inline void pick(const V& a, const V& b, V& out) {
  out = __builtin_shufflevector(a, b, which...);
}
template <int... i, class V>
inline void pick_even(const V& a, const V& b, V& out, std::integer_sequence<int, i...>) {
  pick<2 * i...>(a, b, out);
}
template <int... i, class V>
inline void pick_odd(const V& a, const V& b, V& out, std::integer_sequence<int, i...>) {
  pick<2 * i + 1 ...>(a, b, out);
}
/// a0 b0 a1 b1 … from element `first` on.
template <int first, int... i, class V>
inline void interleave(const V& a, const V& b, V& out, std::integer_sequence<int, i...>) {
  pick<first + i / 2 + i % 2 * static_cast<int>(sizeof...(i))...>(a, b, out);
}
/// Elements `first` on of a, then b.
template <int first, int... i, class V>
inline void shift(const V& a, const V& b, V& out, std::integer_sequence<int, i...>) {
  pick<first + i...>(a, b, out);
}

/// m vectors of consecutive cells to m phases: phase j, element t = cell m t + j.
template <int m, int lanes, class V>
inline void split(const V* cells, V* phases) {
  constexpr Each<lanes> each;
  if constexpr (m == 2) {
    pick_even(cells[0], cells[1], phases[0], each);
    pick_odd(cells[0], cells[1], phases[1], each);
  } else {
    V even[2], odd[2];
    for (int h = 0; h < 2; ++h) {
      pick_even(cells[2 * h], cells[2 * h + 1], even[h], each);
      pick_odd(cells[2 * h], cells[2 * h + 1], odd[h], each);
    }
    pick_even(even[0], even[1], phases[0], each);
    pick_even(odd[0], odd[1], phases[1], each);
    pick_odd(even[0], even[1], phases[2], each);
    pick_odd(odd[0], odd[1], phases[3], each);
  }
}

/// The inverse of `split`.
template <int m, int lanes, class V>
inline void join(const V* phases, V* cells) {
  constexpr Each<lanes> each;
  if constexpr (m == 2) {
    interleave<0>(phases[0], phases[1], cells[0], each);
    interleave<lanes / 2>(phases[0], phases[1], cells[1], each);
  } else {
    V even[2], odd[2];
    interleave<0>(phases[0], phases[2], even[0], each);
    interleave<lanes / 2>(phases[0], phases[2], even[1], each);
    interleave<0>(phases[1], phases[3], odd[0], each);
    interleave<lanes / 2>(phases[1], phases[3], odd[1], each);
    for (int h = 0; h < 2; ++h) {
      interleave<0>(even[h], odd[h], cells[2 * h], each);
      interleave<lanes / 2>(even[h], odd[h], cells[2 * h + 1], each);
    }
  }
}

/// The numbers 0, 1, 2, … and `first` added to each.
template <int lanes>
inline void count_from(int64_t first, typename Lanes<lanes>::Index& out) {
  for (int i = 0; i < lanes; ++i) out[i] = i;
  out += static_cast<int32_t>(first);
}

/// Cells [at, at + lanes) of a row, zeros beyond its width. Reads nothing outside the row.
template <int lanes, class V>
inline void load_cells(const float* row, int64_t at, int64_t width, V& v) {
  if (at + lanes <= width) {
    load(v, row + at);
  } else if (at >= width) {
    v = V{};
  } else if (width >= lanes) {
    typename Lanes<lanes>::Index which;
    count_from<lanes>(at + lanes - width, which);
    V last;
    load(last, row + width - lanes);
    pick_by(last, V{}, which, v);
  } else {
    float few[lanes] = {};  // an element of v by a variable number would keep v out of registers
    for (int i = 0; i < width - at; ++i) few[i] = row[at + i];
    load(v, few);
  }
}

/// Writes cells [at, at + lanes) as far as they lie in the row; `before` holds the ones before these.
template <int lanes, class V>
inline void store_cells(float* row, int64_t at, int64_t width, const V& before, const V& v) {
  if (at + lanes <= width) {
    store(row + at, v);
  } else if (at >= width) {
    return;
  } else if (width >= lanes) {
    typename Lanes<lanes>::Index which;
    count_from<lanes>(width - at, which);
    V last;
    pick_by(before, v, which, last);
    store(row + width - lanes, last);
  } else {
    float few[lanes];
    store(few, v);
    for (int i = 0; i < width - at; ++i) row[at + i] = few[i];
  }
}

/// Line f = Bᵀ of the cells m t - margin … m t - margin + m + 1 for the tiles t of a row, the lines `pitch` apart;
/// written to `also` too, which may be null. Margin 0, 1 or 2; the row is zero outside [0, width).
template <int m, int lanes>
inline void row_to_lines(const float* row, int64_t width, int64_t margin, int64_t vectors, int64_t pitch, float* to,
                         float* also) {
  using V = typename Lanes<lanes>::Vector;
  constexpr Each<lanes> each;
  V earlier[2] = {};  // phases m - 2 and m - 1 of the vector before
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t first = v * lanes * m;
    const int64_t beyond = first + lanes * m;
    V cells[m], phases[m], in[m + 2], out[m + 2];
    if (beyond <= width)
      load_column<m>(row + first, lanes, cells);
    else
      for (int j = 0; j < m; ++j) load_cells<lanes>(row, first + j * lanes, width, cells[j]);
    split<m, lanes>(cells, phases);
    const V next = V{} + (beyond < width ? row[beyond] : 0.0f);
    if (margin == 1) {
      shift<lanes - 1>(earlier[1], phases[m - 1], in[0], each);
      for (int j = 0; j < m; ++j) in[j + 1] = phases[j];
      shift<1>(phases[0], next, in[m + 1], each);
    } else if (margin == 0) {
      const V second = V{} + (beyond + 1 < width ? row[beyond + 1] : 0.0f);
      for (int j = 0; j < m; ++j) in[j] = phases[j];
      shift<1>(phases[0], next, in[m], each);
      shift<1>(phases[1], second, in[m + 1], each);
    } else {
      shift<lanes - 1>(earlier[0], phases[m - 2], in[0], each);
      shift<lanes - 1>(earlier[1], phases[m - 1], in[1], each);
      for (int j = 0; j < m; ++j) in[j + 2] = phases[j];
    }
    earlier[0] = phases[m - 2];
    earlier[1] = phases[m - 1];
    input_to_frequencies<m>(in, out);
    store_column<m + 2>(to + v * lanes, pitch, out);
    if (also) store_column<m + 2>(also + v * lanes, pitch, out);
  }
}

/// Line f = A of the m cells of each tile: the cotangent of an output row.
template <int m, int lanes>
inline void cotangent_to_lines(const float* row, int64_t width, int64_t vectors, int64_t pitch, float* to) {
  using V = typename Lanes<lanes>::Vector;
  for (int64_t v = 0; v < vectors; ++v) {
    V cells[m], phases[m], out[m + 2];
    for (int j = 0; j < m; ++j) load_cells<lanes>(row, (v * m + j) * lanes, width, cells[j]);
    split<m, lanes>(cells, phases);
    cotangent_to_frequencies<m>(phases, out);
    store_column<m + 2>(to + v * lanes, pitch, out);
  }
}

/// The output row whose cells are Aᵀ of the lines, plus a bias.
template <int m, int lanes>
inline void lines_to_row(const float* from, int64_t pitch, int64_t vectors, float bias, float* row, int64_t width) {
  using V = typename Lanes<lanes>::Vector;
  V before = {};
  for (int64_t v = 0; v < vectors; ++v) {
    V in[m + 2], phases[m], cells[m];
    load_column<m + 2>(from + v * lanes, pitch, in);
    frequencies_to_output<m>(in, phases);
    for (int j = 0; j < m; ++j) phases[j] += bias;
    join<m, lanes>(phases, cells);
    if ((v + 1) * m * lanes <= width) {
      store_column<m>(row + v * m * lanes, lanes, cells);
      before = cells[m - 1];
      continue;
    }
    for (int j = 0; j < m; ++j) {
      store_cells<lanes>(row, (v * m + j) * lanes, width, before, cells[j]);
      before = cells[j];
    }
  }
}

}  // namespace tarn::kernels
