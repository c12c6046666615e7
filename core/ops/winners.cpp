// The pair of ops behind poolings that choose: what is scattered to the winners, and what is gathered from them.
#include "core/ops/winners.h"

#include <algorithm>

#include "core/decisions.h"
#include "core/kernels/pool_max.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn {
namespace {

Tensor winners_gather(const Tensor& v, const Winners& winners);

// Adds each cell of g to its window's winner. Linear in g, and with `winners_gather` a closed pair.
Tensor winners_scatter(const Tensor& g, const Winners& winners, const Shape& input) {
  Tensor dx(input, g.dtype());
  const Windows& w = winners.w;
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  dispatch_floating(g.dtype(), "winners_scatter", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    T* to = dx.fill<T>();
    const TapOffsets offsets(winners.bytes ? w : Windows());
    kernels::over_planes(winners.planes(input), in + 4 * out, [&](int64_t begin, int64_t end) {
      if (winners.bytes) {
        kernels::scatter_taps(w, winners.taps(), offsets.at, pg, to, begin, end);
        return;
      }
      for (int64_t p = begin; p < end; ++p) {
        std::fill_n(to + p * in, in, T(0));
        for (int64_t o = p * out; o < (p + 1) * out; ++o) to[p * in + winners.positions()[o]] += pg[o];
      }
    });
  });
  return record("winners_scatter", dx, Edge{g, [winners](const Tensor& v) { return winners_gather(v, winners); }});
}

// The values of v at the winners.
Tensor winners_gather(const Tensor& v, const Winners& winners) {
  const Windows& w = winners.w;
  Tensor y(w.output_shape(v.shape()), v.dtype());
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  dispatch_floating(v.dtype(), "winners_gather", [&](auto t) {
    using T = decltype(t);
    const T* from = v.data<T>();
    T* to = y.fill<T>();
    const TapOffsets offsets(winners.bytes ? w : Windows());
    kernels::over_planes(winners.planes(v.shape()), 4 * out, [&](int64_t begin, int64_t end) {
      if (winners.bytes) {
        kernels::gather_taps(w, winners.taps(), offsets.at, from, to, begin, end);
        return;
      }
      for (int64_t p = begin; p < end; ++p)
        for (int64_t o = p * out; o < (p + 1) * out; ++o) to[o] = from[p * in + winners.positions()[o]];
    });
  });
  return record("winners_gather", y,
                Edge{v, [winners, s = v.shape()](const Tensor& g) { return winners_scatter(g, winners, s); }});
}

// Values at the places that won in an earlier evaluation.
Tensor values_at(const Tensor& x, const Tensor& places, int rank) {
  const int64_t planes = x.shape().product(0, x.rank() - rank);
  const NoRecord quiet;
  const Tensor rows = x.detach().viewed({planes, x.numel() / std::max<int64_t>(planes, 1)});
  const Tensor index = places.viewed({planes, places.numel() / std::max<int64_t>(planes, 1)});
  return gather(rows, 1, index).viewed(places.shape());
}

}  // namespace

Winners position_winners(const Windows& w, const Shape& output) {
  return {Storage(static_cast<size_t>(output.numel()) * sizeof(int32_t)), w, false};
}

Tensor positions_in_plane(const Winners& winners, const Shape& output) {
  Tensor indices(output, Dtype::i64);
  int64_t* to = indices.fill<int64_t>();
  const Windows& w = winners.w;
  const int64_t out = w.output_cells();
  const TapOffsets offsets(winners.bytes ? w : Windows());
  kernels::over_planes(winners.planes(output), 2 * out, [&](int64_t begin, int64_t end) {
    if (winners.bytes)
      kernels::tap_positions(w, winners.taps(), offsets.at, to, begin, end);
    else
      std::copy(winners.positions() + begin * out, winners.positions() + end * out, to + begin * out);
  });
  return indices;
}

Tensor record_winners(const char* op, const Tensor& x, Tensor y, Winners& winners) {
  if (Decisions* watch = Decisions::current()) {
    const Tensor places = watch->choose(op, positions_in_plane(winners, y.shape()));
    if (watch->follows()) {
      y = values_at(x, places, winners.w.rank);
      winners = position_winners(winners.w, y.shape());
      std::copy_n(places.data<int64_t>(), places.numel(), winners.fill_positions());
    }
  }
  return record(op, y, Edge{x, [winners, s = x.shape()](const Tensor& g) { return winners_scatter(g, winners, s); }});
}

}  // namespace tarn
