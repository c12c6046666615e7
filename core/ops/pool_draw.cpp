// A value of each window, drawn by weights that the values give.
#include "core/kernels/pool_draw.h"

#include "core/ops.h"
#include "core/ops/winners.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Scratch;

template <class T, class Weight>
void draw(const Winners& winners, const T* x, const T* u, const T* top, T* y, int64_t planes, Weight weight) {
  using I = kernels::IntegerLike<T>;
  const Windows& w = winners.w;
  const int64_t in = w.input_cells();
  const int64_t out = w.output_cells();
  int32_t* won = static_cast<int32_t*>(winners.storage.data());
  kernels::over_planes(planes, in + 8 * out * w.taps(), [&](int64_t begin, int64_t end) {
    const int64_t n = w.axes[2].output;
    Scratch scratch(2 * Scratch::size<T>(n) + 2 * Scratch::size<I>(n));
    const kernels::DrawScratch<T> memory{scratch.take<T>(n), scratch.take<T>(n), scratch.take<I>(n),
                                         scratch.take<I>(n)};
    for (int64_t p = begin; p < end; ++p)
      kernels::draw_plane(w, x + p * in, u + p * out, top ? top + p * out : nullptr, y + p * out, won + p * out, memory,
                          weight);
  });
}

}  // namespace

Tensor draw_pool(const Tensor& x, const Windows& w, const Tensor& samples, DrawBy by) {
  w.check_input("draw_pool", x.shape());
  Tensor y(w.output_shape(x.shape()), x.dtype());
  check(samples.numel() == y.numel() && samples.dtype() == x.dtype(), "draw_pool: ", samples.numel(), " samples of ",
        samples.dtype(), " for ", y.numel(), " windows of ", x.dtype());
  Winners winners = position_winners(w, y.shape());
  const Tensor top = by == DrawBy::softmax ? window_tops(x, w) : Tensor();
  dispatch_floating(x.dtype(), "draw_pool", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    const T* u = samples.data<T>();
    const int64_t planes = w.planes(x.shape());
    if (by == DrawBy::softmax)
      draw(winners, from, u, top.data<T>(), y.fill<T>(), planes, kernels::ExpWeight<T>());
    else
      draw<T>(winners, from, u, nullptr, y.fill<T>(), planes, kernels::OwnWeight<T>());
  });
  return record_winners("draw_pool", x, y, winners);
}

namespace {

Tensor drawn(const Tensors& t, DrawBy by) {
  const Windows w = sliding_windows("draw_pool", t[0].shape(), t[0].rank() - 2,
                                    {.kernel_size = {3}, .stride = {2}, .padding = {1}, .ceil_mode = true});
  return draw_pool(t[0], w, uniform(w.output_shape(t[0].shape()), Stream{7}, 0, 1, t[0].dtype()), by);
}

}  // namespace

const auto& draw_pool_op =
    add_op("draw_pool", "a value of each window, drawn by its share",
           [](const Tensors& t) { return drawn(t, DrawBy::share); })
        .sample({{2, 2, 7}}, Domain::positive)
        .sample({{2, 2, 5, 6}}, Domain::any, [](const Tensors& t) { return drawn(t, DrawBy::softmax); });

}  // namespace tarn
