// Max and average pooling over any geometry.
#include "core/kernels/pool.h"

#include <algorithm>

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::over_planes;

int64_t plane_count(const Shape& s, const Windows& w) {
  return s.product(0, s.rank() - w.rank);
}

/// The position in its plane of each window's winner.
struct Winners {
  Storage storage;
  const int32_t* data() const { return static_cast<const int32_t*>(storage.data()); }
};

Tensor largest(const Tensor& x, const Windows& w, Winners& winners) {
  w.check_input("max_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  winners.storage = Storage(static_cast<size_t>(y.numel()) * sizeof(int32_t));
  const int64_t in_cells = w.input_cells();
  const int64_t out_cells = w.output_cells();
  dispatch_floating(x.dtype(), "max_pool", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    int32_t* won = static_cast<int32_t*>(winners.storage.data());
    over_planes(plane_count(x.shape(), w), in_cells + out_cells * w.taps(), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        kernels::reduce_plane(w, in + p * in_cells, out + p * out_cells, kernels::Largest<T>{won + p * out_cells});
    });
  });
  return y;
}

Tensor max_pool_gather(const Tensor& v, const Winners& winners, const Windows& w);

// Adds each cell of g to its window's winner. Linear in g, and with `max_pool_gather` a closed pair.
Tensor max_pool_backward(const Tensor& g, const Winners& winners, const Windows& w, const Shape& input) {
  Tensor dx(input, g.dtype());
  const int64_t in_cells = w.input_cells();
  const int64_t out_cells = w.output_cells();
  dispatch_floating(g.dtype(), "max_pool_backward", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    T* out = dx.fill<T>();
    over_planes(plane_count(input, w), in_cells + 4 * out_cells, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int32_t* won = winners.data() + p * out_cells;
        T* plane = out + p * in_cells;
        std::fill_n(plane, in_cells, T(0));
        for (int64_t o = 0; o < out_cells; ++o) plane[won[o]] += pg[p * out_cells + o];
      }
    });
  });
  return record("max_pool_backward", dx,
                Edge{g, [winners, w](const Tensor& v) { return max_pool_gather(v, winners, w); }});
}

// The values of v at the winners.
Tensor max_pool_gather(const Tensor& v, const Winners& winners, const Windows& w) {
  Tensor y(w.output_shape(v.shape()), v.dtype());
  const int64_t in_cells = w.input_cells();
  const int64_t out_cells = w.output_cells();
  dispatch_floating(v.dtype(), "max_pool_gather", [&](auto t) {
    using T = decltype(t);
    const T* in = v.data<T>();
    T* out = y.fill<T>();
    over_planes(plane_count(v.shape(), w), 4 * out_cells, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        for (int64_t o = 0; o < out_cells; ++o)
          out[p * out_cells + o] = in[p * in_cells + winners.data()[p * out_cells + o]];
    });
  });
  return record("max_pool_gather", y,
                Edge{v, [winners, w, s = v.shape()](const Tensor& g) { return max_pool_backward(g, winners, w, s); }});
}

Tensor recorded_max(const Tensor& x, const Windows& w, const Winners& winners, const Tensor& y) {
  return record("max_pool", y,
                Edge{x, [winners, w, s = x.shape()](const Tensor& g) { return max_pool_backward(g, winners, w, s); }});
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

Tensor max_pool(const Tensor& x, const Windows& w) {
  Winners winners;
  const Tensor y = largest(x, w, winners);
  return recorded_max(x, w, winners, y);
}

Extreme max_pool_with_indices(const Tensor& x, const Windows& w) {
  Winners winners;
  const Tensor y = largest(x, w, winners);
  Tensor indices(y.shape(), Dtype::i64);
  std::copy_n(winners.data(), y.numel(), indices.fill<int64_t>());
  return {recorded_max(x, w, winners, y), indices};
}

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

Windows overlapping(const Shape& input, int rank) {
  return sliding_windows("pool", input, rank, {.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true});
}
Windows adaptive(const Shape& input, int rank) {
  return adaptive_windows("pool", input, rank, {3});
}
template <Tensor (*pool)(const Tensor&, const Windows&), Windows (*geometry)(const Shape&, int)>
Tensor sampled(const Tensors& t) {
  return pool(t[0], geometry(t[0].shape(), t[0].rank() - 2));
}

}  // namespace

const auto& max_pool_op = add_op("max_pool", "largest value of each window", sampled<max_pool, overlapping>)
                              .sample({{2, 2, 7}}, Domain::away_from_ties)
                              .sample({{2, 2, 5, 6}}, Domain::away_from_ties)
                              .sample({{1, 2, 4, 3, 5}}, Domain::away_from_ties)
                              .sample({{2, 2, 5, 7}}, Domain::away_from_ties, sampled<max_pool, adaptive>);
const auto& avg_pool_op = add_op("avg_pool", "mean of each window", sampled<avg_pool, overlapping>)
                              .sample({{2, 2, 7}})
                              .sample({{2, 2, 5, 6}})
                              .sample({{1, 2, 4, 3, 5}})
                              .sample({{2, 2, 5, 7}}, Domain::any, sampled<avg_pool, adaptive>);

}  // namespace tarn
