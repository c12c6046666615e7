// Sums and means of windows over any geometry.
#include "core/kernels/pool_sum.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

// The transpose of avg_pool.
Tensor avg_pool_backward(const Tensor& g, const Windows& w, const Shape& input) {
  Tensor dx(input, g.dtype());
  dispatch_floating(g.dtype(), "avg_pool_backward", [&](auto t) {
    using T = decltype(t);
    const kernels::SpreadFrom<T> from{g.data<T>(), nullptr, nullptr};
    kernels::spread_windows(w, w.planes(input), from, dx.fill<T>(), kernels::RowMean<T>{});
  });
  return record("avg_pool_backward", dx, Edge{g, [w](const Tensor& v) { return avg_pool(v, w); }});
}

}  // namespace

Tensor avg_pool(const Tensor& x, const Windows& w) {
  w.check_input("avg_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  dispatch_floating(x.dtype(), "avg_pool", [&](auto t) {
    using T = decltype(t);
    kernels::sum_windows(w, w.planes(x.shape()), x.data<T>(), y.fill<T>(), kernels::RowMean<T>{});
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
