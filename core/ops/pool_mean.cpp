// Average pooling over any geometry.
#include "core/kernels/pool_mean.h"

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::MeanScratch;
using kernels::Scratch;

template <class T>
struct MeanForms {
  void (*forward)(const Windows&, const T*, T*, int64_t, int64_t, MeanScratch<T>);
  void (*backward)(const Windows&, const T*, T*, int64_t, int64_t, MeanScratch<T>);
};

// The rows compiled for a kernel along W where there are some.
template <class T>
MeanForms<T> mean_forms(const Axis& c) {
  const auto is = [&c](int64_t k, int64_t s) {
    return c.sliding() && c.kernel == k && c.stride == s && c.dilation == 1;
  };
  if (is(2, 1)) return {kernels::mean_rows<T, 2, 1>, kernels::spread_rows<T, 2, 1>};
  if (is(2, 2)) return {kernels::mean_rows<T, 2, 2>, kernels::spread_rows<T, 2, 2>};
  if (is(3, 1)) return {kernels::mean_rows<T, 3, 1>, kernels::spread_rows<T, 3, 1>};
  if (is(3, 2)) return {kernels::mean_rows<T, 3, 2>, kernels::spread_rows<T, 3, 2>};
  return {kernels::mean_rows<T, 0, 1>, kernels::spread_rows<T, 0, 1>};
}

// Runs body(begin, end, memory) over pieces of [0, n).
template <class T, class F>
void with_scratch(const Axis& c, int64_t n, int64_t cost, F body) {
  const int64_t line = MeanScratch<T>::line_room(c);
  const int64_t cells = MeanScratch<T>::cells_room(c);
  if (n == 0) return;
  parallel_range(n, cost, [&](int64_t begin, int64_t end) {
    Scratch scratch(Scratch::size<T>(line) + 2 * Scratch::size<T>(cells));
    body(begin, end, MeanScratch<T>{scratch.take<T>(line), scratch.take<T>(cells), scratch.take<T>(cells)});
  });
}

int64_t plane_count(const Shape& s, const Windows& w) {
  return s.product(0, s.rank() - w.rank);
}

// The transpose of avg_pool.
Tensor avg_pool_backward(const Tensor& g, const Windows& w, const Shape& input) {
  Tensor dx(input, g.dtype());
  const auto& [a, b, c] = w.axes;
  dispatch_floating(g.dtype(), "avg_pool_backward", [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    T* to = dx.fill<T>();
    const auto rows = mean_forms<T>(w.axes[2]).backward;
    const int64_t cost = w.input_cells() + a.output * b.output * (a.kernel * b.kernel + 1) * c.input;
    with_scratch<T>(c, plane_count(input, w), cost, [&](int64_t begin, int64_t end, const MeanScratch<T>& scratch) {
      rows(w, from, to, begin, end, scratch);
    });
  });
  return record("avg_pool_backward", dx, Edge{g, [w](const Tensor& v) { return avg_pool(v, w); }});
}

}  // namespace

Tensor avg_pool(const Tensor& x, const Windows& w) {
  w.check_input("avg_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  const auto& [a, b, c] = w.axes;
  dispatch_floating(x.dtype(), "avg_pool", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    const auto rows = mean_forms<T>(w.axes[2]).forward;
    const int64_t count = y.numel() == 0 ? 0 : plane_count(x.shape(), w) * a.output * b.output;
    const int64_t cost = (a.kernel * b.kernel + 1) * c.input;
    with_scratch<T>(c, count, cost, [&](int64_t begin, int64_t end, const MeanScratch<T>& scratch) {
      rows(w, from, to, begin, end, scratch);
    });
  });
  return record("avg_pool", y, Edge{x, [w, s = x.shape()](const Tensor& g) { return avg_pool_backward(g, w, s); }});
}

namespace {

Tensor overlapping(const Tensors& t) {
  const int rank = t[0].rank() - 2;
  return avg_pool(t[0], sliding_windows("avg_pool", t[0].shape(), rank,
                                        {.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true}));
}
Tensor adaptive(const Tensors& t) {
  return avg_pool(t[0], adaptive_windows("avg_pool", t[0].shape(), t[0].rank() - 2, {3}));
}

}  // namespace

const auto& avg_pool_op = add_op("avg_pool", "mean of each window", overlapping)
                              .sample({{2, 2, 7}})
                              .sample({{2, 2, 5, 6}})
                              .sample({{1, 2, 4, 3, 5}})
                              .sample({{2, 2, 5, 7}}, Domain::any, adaptive);

}  // namespace tarn
