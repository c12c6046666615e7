// Fast pooling for reductions that add up something of each value (means, sums, powers): the rows of a window are added
// up first, then along the row; the backward runs the other way. For the pooling ops' .cpp files only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/kernels/pool.h"

namespace tarn::kernels {

/// A mean, and the form of all such reductions: y = finish(Σ load(x), divisor), where `checked` asks for `repair` to be
/// called with every finished row of output; dx = tap(Σ share(g, y, divisor), x), where `looks_at_values` says whether
/// y and x matter. `compiled`: the common kernels along W get loops of their own.
template <class T>
struct RowMean {
  static constexpr bool checked = false;
  static constexpr bool looks_at_values = false;
  static constexpr bool compiled = true;
  T load(T value) const { return value; }
  T finish(T sum, T divisor) const { return sum / divisor; }
  T share(T g, T, T divisor) const { return g / divisor; }
  T tap(T spread, T) const { return spread; }
};

/// Memory for one piece of work. `line` and `cells` have `lead` zeros in front and zeros behind; the others are full.
template <class T>
struct RowScratch {
  T* line;      ///< one input row, in coordinates that start with the padding
  T* cells;     ///< one output row
  T* divisors;  ///< the columns' part of the divisor
  Span* spans;  ///< the windows along W
  static constexpr int64_t lead = 4;

  /// Elements of `line` and of `cells`.
  static int64_t line_room(const Axis& c) {
    return c.padding + std::max(c.input, c.output * c.stride + c.dilation * c.kernel) + c.stride;
  }
  static int64_t cells_room(const Axis& c) {
    return lead + std::max(c.output, (c.input + c.padding) / c.stride + 1) + c.kernel;
  }
};

/// Sum of what `r` loads of n neighbouring values.
template <class T, class R>
inline T line_sum(const T* x, int64_t n, const R& r) {
  constexpr int64_t lanes = 64;
  constexpr int64_t stretch = 4096;  // longest run summed in the tensor's own precision
  if (n < lanes) {
    T total = 0;
    for (int64_t i = 0; i < n; ++i) total += r.load(x[i]);
    return total;
  }
  double total = 0;
  for (int64_t from = 0; from < n; from += stretch) {
    const int64_t end = std::min(from + stretch, n);
    T sums[lanes] = {};
    int64_t i = from;
    for (; i + lanes <= end; i += lanes)
      for (int64_t l = 0; l < lanes; ++l) sums[l] += r.load(x[i + l]);
    for (; i < end; ++i) sums[i % lanes] += r.load(x[i]);
    for (int64_t width = lanes / 2; width > 0; width /= 2)
      for (int64_t l = 0; l < width; ++l) sums[l] += sums[l + width];
    total += static_cast<double>(sums[0]);
  }
  return static_cast<T>(total);
}

/// What depends on the column alone: the windows along W and their part of every divisor; the rows' part is
/// `row_divisor`.
template <class T>
inline void list_columns(const Windows& w, const RowScratch<T>& scratch) {
  for (int64_t o = 0; o < w.axes[2].output; ++o) {
    const Span s = w.axes[2].span(o);
    const int64_t counted = std::max<int64_t>(1, w.count_include_pad ? s.extent : s.taps);
    scratch.divisors[o] = static_cast<T>(w.divisor_override ? *w.divisor_override : counted);
    scratch.spans[o] = s;
  }
}
inline int64_t row_divisor(const Windows& w, const Span& d, const Span& h) {
  if (w.divisor_override) return 1;
  return std::max<int64_t>(1, w.count_include_pad ? d.extent * h.extent : d.taps * h.taps);
}

/// line = the sum of all rows of a window.
template <class T, class R>
inline void sum_down(const Windows& w, const Span& d, const Span& h, const T* plane, T* line, const R& r) {
  const int64_t width = w.axes[2].input;
  const T* waiting = nullptr;  // rows are added in pairs, to pass over `line` half as often
  bool begun = false;
  each_row(w, d, h, [&](int64_t at) {
    if (!waiting) {
      waiting = plane + at;
      return;
    }
    const T* p = waiting;
    const T* q = plane + at;
    waiting = nullptr;
    if (begun) {
#pragma GCC ivdep
      for (int64_t k = 0; k < width; ++k) line[k] += r.load(p[k]) + r.load(q[k]);
    } else {
#pragma GCC ivdep
      for (int64_t k = 0; k < width; ++k) line[k] = r.load(p[k]) + r.load(q[k]);
    }
    begun = true;
  });
  if (!waiting) {
    if (!begun) std::fill_n(line, width, T(0));  // a window without rows
    return;
  }
  const T* p = waiting;
  if (begun) {
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) line[k] += r.load(p[k]);
  } else {
#pragma GCC ivdep
    for (int64_t k = 0; k < width; ++k) line[k] = r.load(p[k]);
  }
}

