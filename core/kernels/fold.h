// Reductions: folds the chosen dimensions of an array with a commutative function, in an order that the shape alone
// decides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "core/shape.h"

namespace tarn::kernels {

/// Dimensions left to walk, outermost first, each with its size and its step in memory.
struct Odometer {
  int rank = 0;
  int64_t sizes[Shape::max_rank] = {};
  int64_t steps[Shape::max_rank] = {};

  void push(int64_t size, int64_t step) {
    sizes[rank] = size;
    steps[rank] = step;
    ++rank;
  }
  int64_t count() const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= sizes[d];
    return n;
  }
  /// Calls body(i, offset) for positions [begin, end) in row-major order.
  template <class Body>
  void walk(int64_t begin, int64_t end, Body body) const {
    int64_t index[Shape::max_rank] = {};
    int64_t offset = 0;
    int64_t rest = begin;
    for (int d = rank - 1; d >= 0; --d) {
      index[d] = rest % sizes[d];
      rest /= sizes[d];
      offset += index[d] * steps[d];
    }
    for (int64_t i = begin; i < end; ++i) {
      body(i, offset);
      for (int d = rank - 1; d >= 0; --d) {
        offset += steps[d];
        if (++index[d] < sizes[d]) break;
        offset -= steps[d] * sizes[d];
        index[d] = 0;
      }
    }
  }
};

/// A reduction after neighbouring dimensions of one kind were merged. Where `inner_reduced`, the contiguous innermost
/// run folds to one value (a row); else it stays, and whole runs fold onto each other (columns).
struct FoldPlan {
  bool inner_reduced = false;
  int64_t inner = 1;          ///< length of the innermost run
  Odometer kept;              ///< the other dimensions that stay
  Odometer reduced;           ///< the other dimensions that go
  int64_t rows = 1;           ///< columns only: the innermost reduced dimension, not in `reduced`, …
  int64_t step = 0;           ///< … and its step
  int64_t reduced_count = 1;  ///< elements that fold into one result
};
FoldPlan plan_fold(const Shape& shape, const bool* is_reduced);

/// Folds a row with `lanes` accumulators, which then fold by a fixed tree; long rows in blocks, so that the error of a
/// sum grows slowly.
template <int lanes, class T, class A, class Load, class F>
inline A fold_lanes(const T* x, int64_t n, A identity, Load load, F f) {
  constexpr int64_t block = 4096;
  A total = identity;
  for (int64_t begin = 0; begin < n; begin += block) {
    const int64_t end = std::min(begin + block, n);
    A part[lanes];
    for (int l = 0; l < lanes; ++l) part[l] = identity;
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      for (int l = 0; l < lanes; ++l) part[l] = f(part[l], static_cast<A>(load(x[i + l])));
    }
    for (int l = 0; i < end; ++i, ++l) part[l] = f(part[l], static_cast<A>(load(x[i])));
    for (int width = lanes / 2; width > 0; width /= 2) {
      for (int l = 0; l < width; ++l) part[l] = f(part[l], part[l + width]);
    }
    total = f(total, part[0]);
  }
  return total;
}

/// y[r] = f(y[r], fold of the n elements from x + r · step), for r in [0, rows).
template <class T, class A, class Load, class F>
TARN_KERNEL void fold_rows(const T* x, int64_t rows, int64_t step, int64_t n, A* y, A identity, Load load, F f) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * step;
    A total = identity;
    if (n < 32) {
      for (int64_t i = 0; i < n; ++i) total = f(total, static_cast<A>(load(row[i])));
    } else if (n < 256) {
      total = fold_lanes<16>(row, n, identity, load, f);
    } else {
      total = fold_lanes<64>(row, n, identity, load, f);
    }
    y[r] = f(y[r], total);
  }
}

/// y[j] = f(y[j], fold of x[r · step + j] over r in [0, rows)), for j in [0, width); four rows at a time, in blocks.
template <class T, class A, class Load, class F>
TARN_KERNEL void fold_columns(const T* x, int64_t rows, int64_t step, int64_t width, A* y, A identity, Load load, F f) {
  constexpr int64_t tile = 512;
  constexpr int64_t block = 256;
  A part[tile];
  for (int64_t left = 0; left < width; left += tile) {
    const int64_t w = std::min(tile, width - left);
    for (int64_t begin = 0; begin < rows; begin += block) {
      const int64_t end = std::min(begin + block, rows);
      for (int64_t j = 0; j < w; ++j) part[j] = identity;
      const T* row = x + begin * step + left;
      int64_t r = begin;
      for (; r + 4 <= end; r += 4, row += 4 * step) {
        const T* r1 = row + step;
        const T* r2 = r1 + step;
        const T* r3 = r2 + step;
        for (int64_t j = 0; j < w; ++j) {
          const A low = f(static_cast<A>(load(row[j])), static_cast<A>(load(r1[j])));
          const A high = f(static_cast<A>(load(r2[j])), static_cast<A>(load(r3[j])));
          part[j] = f(part[j], f(low, high));
        }
      }
      for (; r < end; ++r, row += step) {
        for (int64_t j = 0; j < w; ++j) part[j] = f(part[j], static_cast<A>(load(row[j])));
      }
      for (int64_t j = 0; j < w; ++j) y[left + j] = f(y[left + j], part[j]);
    }
  }
}

