// MaxMinPool: maxima and minima side by side.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor max_min_pool(const Tensor& x, const Windows& w, bool negate) {
  const Tensor negative = max_pool(-x, w);
  return cat(Tensors{max_pool(x, w), negate ? negative : -negative}, channel_axis(x, w));
}

namespace {

struct MaxMinPool {
  bool negate = true;
  void fields(Fields& f) { f("negate", negate, "gives the minima with the other sign, which are maxima of -x"); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return max_min_pool(x, w, negate); }
};

const bool max_min_pool_added = add_window_pools<MaxMinPool>(
    "MaxMinPool",
    {.group = PoolGroup::sliding,
     .doc = "The maximum of each window, and behind all channels the minima.",
     .formula = "y[n, c] = max(x), y[n, C + c] = -min(x), or min(x) without negate",
     .source = "Blot, Cord, Thome 2016 (arXiv 1610.07882)",
     .use = "right behind a convolution, before its ReLU, where strong negative answers say something, too"});

}  // namespace
}  // namespace tarn
