// The loop nest of pooling: one pass over the windows of a plane, into which a reduction (a small struct) is inlined.
// For the ops' .cpp files only.
#pragma once

#include <cstdint>
#include <limits>

#include "core/kernels/kernel.h"
#include "core/ops/window.h"
#include "core/parallel.h"
#include "core/storage.h"

namespace tarn::kernels {

/// What a reduction may want to know of the window that it is given.
struct WindowAt {
  int64_t cell;     ///< flat output cell in the plane
  int64_t first;    ///< flat position of the first valid tap
  int64_t taps;     ///< valid taps
  int64_t divisor;  ///< by the geometry's rule for means
};

/// A row of output cells: of which plane, and where in it. Going on to the next one takes no division.
struct OutputRow {
  int64_t plane, z, v;

  explicit OutputRow(int64_t of_plane) : plane(of_plane), z(0), v(0) {}
  OutputRow(const Windows& w, int64_t number) : OutputRow(0) {
    if (number == 0) return;  // there may be no rows
    plane = number / (w.axes[0].output * w.axes[1].output);
    z = number / w.axes[1].output % w.axes[0].output;
    v = number % w.axes[1].output;
  }
  void next(const Windows& w) {
    if (++v < w.axes[1].output) return;
    v = 0;
    if (++z < w.axes[0].output) return;
    z = 0;
    ++plane;
  }
};

/// Calls f(number, row) for every row of output of planes [begin, end).
template <class F>
inline void each_output_row(const Windows& w, int64_t begin, int64_t end, F f) {
  const int64_t rows = w.axes[0].output * w.axes[1].output;
  OutputRow row(begin);
  for (int64_t i = begin * rows; i < end * rows; ++i, row.next(w)) f(i, row);
}

/// Calls f(d, h, w) with the three spans of every output cell, in row-major order.
template <class F>
inline void each_window(const Windows& w, F f) {
  for (int64_t z = 0; z < w.axes[0].output; ++z) {
    const Span d = w.axes[0].span(z);
    for (int64_t y = 0; y < w.axes[1].output; ++y) {
      const Span h = w.axes[1].span(y);
      for (int64_t x = 0; x < w.axes[2].output; ++x) f(d, h, w.axes[2].span(x));
    }
  }
}

/// Calls f(position) for every valid tap of a window, in row-major order.
template <class F>
inline void each_tap(const Windows& w, const Span& d, const Span& h, const Span& c, F f) {
  const int64_t pitch = w.axes[2].input;
  const int64_t step = w.axes[2].dilation;
  for (int64_t i = 0; i < d.taps; ++i) {
    const int64_t slice = (d.first + i * w.axes[0].dilation) * w.axes[1].input;
    for (int64_t j = 0; j < h.taps; ++j) {
      int64_t position = (slice + h.first + j * w.axes[1].dilation) * pitch + c.first;
      for (int64_t k = 0; k < c.taps; ++k, position += step) f(position);
    }
  }
}

/// Calls f(offset of the row in the plane) for every row of a window.
template <class F>
inline void each_row(const Windows& w, const Span& d, const Span& h, F f) {
  for (int64_t i = 0; i < d.taps; ++i)
    for (int64_t j = 0; j < h.taps; ++j) {
      const int64_t slice = (d.first + i * w.axes[0].dilation) * w.axes[1].input;
      f((slice + h.first + j * w.axes[1].dilation) * w.axes[2].input);
    }
}

inline WindowAt window_at(const Windows& w, int64_t cell, const Span& d, const Span& h, const Span& c) {
  const int64_t first = (d.first * w.axes[1].input + h.first) * w.axes[2].input + c.first;
  return {cell, first, d.taps * h.taps * c.taps, w.divisor(d, h, c)};
}

/// y[cell] = the reduction of each window of one plane. A reduction has
///   State start(const WindowAt&), void step(State&, T value, int64_t position), T finish(const State&, const
///   WindowAt&).
template <class T, class Reduction>
TARN_KERNEL void reduce_plane(const Windows& w, const T* x, T* y, Reduction reduction) {
  int64_t cell = 0;
  each_window(w, [&](const Span& d, const Span& h, const Span& c) {
    const WindowAt at = window_at(w, cell, d, h, c);
    auto state = reduction.start(at);
    each_tap(w, d, h, c, [&](int64_t position) { reduction.step(state, x[position], position); });
    y[cell++] = reduction.finish(state, at);
  });
}

/// The transpose: dx += what each tap of each window gets of its cotangent. The reduction has
///   share(T g, const WindowAt&), of any type, once a window, and T tap(share, T value), once a tap; `x` may be null
///   where `tap` does not look at the value.
template <class T, class Reduction>
TARN_KERNEL void spread_plane(const Windows& w, const T* g, const T* x, T* dx, Reduction reduction) {
  int64_t cell = 0;
  each_window(w, [&](const Span& d, const Span& h, const Span& c) {
    const auto share = reduction.share(g[cell], window_at(w, cell, d, h, c));
    each_tap(w, d, h, c, [&](int64_t position) { dx[position] += reduction.tap(share, x ? x[position] : T(0)); });
    ++cell;
  });
}

/// The largest value, by the rules of PyTorch: of equal ones the first, of several NaN the last, and where all are -inf
/// the first.
template <class T>
struct Largest {
  struct State {
    T value;
    int64_t position;
  };
  int32_t* winners;  ///< receives the position in the plane of each window's winner

  State start(const WindowAt& at) const { return {-std::numeric_limits<T>::infinity(), at.first}; }
  void step(State& s, T value, int64_t position) const {
    const bool better = (value > s.value) | (value != value);
    s.value = better ? value : s.value;
    s.position = better ? position : s.position;
  }
  T finish(const State& s, const WindowAt& at) const {
    winners[at.cell] = static_cast<int32_t>(s.position);
    return s.value;
  }
};

/// Sum over divisor.
template <class T>
struct Mean {
  T start(const WindowAt&) const { return 0; }
  void step(T& sum, T value, int64_t) const { sum += value; }
  T finish(T sum, const WindowAt& at) const { return sum / static_cast<T>(at.divisor); }
  T share(T g, const WindowAt& at) const { return g / static_cast<T>(at.divisor); }
  T tap(T share, T) const { return share; }
};

/// Memory of one piece of work, cut into the arrays that its loops need, each on its own cache lines.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : storage_(static_cast<size_t>(bytes)) {}
  template <class E>
  E* take(int64_t n) {
    E* p = reinterpret_cast<E*>(static_cast<char*>(storage_.data()) + used_);
    used_ += size<E>(n);
    return p;
  }
  template <class E>
  static int64_t size(int64_t n) {
    return (n * static_cast<int64_t>(sizeof(E)) + 63) / 64 * 64;
  }

 private:
  Storage storage_;
  int64_t used_ = 0;
};

/// Runs body(first plane, end) over pieces of `planes` planes, each costing `cells` streamed floats.
template <class F>
void over_planes(int64_t planes, int64_t cells, F body) {
  if (planes > 0) parallel_range(planes, cells, body);
}

}  // namespace tarn::kernels
