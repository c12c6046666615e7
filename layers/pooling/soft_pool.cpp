// SoftPool: every value of a window, weighed by its share of the exponentials.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor soft_pool(const Tensor& x, const Windows& w, bool detached) {
  return detached ? window_softmax_mean(x, x.detach(), w) : window_softmax_mean(x, w);
}

namespace {

struct SoftPool {
  std::string grad_mode = "exact";
  void fields(Fields& f) {
    f("grad_mode", grad_mode, "\"detached\" takes the weights for constants in derivatives, as the authors' code does",
      {.choices = {"exact", "detached"}});
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return soft_pool(x, w, grad_mode == "detached"); }
};

const bool soft_pool_added = add_window_pools<SoftPool>(
    "SoftPool",
    {.group = PoolGroup::soft,
     .doc = "The mean of each window, weighed by the softmax of its values.",
     .formula = "y = Σ w_i x_i, w = softmax(x); ∂y/∂x_j = w_j (1 + x_j - y)",
     .source = "Stergiou, Poppe, Kalliatakis 2021 (arXiv 2101.00440)",
     .use = "instead of max pooling where small activations should keep a say; downsampling of photographs"});
const bool em_pool_added =
    add_window_pools<SoftPool>("EMPool", {.group = PoolGroup::soft,
                                          .doc = "The exponential maximum of AdaPool's paper, which is SoftPool.",
                                          .formula = "y = Σ w_i x_i, w = softmax(x)",
                                          .source = "Stergiou, Poppe 2021 (arXiv 2111.00772)",
                                          .use = "as SoftPool, under the name that AdaPool's paper gives it"});

}  // namespace
}  // namespace tarn