/// Calls f(tap, stride) for every tap of a sliding axis, strides of 1 and 2 as constants.
template <class F>
inline void each_sliding_tap(const Axis& c, F f) {
  for (int64_t j = 0; j < c.kernel; ++j) {
    if (c.stride == 1)
      f(j * c.dilation, std::integral_constant<int64_t, 1>());
    else if (c.stride == 2)
      f(j * c.dilation, std::integral_constant<int64_t, 2>());
    else
      f(j * c.dilation, c.stride);
  }
}

/// Sums along the line for any axis.
template <class T>
inline void sum_across(const Axis& c, const Span* spans, const T* line, T* sums) {
  if (c.sliding() && c.kernel <= 32) {
    const int64_t n = c.output;
    std::fill_n(sums, n, T(0));
    each_sliding_tap(c, [&](int64_t tap, auto stride) {
      const T* first = line + tap;
#pragma GCC ivdep
      for (int64_t o = 0; o < n; ++o) sums[o] += first[o * stride];
    });
    return;
  }
  for (int64_t o = 0; o < c.output; ++o) {
    const Span& s = spans[o];
    const T* first = line + c.padding + s.first;
    if (c.dilation == 1) {
      sums[o] = line_sum(first, s.taps, RowMean<T>{});
      continue;
    }
    T total = 0;
    for (int64_t j = 0; j < s.taps; ++j) total += first[j * c.dilation];
    sums[o] = total;
  }
}

/// Output rows [begin, end) of all planes. Kernel 0: any axis along W.
template <class T, int Kernel, int Stride, class R>
TARN_KERNEL void sum_rows(const Windows& w, const T* x, T* y, int64_t begin, int64_t end, RowScratch<T> scratch, R r) {
  const auto& [a, b, c] = w.axes;
  const int64_t n = c.output;
  const T* divisors = scratch.divisors;
  const T* line = scratch.line;
  T* sums = scratch.cells;
  list_columns(w, scratch);
  std::fill_n(scratch.line, RowScratch<T>::line_room(c), T(0));
  const bool whole = c.global() && b.dilation == 1;  // then the rows of a window follow each other
  OutputRow row(w, begin);
  for (int64_t i = begin; i < end; ++i, row.next(w)) {
    const Span d = a.span(row.z);
    const Span h = b.span(row.v);
    const T* plane = x + row.plane * w.input_cells();
    const T row_part = static_cast<T>(row_divisor(w, d, h));
    T* out = y + i * n;
    if (whole) {
      T total = 0;
      for (int64_t k = 0; k < d.taps; ++k)
        total += line_sum(plane + ((d.first + k * a.dilation) * b.input + h.first) * c.input, h.taps * c.input, r);
      out[0] = r.finish(total, row_part * divisors[0]);
    } else {
      sum_down(w, d, h, plane, scratch.line + c.padding, r);
      if constexpr (Kernel > 0) {
#pragma GCC ivdep
        for (int64_t o = 0; o < n; ++o) {
          T sum = 0;
          for (int j = 0; j < Kernel; ++j) sum += line[o * Stride + j];
          out[o] = r.finish(sum, row_part * divisors[o]);
        }
      } else {
        sum_across(c, scratch.spans, line, sums);
#pragma GCC ivdep
        for (int64_t o = 0; o < n; ++o) out[o] = r.finish(sums[o], row_part * divisors[o]);
      }
    }
    if constexpr (R::checked) r.repair(w, d, h, plane, out);
  }
}

