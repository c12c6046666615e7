// SmoothMaxPool: SoftPool whose sharpness is learned.
#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor smooth_max_pool(const Tensor& x, const Windows& w, const Tensor& beta) {
  return window_softmax_mean(x, per_channel(along_channels("smooth_max_pool: beta", beta, x.shape(), w), w) * x, w);
}

namespace {

struct SmoothMaxPool {
  double beta = 1;
  bool learn_beta = true;
  std::string beta_scope = "shared";
  Tensor learned;

  void fields(Fields& f) {
    f("beta", beta, "sharpness, initially: 0 the mean, 1 SoftPool, ±infinity the maximum or minimum");
    f("learn_beta", learn_beta, "beta is learned");
    f("beta_scope", beta_scope, "one learned beta for all, or one for each channel", scope_rule());
  }
  void build(Build& build, const Shape& x, int rank) {
    if (learn_beta) learned = build.parameter("beta", scope_shape(beta_scope, x, rank), init::constant(beta));
  }
  void parts(Parts& p) { p("beta", learned); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return smooth_max_pool(x, w, learned.defined() ? learned : Tensor::full({1}, beta, x.dtype()));
  }
};

/// The same under the name, and with the scope, of its paper on sounds: a sharpness for each class.
struct AutoPool : SmoothMaxPool {
  AutoPool() { beta_scope = "per_channel"; }
  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    if (learned.defined() && learned.numel() > 1) check_channels("auto_pool", x, w.rank, learned.numel());
    return SmoothMaxPool::pool(x, w, context);
  }
};

const bool smooth_max_pool_added = add_window_pools<SmoothMaxPool>(
    "SmoothMaxPool", {.group = PoolGroup::soft,
                      .doc = "The mean of each window, weighed by the softmax of its values times a learned number.",
                      .formula = "y = Σ w_i x_i, w = softmax(β x); ∂y/∂x_j = w_j (1 + β (x_j - y)); "
                                 "∂y/∂β = Σ w_i (x_i - y)²",
                      .source = "Lange et al. 2014; McFee, Salamon, Bello 2018 (arXiv 1804.10070)",
                      .use = "where the data should choose between mean and maximum; per_channel over time: Auto-pool",
                      .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "beta_scope": "per_channel"})"});
const bool auto_pool_added = add_window_pools<AutoPool>(
    "AutoPool", {.group = PoolGroup::soft,
                 .doc = "SmoothMaxPool with a learned number for each channel.",
                 .formula = "y = Σ w_i x_i, w = softmax(β_c x), β_c = 1 initially",
                 .source = "McFee, Salamon, Bello 2018 (arXiv 1804.10070)",
                 .use = "over time, with a channel for each class: the data choose between mean and maximum"});

}  // namespace
}  // namespace tarn
