// Max pooling over any geometry: the forward picks winners, the backward and its transpose follow them.
#include "core/kernels/pool_max.h"

#include <algorithm>

#include "core/decisions.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {
namespace {

using kernels::Scratch;

constexpr int64_t most_byte_taps = 255;

/// Each window's winner. Where all axes slide and few taps are looked at, as a tap of the unclipped window in one byte;
/// else as a position in the plane.
struct Winners {
  Storage storage;
  Windows w;
  bool bytes = false;
  const uint8_t* taps() const { return static_cast<const uint8_t*>(storage.data()); }
  const int32_t* positions() const { return static_cast<const int32_t*>(storage.data()); }
  int64_t planes(const Shape& s) const { return s.product(0, s.rank() - w.rank); }
};

Winners winners_for(const Windows& w, const Shape& output) {
  const bool sliding = w.axes[0].sliding() && w.axes[1].sliding() && w.axes[2].sliding();
  const bool bytes = sliding && w.axes[0].kernel * w.axes[1].kernel <= most_byte_taps && w.taps() <= most_byte_taps;
  return {Storage(static_cast<size_t>(output.numel()) * (bytes ? 1 : sizeof(int32_t))), w, bytes};
}

/// Where each tap of a window lies in the plane, from its first one. Those outside the plane do not matter: no winner
/// is there.
struct TapOffsets {
  int32_t at[most_byte_taps];
  explicit TapOffsets(const Windows& w) {
    const auto& [a, b, c] = w.axes;
    for (int64_t t = 0; t < w.taps(); ++t) {
      const int64_t slice = t / (b.kernel * c.kernel) * a.dilation;
      const int64_t row = slice * b.input + t / c.kernel % b.kernel * b.dilation;
      at[t] = static_cast<int32_t>(row * c.input + t % c.kernel * c.dilation);
    }
  }
};

template <class T>
using MaxRows = void (*)(const Windows&, const T*, T*, uint8_t*, int64_t, int64_t, kernels::MaxScratch<T>);

// The row compiled for a kernel where there is one.
template <class T>
MaxRows<T> max_rows_for(const Windows& w) {
  const int64_t rows = w.axes[0].kernel * w.axes[1].kernel;
  const auto& c = w.axes[2];
  const auto is = [&](int64_t r, int64_t k, int64_t s) {
    return rows == r && c.kernel == k && c.stride == s && c.dilation == 1;
  };
  if (is(1, 2, 1)) return kernels::max_rows<T, 1, 2, 1>;
  if (is(1, 2, 2)) return kernels::max_rows<T, 1, 2, 2>;
  if (is(2, 2, 1)) return kernels::max_rows<T, 2, 2, 1>;
  if (is(2, 2, 2)) return kernels::max_rows<T, 2, 2, 2>;
  if (is(4, 2, 2)) return kernels::max_rows<T, 4, 2, 2>;
  if (is(1, 3, 1)) return kernels::max_rows<T, 1, 3, 1>;
  if (is(1, 3, 2)) return kernels::max_rows<T, 1, 3, 2>;
  if (is(3, 3, 1)) return kernels::max_rows<T, 3, 3, 1>;
  if (is(3, 3, 2)) return kernels::max_rows<T, 3, 3, 2>;
  if (is(9, 3, 2)) return kernels::max_rows<T, 9, 3, 2>;
  return kernels::max_rows<T, 0, 0, 0>;
}

template <class T>
void pick_taps(const Winners& winners, const T* x, T* y, int64_t planes) {
  using I = kernels::IntegerLike<T>;
  const Windows& w = winners.w;
  const auto& [a, b, c] = w.axes;
  const int64_t room = kernels::MarginRows<T>::room(w);
  const int64_t slots = kernels::MarginRows<T>::slots(w);
  const int64_t length = kernels::MarginRows<T>::length(w);
  const int64_t bytes = Scratch::size<T>(room) + Scratch::size<int64_t>(slots) +
                        Scratch::size<const T*>(a.kernel * b.kernel) + 2 * Scratch::size<I>(c.output) +
                        Scratch::size<T>(length) + Scratch::size<I>(length);
  const MaxRows<T> rows = max_rows_for<T>(w);
  uint8_t* won = static_cast<uint8_t*>(winners.storage.data());
  parallel_range(planes * a.output * b.output, c.output * w.taps() + c.input, [&](int64_t begin, int64_t end) {
    Scratch scratch(bytes);
    const kernels::MaxScratch<T> memory{
        scratch.take<T>(room),     scratch.take<int64_t>(slots), scratch.take<const T*>(a.kernel * b.kernel),
        scratch.take<I>(c.output), scratch.take<I>(c.output),    scratch.take<T>(length),
        scratch.take<I>(length)};
    rows(w, x, y, won, begin, end, memory);
  });
}

template <class T>
void pick_positions(const Winners& winners, const T* x, T* y, int64_t planes) {
  using I = kernels::IntegerLike<T>;
  const Windows& w = winners.w;
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  int32_t* won = static_cast<int32_t*>(winners.storage.data());
  kernels::over_planes(planes, 2 * in + 4 * out, [&](int64_t begin, int64_t end) {
    const int64_t width = w.axes[2].input;
    Scratch scratch(Scratch::size<T>(width) + Scratch::size<I>(width));
    T* tops = scratch.take<T>(width);
    I* places = scratch.take<I>(width);
    for (int64_t p = begin; p < end; ++p) {
      if (w.axes[2].dilation == 1)
        kernels::max_plane_down_then_across(w, x + p * in, y + p * out, won + p * out, tops, places);
      else
        kernels::reduce_plane(w, x + p * in, y + p * out, kernels::Largest<T>{won + p * out});
    }
  });
}

Tensor max_pool_gather(const Tensor& v, const Winners& winners);

// Adds each cell of g to its window's winner. Linear in g, and with `max_pool_gather` a closed pair.
Tensor max_pool_backward(const Tensor& g, const Winners& winners, const Shape& input) {
  Tensor dx(input, g.dtype());
  const Windows& w = winners.w;
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  dispatch_floating(g.dtype(), "max_pool_backward", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    T* to = dx.fill<T>();
    const TapOffsets offsets(winners.bytes ? w : Windows());
    kernels::over_planes(winners.planes(input), in + 4 * out, [&](int64_t begin, int64_t end) {
      if (winners.bytes) {
        kernels::scatter_taps(w, winners.taps(), offsets.at, pg, to, begin, end);
        return;
      }
      std::fill_n(to + begin * in, (end - begin) * in, T(0));
      for (int64_t p = begin; p < end; ++p)
        for (int64_t o = p * out; o < (p + 1) * out; ++o) to[p * in + winners.positions()[o]] += pg[o];
    });
  });
  return record("max_pool_backward", dx, Edge{g, [winners](const Tensor& v) { return max_pool_gather(v, winners); }});
}

