// Max pooling over any geometry: the forward picks winners, the backward and its transpose follow them.
#include <algorithm>

#include "core/kernels/pool_max_spans.h"
#include "core/ops.h"
#include "core/ops/winners.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Scratch;

Winners winners_for(const Windows& w, const Shape& output) {
  const bool sliding = w.axes[0].sliding() && w.axes[1].sliding() && w.axes[2].sliding();
  const bool bytes = sliding && w.axes[0].kernel * w.axes[1].kernel <= most_byte_taps && w.taps() <= most_byte_taps;
  return {Storage(static_cast<size_t>(output.numel()) * (bytes ? 1 : sizeof(int32_t))), w, bytes};
}

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
  const int64_t columns = kernels::MarginRows<T>::columns(w);
  const int64_t bytes = Scratch::size<T>(room) + Scratch::size<int64_t>(slots) +
                        Scratch::size<const T*>(a.kernel * b.kernel) + 2 * Scratch::size<I>(columns) +
                        Scratch::size<T>(length) + Scratch::size<I>(length);
  const MaxRows<T> rows = max_rows_for<T>(w);
  uint8_t* won = static_cast<uint8_t*>(winners.storage.data());
  parallel_range(planes * a.output * b.output, c.output * w.taps() + c.input, [&](int64_t begin, int64_t end) {
    Scratch scratch(bytes);
    const kernels::MaxScratch<T> memory{
        scratch.take<T>(room),    scratch.take<int64_t>(slots), scratch.take<const T*>(a.kernel * b.kernel),
        scratch.take<I>(columns), scratch.take<I>(columns),     scratch.take<T>(length),
        scratch.take<I>(length)};
    rows(w, x, y, won, begin, end, memory);
  });
}

// The same windows; one that is the whole plane is given rows of a length that suits vectors, since positions are
// counted through the plane.
Windows in_long_rows(const Windows& w) {
  const int64_t cells = w.input_cells();
  if (!w.axes[0].global() || !w.axes[1].global() || !w.axes[2].global()) return w;
  for (int64_t width = 128; width >= 64; --width)
    if (cells >= 4 * width && cells % width == 0)
      return global_windows("max_pool", Shape{1, 1, cells / width, width}, 2);
  return w;
}

template <class T>
void pick_positions(const Winners& winners, const T* x, T* y, int64_t planes) {
  const Windows w = in_long_rows(winners.w);
  const Axis& c = w.axes[2];
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  int32_t* won = static_cast<int32_t*>(winners.storage.data());
  kernels::over_planes(planes, 2 * in + 4 * out, [&](int64_t begin, int64_t end) {
    Scratch scratch(kernels::SpansScratch<T>::size(c));
    const kernels::SpansScratch<T> memory(scratch, c);
    const auto columns = kernels::Columns::of(c, memory.first, memory.last);
    for (int64_t p = begin; p < end; ++p) {
      if (c.dilation == 1)
        kernels::max_plane_of_spans(w, columns, x + p * in, y + p * out, won + p * out, memory);
      else
        kernels::reduce_plane(w, x + p * in, y + p * out, kernels::Largest<T>{won + p * out});
    }
  });
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
  return record_winners("max_pool", x, y, winners);
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