/// line = what each input column gets of the output row in `cells`, which starts after `lead` zeros.
template <class T, int Kernel, int Stride>
inline void spread_across(const Axis& c, const Span* spans, const T* cells, T* line) {
  if constexpr (Kernel > 0) {
    static_assert(Kernel <= RowScratch<T>::lead * Stride);
    const int64_t last = (c.input + c.padding - 1) / Stride + 1;
    const T* q = cells + RowScratch<T>::lead;
#pragma GCC ivdep
    for (int64_t m = 0; m < last; ++m)
      for (int phase = 0; phase < Stride; ++phase) {
        T sum = 0;
        for (int j = phase; j < Kernel; j += Stride) sum += q[m - (j - phase) / Stride];
        line[m * Stride + phase] = sum;
      }
  } else {
    const T* q = cells + RowScratch<T>::lead;
    const int64_t n = c.output;
    std::fill_n(line, RowScratch<T>::line_room(c), T(0));
    if (c.sliding() && c.kernel <= 32) {
      each_sliding_tap(c, [&](int64_t tap, auto stride) {
        T* first = line + tap;
#pragma GCC ivdep
        for (int64_t o = 0; o < n; ++o) first[o * stride] += q[o];
      });
      return;
    }
    for (int64_t o = 0; o < n; ++o) {
      const Span& s = spans[o];
      T* first = line + c.padding + s.first;
      for (int64_t j = 0; j < s.taps; ++j) first[j * c.dilation] += q[o];
    }
  }
}

/// What `spread_rows` reads; y and x may be null where the reduction does not look at values.
template <class T>
struct SpreadFrom {
  const T *g, *y, *x;
};

/// dx of planes [begin, end): every cell's share of its cotangent, added to all cells of its window.
template <class T, int Kernel, int Stride, class R>
TARN_KERNEL void spread_rows(const Windows& w, SpreadFrom<T> from, T* dx, int64_t begin, int64_t end,
                             RowScratch<T> scratch, R r) {
  const auto& [a, b, c] = w.axes;
  const int64_t n = c.output;
  const int64_t width = c.input;
  const T* divisors = scratch.divisors;
  T* cells = scratch.cells + RowScratch<T>::lead;
  list_columns(w, scratch);
  std::fill_n(scratch.cells, RowScratch<T>::cells_room(c), T(0));
  const bool whole = a.global() && b.global() && c.global();
  for (int64_t plane = begin; plane < end; ++plane) {
    T* out = dx + plane * w.input_cells();
    // Everything before `fresh` holds a value; later rows are written at their first visit instead of added to.
    int64_t fresh = 0;
    OutputRow row(plane);
    for (int64_t i = 0; i < a.output * b.output; ++i, row.next(w)) {
      const Span d = a.span(row.z);
      const Span h = b.span(row.v);
      const T row_part = static_cast<T>(row_divisor(w, d, h));
      const int64_t at_cell = (plane * a.output * b.output + i) * n;
      const T* g = from.g + at_cell;
      const T* y = R::looks_at_values ? from.y + at_cell : g;
      if (whole) {
        std::fill_n(out, w.input_cells(), r.share(g[0], y[0], row_part * divisors[0]));
        fresh = w.input_cells();
        break;
      }
#pragma GCC ivdep
      for (int64_t o = 0; o < n; ++o) cells[o] = r.share(g[o], y[o], row_part * divisors[o]);
      spread_across<T, Kernel, Stride>(c, scratch.spans, scratch.cells, scratch.line);
      const T* line = scratch.line + c.padding;
      each_row(w, d, h, [&](int64_t at) {
        T* to = out + at;
        if (at >= fresh) {
          if (at > fresh) std::memset(out + fresh, 0, static_cast<size_t>(at - fresh) * sizeof(T));
          std::memcpy(to, line, static_cast<size_t>(width) * sizeof(T));
          fresh = at + width;
          return;
        }
#pragma GCC ivdep
        for (int64_t k = 0; k < width; ++k) to[k] += line[k];
      });
    }
    std::memset(out + fresh, 0, static_cast<size_t>(w.input_cells() - fresh) * sizeof(T));
    if constexpr (R::looks_at_values) {
      const T* x = from.x + plane * w.input_cells();
      const int64_t in = w.input_cells();
      for (int64_t k = 0; k < in; ++k) out[k] = r.tap(out[k], x[k]);
    }
  }
}

