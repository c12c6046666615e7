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

Tensor sum_pool(const Tensor& x, Windows w) {
  w.divisor_override = 1;
  return avg_pool(x, w);
}

Tensor avg_unpool(const Tensor& x, Windows w, UnpoolMode mode) {
  const Shape planes = w.input_shape("avg_unpool", x.shape());
  if (mode == UnpoolMode::adjoint) return avg_pool_backward(x, w, planes);
  w.divisor_override = 1;
  const Shape one(planes.span().subspan(static_cast<size_t>(planes.rank() - w.rank - 1)));
  const Shape cells = w.output_shape(one).with(0, 1);
  const Tensor covering = avg_pool_backward(Tensor::ones(cells, x.dtype()), w, one.with(0, 1));
  return avg_pool_backward(x, w, planes) / clamp(covering, 1, {});
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

Tensor unpooled(const Tensors& t, UnpoolMode mode) {
  const SlidingOptions options{.kernel_size = {3}, .stride = {2}, .padding = {1}};
  return avg_unpool(t[0], unpooling_windows("avg_unpool", t[0].shape(), t[0].rank() - 2, options, {}), mode);
}

}  // namespace

const auto& avg_pool_op = add_op("avg_pool", "mean of each window", overlapping)
                              .sample({{2, 2, 7}})
                              .sample({{2, 2, 5, 6}})
                              .sample({{1, 2, 4, 3, 5}})
                              .sample({{2, 2, 5, 7}}, Domain::any, adaptive);
const auto& sum_pool_op = add_op("sum_pool", "sum of each window", [](const Tensors& t) {
                            return sum_pool(t[0], sliding_windows("sum_pool", t[0].shape(), t[0].rank() - 2,
                                                                  {.kernel_size = {3}, .stride = {2}}));
                          }).sample({{2, 2, 5, 6}});
const auto& avg_unpool_op =
    add_op("avg_unpool", "each value spread over the window that it may have been the mean of",
           [](const Tensors& t) { return unpooled(t, UnpoolMode::copy); })
        .sample({{2, 2, 4}})
        .sample({{2, 2, 3, 2}})
        .sample({{1, 2, 2, 3, 2}}, Domain::any, [](const Tensors& t) { return unpooled(t, UnpoolMode::adjoint); });

}  // namespace tarn
