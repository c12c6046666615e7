// SmoothMaxPool: SoftPool whose sharpness is learned.
#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor smooth_max_pool(const Tensor& x, const Windows& w, const Tensor& beta) {
  const Taps t = taps_of(x, w);
  const Tensor sharpness = along_channels("smooth_max_pool: beta", beta, x.shape(), w);
  return as_output(sum_taps(softmax_taps(sharpness * t.values, t) * t.values), t);
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

const bool added = add_window_pools<SmoothMaxPool>(
    "SmoothMaxPool", {.group = PoolGroup::soft,
                      .doc = "The mean of each window, weighed by the softmax of its values times a learned number.",
                      .formula = "y = Σ w_i x_i, w = softmax(β x); ∂y/∂x_j = w_j (1 + β (x_j - y)); "
                                 "∂y/∂β = Σ w_i (x_i - y)²",
                      .source = "Lange et al. 2014; McFee, Salamon, Bello 2018 (arXiv 1804.10070)",
                      .use = "where the data should choose between mean and maximum; per_channel over time: Auto-pool",
                      .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "beta_scope": "per_channel"})"});

}  // namespace
}  // namespace tarn