// The values of v at the winners.
Tensor max_pool_gather(const Tensor& v, const Winners& winners) {
  const Windows& w = winners.w;
  Tensor y(w.output_shape(v.shape()), v.dtype());
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  dispatch_floating(v.dtype(), "max_pool_gather", [&](auto t) {
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
  return record("max_pool_gather", y,
                Edge{v, [winners, s = v.shape()](const Tensor& g) { return max_pool_backward(g, winners, s); }});
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

// Values at the places that won in an earlier evaluation.
Tensor values_at(const Tensor& x, const Tensor& places, int rank) {
  const int64_t planes = x.shape().product(0, x.rank() - rank);
  const NoRecord quiet;
  const Tensor rows = x.detach().viewed({planes, x.numel() / std::max<int64_t>(planes, 1)});
  const Tensor index = places.viewed({planes, places.numel() / std::max<int64_t>(planes, 1)});
  return gather(rows, 1, index).viewed(places.shape());
}

// The pooled values, recorded; the winners go to `winners`.
Tensor picked(const Tensor& x, const Windows& w, Winners& winners) {
  w.check_input("max_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  winners = winners_for(w, y.shape());
  dispatch_floating(x.dtype(), "max_pool", [&](auto t) {
    using T = decltype(t);
    const int64_t planes = winners.planes(x.shape());
    if (winners.bytes)
      pick_taps(winners, x.data<T>(), y.fill<T>(), planes);
    else
      pick_positions(winners, x.data<T>(), y.fill<T>(), planes);
  });
  if (Decisions* watch = Decisions::current()) {
    const Tensor places = watch->choose("max_pool", positions_in_plane(winners, y.shape()));
    if (watch->follows()) y = values_at(x, places, w.rank);
  }
  return record("max_pool", y,
                Edge{x, [winners, s = x.shape()](const Tensor& g) { return max_pool_backward(g, winners, s); }});
}

}  // namespace

Tensor max_pool(const Tensor& x, const Windows& w) {
  Winners winners;
  return picked(x, w, winners);
}

Extreme max_pool_with_indices(const Tensor& x, const Windows& w) {
  Winners winners;
  const Tensor y = picked(x, w, winners);
  return {y, positions_in_plane(winners, y.shape())};
}

namespace {

Tensor overlapping(const Tensors& t) {
  const int rank = t[0].rank() - 2;
  return max_pool(t[0], sliding_windows("max_pool", t[0].shape(), rank,
                                        {.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true}));
}
Tensor adaptive(const Tensors& t) {
  return max_pool(t[0], adaptive_windows("max_pool", t[0].shape(), t[0].rank() - 2, {3}));
}

}  // namespace

const auto& max_pool_op = add_op("max_pool", "largest value of each window", overlapping)
                              .sample({{2, 2, 7}}, Domain::away_from_ties)
                              .sample({{2, 2, 5, 6}}, Domain::away_from_ties)
                              .sample({{1, 2, 4, 3, 5}}, Domain::away_from_ties)
                              .sample({{2, 2, 5, 7}}, Domain::away_from_ties, adaptive);

}  // namespace tarn
