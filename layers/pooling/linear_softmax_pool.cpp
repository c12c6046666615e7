// LinearSoftmaxPool: every value of a window, weighed by itself.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor linear_softmax_pool(const Tensor& x, const Windows& w) {
  const Taps t = taps_of(x, w);
  const Tensor total = sum_taps(t.values);
  const Tensor empty = le(total, Tensor::full({}, 1e-12, x.dtype()));
  const Tensor seen = where(empty, Tensor::zeros({}, x.dtype()), t.values);
  const Tensor shares = seen / where(empty, Tensor::ones({}, x.dtype()), total);  // no square overflows
  return as_output(sum_taps(seen * shares), t);
}

namespace {

struct LinearSoftmaxPool {
  void fields(Fields&) {}
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return linear_softmax_pool(x, w); }
};

const bool linear_softmax_pool_added = add_window_pools<LinearSoftmaxPool>(
    "LinearSoftmaxPool", {.group = PoolGroup::soft,
                          .doc = "The mean of each window's values, which must not be negative, weighed by themselves.",
                          .formula = "y = Σ x_i² / Σ x_i, 0 where Σ x_i <= 1e-12; ∂y/∂x_j = (2 x_j - y) / Σ x_i",
                          .source = "Wang, Li, Metze 2018 (arXiv 1810.09050)",
                          .use = "probabilities over time, as in the detection of sound events with weak labels",
                          .domain = Domain::positive});

}  // namespace
}  // namespace tarn
