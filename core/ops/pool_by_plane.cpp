// Maxima and means over windows that every plane has its own of.
#include "core/ops/pool_by_plane.h"

#include <memory>

#include "core/kernels/pool_max_spans.h"
#include "core/ops.h"
#include "core/ops/window_watch.h"
#include "core/ops/winners.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Scratch;

void check_planes(const char* op, const Tensor& x, const PlaneWindows& w) {
  // Each of them is noted by whoever watches; the sizes, which all share, are no windows of this pooling.
  (w.planes.empty() ? w.sizes : w.planes.front()).check_input(op, x.shape());
  for (size_t i = 1; i < w.planes.size(); ++i) WindowsWatch::note(op, w.planes[i]);
  const int64_t planes = w.sizes.planes(x.shape());
  check(planes == 0 || w.planes.size() == 1 || static_cast<int64_t>(w.planes.size()) == planes, op, ": windows for ",
        w.planes.size(), " planes, but the input ", x.shape(), " has ", planes);
}

template <class T>
void pick(const PlaneWindows& w, const T* x, T* y, int32_t* won, int64_t planes) {
  const int64_t in = w.sizes.input_cells();
  const int64_t out = w.sizes.output_cells();
  kernels::over_planes(planes, 4 * in + 8 * out, [&](int64_t begin, int64_t end) {
    const Axis& c = w.sizes.axes[2];
    Scratch scratch(kernels::SpansScratch<T>::size(c));
    const kernels::SpansScratch<T> memory(scratch, c);
    for (int64_t p = begin; p < end; ++p) {
      const Windows& own = w.of(p);
      const auto columns = kernels::Columns::of(own.axes[2], memory.first, memory.last);
      kernels::max_plane_of_spans(own, columns, x + p * in, y + p * out, won + p * out, memory);
    }
  });
}

using Shared = std::shared_ptr<const PlaneWindows>;

Tensor means(const Tensor& x, const Shared& w);

/// The transpose of `means`.
Tensor spread(const Tensor& g, const Shared& w) {
  Tensor dx = Tensor::zeros(w->sizes.input_shape("avg_pool_by_plane", g.shape()), g.dtype());
  dispatch_floating(g.dtype(), "avg_pool_by_plane", [&](auto zero) {
    using T = decltype(zero);
    const T* from = g.data<T>();
    T* to = dx.fill<T>();
    const int64_t in = w->sizes.input_cells();
    const int64_t out = w->sizes.output_cells();
    kernels::over_planes(w->sizes.planes(g.shape()), in + 8 * out, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        kernels::spread_plane<T>(w->of(p), from + p * out, nullptr, to + p * in, kernels::Mean<T>{});
    });
  });
  return record("avg_pool_by_plane_spread", dx, Edge{g, [w](const Tensor& v) { return means(v, w); }});
}

Tensor means(const Tensor& x, const Shared& w) {
  Tensor y(w->sizes.output_shape(x.shape()), x.dtype());
  dispatch_floating(x.dtype(), "avg_pool_by_plane", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    const int64_t in = w->sizes.input_cells();
    const int64_t out = w->sizes.output_cells();
    kernels::over_planes(w->sizes.planes(x.shape()), in + 8 * out, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        kernels::reduce_plane(w->of(p), from + p * in, to + p * out, kernels::Mean<T>{});
    });
  });
  return record("avg_pool_by_plane", y, Edge{x, [w](const Tensor& g) { return spread(g, w); }});
}

}  // namespace

namespace {

/// The largest values, recorded; where they stood goes to `winners`.
Tensor picked(const Tensor& x, const PlaneWindows& w, Winners& winners) {
  check_planes("max_pool_by_plane", x, w);
  Tensor y(w.sizes.output_shape(x.shape()), x.dtype());
  winners = position_winners(w.sizes, y.shape());
  dispatch_floating(x.dtype(), "max_pool_by_plane", [&](auto zero) {
    using T = decltype(zero);
    pick(w, x.data<T>(), y.fill<T>(), winners.fill_positions(), w.sizes.planes(x.shape()));
  });
  return record_winners("max_pool_by_plane", x, y, winners);
}

}  // namespace

Tensor max_pool_by_plane(const Tensor& x, const PlaneWindows& w) {
  Winners winners;
  return picked(x, w, winners);
}

Extreme max_pool_by_plane_with_indices(const Tensor& x, const PlaneWindows& w) {
  Winners winners;
  const Tensor y = picked(x, w, winners);
  return {y, positions_in_plane(winners, y.shape())};
}

Tensor avg_pool_by_plane(const Tensor& x, const PlaneWindows& w) {
  check_planes("avg_pool_by_plane", x, w);
  return means(x, std::make_shared<const PlaneWindows>(w));
}

namespace {

/// Two windows a plane, which move on from plane to plane.
PlaneWindows moving(const Shape& x) {
  PlaneWindows w{adaptive_windows("sample", x, 1, {2}), {}};
  for (int64_t p = 0; p < x[0] * x[1]; ++p)
    w.planes.push_back(listed_windows(
        "sample", x, {{{.first = p % 3, .taps = 3, .extent = 3}, {.first = 4, .taps = 2, .extent = 2}}}));
  return w;
}

}  // namespace

const auto& max_by_plane_op =
    add_op("max_pool_by_plane", "largest value of windows that each plane has its own of", [](const Tensors& t) {
      return max_pool_by_plane(t[0], moving(t[0].shape()));
    }).sample({{2, 2, 6}}, Domain::away_from_ties);
const auto& avg_by_plane_op =
    add_op("avg_pool_by_plane", "mean of windows that each plane has its own of", [](const Tensors& t) {
      return avg_pool_by_plane(t[0], moving(t[0].shape()));
    }).sample({{2, 2, 6}});

}  // namespace tarn
