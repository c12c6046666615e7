// RegularizedPool: max pooling whose windows agree with their neighbours on where in a window to look.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor regularized_pool(const Tensor& x, const Windows& w, int64_t radius) {
  const Tensor winners = max_pool_with_indices(x, w).indices;
  const Windows near = sliding_windows("regularized_pool", winners.shape(), w.rank,
                                       {.kernel_size = {2 * radius + 1}, .stride = {1}, .padding = {radius}});
  const Tensor neighbours = sum_pool(Tensor::ones(winners.shape(), Dtype::f64), near);
  Tensor position = Tensor::zeros(winners.shape(), Dtype::f64);
  for (int64_t i = 3 - w.rank, step = w.input_cells(); i < 3; ++i) {
    const Axis& a = w.axes[static_cast<size_t>(i)];
    check(a.sliding() && a.dilation == 1, "regularized_pool: expects sliding windows without dilation");
    step /= a.input;
    const Shape along = Shape{1, 1, 1}.with(static_cast<int>(i), a.output);
    const Tensor starts = reshape(Tensor::arange(a.output).to(Dtype::f64), Shape(along.span().last(w.rank))) *
                              static_cast<double>(a.stride) -
                          static_cast<double>(a.padding);
    const Tensor size = Tensor::full({}, static_cast<double>(a.input), Dtype::f64);
    const Tensor shifts = remainder(floor(winners.to(Dtype::f64) / static_cast<double>(step)), size) - starts;
    const Tensor agreed = starts + floor(sum_pool(shifts, near) / neighbours + 0.5);
    position = position + clamp(agreed, 0, a.input - 1) * static_cast<double>(step);
  }
  const Tensor index = flatten(position.to(Dtype::i64), -w.rank);
  return reshape(gather(flatten(x, -w.rank), -1, index), winners.shape());
}

namespace {

struct RegularizedPool {
  int64_t radius = 1;
  void fields(Fields& f) {
    f("radius", radius, "how many windows away neighbours count, 0: none", {.lo = 0, .hi = 64});
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return regularized_pool(x, w, radius); }
};

const bool regularized_pool_added = add_window_pools<RegularizedPool>(
    "RegularizedPool",
    {.group = PoolGroup::sliding,
     .doc = "The value of each window where the largest ones of it and its neighbours lie on the average.",
     .formula = "d the place of the maximum in its window; y = x at ⌊mean of d over windows up to radius away + 1/2⌋, "
                "brought into the input at its edges",
     .source = "Otsuzuki, Hayashi, Zheng, Uchida 2020 (arXiv 2005.02709)",
     .use = "for drawn or written shapes, where max pooling deforms strokes more than classes can bear"});

}  // namespace
}  // namespace tarn