template <class T, class R>
struct RowForms {
  void (*forward)(const Windows&, const T*, T*, int64_t, int64_t, RowScratch<T>, R);
  void (*backward)(const Windows&, SpreadFrom<T>, T*, int64_t, int64_t, RowScratch<T>, R);
};

/// The rows compiled for a kernel along W where there are some.
template <class T, class R>
RowForms<T, R> row_forms(const Axis& c) {
  if constexpr (R::compiled) {
    const auto is = [&c](int64_t k, int64_t s) {
      return c.sliding() && c.kernel == k && c.stride == s && c.dilation == 1;
    };
    if (is(2, 1)) return {sum_rows<T, 2, 1, R>, spread_rows<T, 2, 1, R>};
    if (is(2, 2)) return {sum_rows<T, 2, 2, R>, spread_rows<T, 2, 2, R>};
    if (is(3, 1)) return {sum_rows<T, 3, 1, R>, spread_rows<T, 3, 1, R>};
    if (is(3, 2)) return {sum_rows<T, 3, 2, R>, spread_rows<T, 3, 2, R>};
  }
  return {sum_rows<T, 0, 1, R>, spread_rows<T, 0, 1, R>};
}

/// Runs body(begin, end, memory) over pieces of [0, n).
template <class T, class F>
void with_row_scratch(const Axis& c, int64_t n, int64_t cost, F body) {
  const int64_t line = RowScratch<T>::line_room(c);
  const int64_t cells = RowScratch<T>::cells_room(c);
  if (n == 0) return;
  parallel_range(n, cost, [&](int64_t begin, int64_t end) {
    Scratch scratch(Scratch::size<T>(line) + 2 * Scratch::size<T>(cells) + Scratch::size<Span>(c.output));
    body(begin, end,
         RowScratch<T>{scratch.take<T>(line), scratch.take<T>(cells), scratch.take<T>(cells),
                       scratch.take<Span>(c.output)});
  });
}

/// y = the reduction of every window of all planes.
template <class T, class R>
void sum_windows(const Windows& w, int64_t planes, const T* x, T* y, const R& r) {
  const auto& [a, b, c] = w.axes;
  const auto rows = row_forms<T, R>(c).forward;
  const int64_t count = c.output == 0 ? 0 : planes * a.output * b.output;
  const int64_t cost = (a.kernel * b.kernel + 1) * c.input;
  with_row_scratch<T>(c, count, cost, [&](int64_t begin, int64_t end, const RowScratch<T>& scratch) {
    rows(w, x, y, begin, end, scratch, r);
  });
}

/// The work of spreading over one plane.
inline int64_t spread_cost(const Windows& w) {
  const auto& [a, b, c] = w.axes;
  return w.input_cells() + a.output * b.output * (a.kernel * b.kernel + 1) * c.input;
}

/// dx = its transpose.
template <class T, class R>
void spread_windows(const Windows& w, int64_t planes, SpreadFrom<T> from, T* dx, const R& r) {
  const auto rows = row_forms<T, R>(w.axes[2]).backward;
  with_row_scratch<T>(w.axes[2], planes, spread_cost(w), [&](int64_t begin, int64_t end, const RowScratch<T>& scratch) {
    rows(w, from, dx, begin, end, scratch, r);
  });
}

}  // namespace tarn::kernels
