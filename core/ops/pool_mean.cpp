// Average pooling over any geometry.
#include <algorithm>

#include "core/kernels/pool.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::over_planes;

int64_t plane_count(const Shape& s, const Windows& w) {
  return s.product(0, s.rank() - w.rank);
}

// The transpose of avg_pool.
Tensor avg_pool_backward(const Tensor& g, const Windows& w, const Shape& input) {
  Tensor dx(input, g.dtype());
  const int64_t in_cells = w.input_cells();
  const int64_t out_cells = w.output_cells();
  dispatch_floating(g.dtype(), "avg_pool_backward", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    T* out = dx.fill<T>();
    over_planes(plane_count(input, w), in_cells + out_cells * w.taps(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        T* plane = out + p * in_cells;
        std::fill_n(plane, in_cells, T(0));
        kernels::spread_plane<T>(w, pg + p * out_cells, nullptr, plane, kernels::Mean<T>{});
      }
    });
  });
  return record("avg_pool_backward", dx, Edge{g, [w](const Tensor& v) { return avg_pool(v, w); }});
}

}  // namespace

Tensor avg_pool(const Tensor& x, const Windows& w) {
  w.check_input("avg_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  const int64_t in_cells = w.input_cells();
  const int64_t out_cells = w.output_cells();
  dispatch_floating(x.dtype(), "avg_pool", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    over_planes(plane_count(x.shape(), w), in_cells + out_cells * w.taps(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        kernels::reduce_plane(w, in + p * in_cells, out + p * out_cells, kernels::Mean<T>{});
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