/// fold_columns for contiguous rows that may be too short for a vector: several side by side count as one.
template <class T, class A, class Load, class F>
void fold_matrix(const T* x, int64_t rows, int64_t width, A* y, A identity, Load load, F f) {
  constexpr int64_t wide = 64;
  const int64_t group = width < wide / 2 ? wide / width : 1;
  if (group == 1 || rows < 4 * group) {
    fold_columns(x, rows, width, width, y, identity, load, f);
    return;
  }
  A side[wide];
  std::fill(side, side + wide, identity);
  const int64_t groups = rows / group;
  fold_columns(x, groups, group * width, group * width, side, identity, load, f);
  for (int64_t l = 0; l < group; ++l) {
    for (int64_t j = 0; j < width; ++j) y[j] = f(y[j], side[l * width + j]);
  }
  const int64_t done = groups * group;
  fold_columns(x + done * width, rows - done, width, width, y, identity, load, f);
}

/// Folds a whole [rows, width] matrix down its columns; pieces of rows first, then the pieces in order.
template <class T, class A, class Load, class F>
void fold_whole(const T* x, int64_t rows, int64_t width, A* y, A identity, Load load, F f) {
  const int64_t count = std::min({pieces(rows * width), rows / 16, std::max<int64_t>(1, (1 << 22) / width)});
  if (count <= 1) {
    fold_matrix(x, rows, width, y, identity, load, f);
    return;
  }
  std::vector<A> parts(static_cast<size_t>(count * width), identity);
  parallel_for(count, [&](int64_t i) {
    const int64_t begin = rows * i / count;
    const int64_t end = rows * (i + 1) / count;
    fold_matrix(x + begin * width, end - begin, width, parts.data() + i * width, identity, load, f);
  });
  fold_columns(
      parts.data(), count, width, width, y, identity, [](A a) { return a; }, f);
}

/// y = the fold of load(x) by f over the plan's reduced dimensions; `identity` changes nothing under f. The order of
/// folding depends on the shape alone. y holds one A per kept element.
template <class T, class A, class Load, class F>
void fold(const T* x, A* y, const FoldPlan& p, A identity, Load load, F f) {
  const int64_t outputs = p.kept.count();
  const int64_t results = p.inner_reduced ? outputs : outputs * p.inner;
  std::fill(y, y + results, identity);
  if (results == 0 || p.reduced_count == 0) return;
  if (outputs == 1 && p.inner_reduced) {
    const int64_t n = p.inner;
    const int64_t count = pieces(n);
    if (count == 1) {
      fold_rows(x, 1, 0, n, y, identity, load, f);
      return;
    }
    std::vector<A> parts(static_cast<size_t>(count), identity);
    parallel_for(count, [&](int64_t i) {
      const int64_t begin = n * i / count;
      fold_rows(x + begin, 1, 0, n * (i + 1) / count - begin, parts.data() + i, identity, load, f);
    });
    for (const A part : parts) *y = f(*y, part);
    return;
  }
  if (outputs == 1) {
    fold_whole(x, p.rows, p.inner, y, identity, load, f);
    return;
  }
  if (p.inner_reduced && p.reduced.rank == 0 && p.kept.rank == 1) {
    parallel_range(outputs, p.inner, [&](int64_t begin, int64_t end) {
      fold_rows(x + begin * p.kept.steps[0], end - begin, p.kept.steps[0], p.inner, y + begin, identity, load, f);
    });
    return;
  }
  const int64_t repeats = p.reduced.count();
  parallel_range(outputs, p.reduced_count * (p.inner_reduced ? 1 : p.inner), [&](int64_t begin, int64_t end) {
    p.kept.walk(begin, end, [&](int64_t i, int64_t from) {
      p.reduced.walk(0, repeats, [&](int64_t, int64_t offset) {
        const T* start = x + from + offset;
        if (p.inner_reduced)
          fold_rows(start, 1, 0, p.inner, y + i, identity, load, f);
        else if (p.step == p.inner)
          fold_matrix(start, p.rows, p.inner, y + i * p.inner, identity, load, f);
        else
          fold_columns(start, p.rows, p.step, p.inner, y + i * p.inner, identity, load, f);
      });
    });
  });
}

}  // namespace tarn::kernels
