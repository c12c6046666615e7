// What windows see, laid out as a tensor: the definition that every pooling can be written over, and its transpose.
#include <algorithm>

#include "core/kernels/pool.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

// Calls f(slot, position) for every valid tap of a window, the slot counting the taps of the unclipped window.
template <class F>
void each_slot(const Windows& w, const Span& d, const Span& h, const Span& c, F f) {
  for (int64_t i = 0; i < d.taps; ++i)
    for (int64_t j = 0; j < h.taps; ++j) {
      const int64_t z = d.first + i * w.axes[0].dilation;
      const int64_t y = h.first + j * w.axes[1].dilation;
      int64_t slot = ((d.skipped + i) * w.axes[1].kernel + h.skipped + j) * w.axes[2].kernel + c.skipped;
      int64_t position = (z * w.axes[1].input + y) * w.axes[2].input + c.first;
      for (int64_t k = 0; k < c.taps; ++k, position += w.axes[2].dilation) f(slot++, position);
    }
}

template <class T>
void lay_out(const Windows& w, const T* x, T* rows, T fill) {
  const int64_t taps = w.taps();
  kernels::each_window(w, [&](const Span& d, const Span& h, const Span& c) {
    std::fill_n(rows, taps, fill);
    each_slot(w, d, h, c, [&](int64_t slot, int64_t position) { rows[slot] = x[position]; });
    rows += taps;
  });
}

template <class T>
void add_back(const Windows& w, const T* rows, T* x) {
  const int64_t taps = w.taps();
  std::fill_n(x, w.input_cells(), T(0));
  kernels::each_window(w, [&](const Span& d, const Span& h, const Span& c) {
    each_slot(w, d, h, c, [&](int64_t slot, int64_t position) { x[position] += rows[slot]; });
    rows += taps;
  });
}

}  // namespace

Tensor windows(const Tensor& x, const Windows& w, double fill) {
  w.check_input("windows", x.shape());
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().end() - w.rank);
  const int64_t planes = x.shape().product(0, x.rank() - w.rank);
  const int64_t cells = w.output_cells();
  const int64_t taps = w.taps();
  check(cells == 0 || taps <= (int64_t{1} << 46) / cells, "windows: ", cells, " windows of ", taps,
        " taps do not fit in memory");
  sizes.insert(sizes.end(), {cells, taps});
  Tensor y(Shape(sizes), x.dtype());
  dispatch_floating(x.dtype(), "windows", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    kernels::over_planes(planes, 2 * cells * taps, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        lay_out(w, in + p * w.input_cells(), out + p * cells * taps, static_cast<T>(fill));
    });
  });
  return record("windows", y, Edge{x, [w](const Tensor& g) { return fold(g, w); }});
}

Tensor fold(const Tensor& g, const Windows& w) {
  const int64_t cells = w.output_cells();
  const int64_t taps = w.taps();
  const bool fits = g.rank() >= 3 && g.shape()[g.rank() - 2] == cells && g.shape()[g.rank() - 1] == taps;
  check(fits, "fold: ", g.shape(), " does not end in ", cells, " windows of ", taps, " taps");
  std::vector<int64_t> sizes(g.shape().begin(), g.shape().end() - 2);
  for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].input);
  Tensor x(Shape(sizes), g.dtype());
  dispatch_floating(g.dtype(), "fold", [&](auto t) {
    using T = decltype(t);
    const T* in = g.data<T>();
    T* out = x.fill<T>();
    kernels::over_planes(g.shape().product(0, g.rank() - 2), 2 * cells * taps, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) add_back(w, in + p * cells * taps, out + p * w.input_cells());
    });
  });
  return record("fold", x, Edge{g, [w](const Tensor& v) { return windows(v, w); }});
}

namespace {
Windows sample_windows(const Shape& input) {
  return sliding_windows("windows", input, 2,
                         {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}});
}
}  // namespace

const auto& windows_op = add_op("windows", "the values that each pooling window sees", [](const Tensors& t) {
                           return windows(t[0], sample_windows(t[0].shape()));
                         }).sample({{2, 2, 5, 4}});
const auto& fold_windows_op =
    add_op("fold_windows", "the transpose of windows: adds every tap back to its cell", [](const Tensors& t) {
      return fold(t[0], sample_windows({1, 1, 5, 4}));
    }).sample({{2, 2, 6, 6}});

}  // namespace tarn
