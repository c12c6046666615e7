// AlphaIntegrationPool: a power mean whose exponent is learned.
#include <limits>

#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/power_mean.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor alpha_pool(const Tensor& x, const Windows& w, const Tensor& alpha, double eps) {
  const Taps t = taps_of(x, w);
  const Tensor p = (1 - along_channels("alpha_integration_pool: alpha", alpha, x.shape(), w)) * 0.5;
  const Tensor values = t.values + eps;
  const Tensor below = lt(values.detach(), Tensor::zeros({}, x.dtype()));
  return as_output(power_mean_taps(masked_fill(values, below, std::numeric_limits<double>::quiet_NaN()), t, p), t);
}

namespace {

struct AlphaPool {
  double alpha = -1;
  std::string alpha_scope = "shared";
  double eps = 1e-6;
  Tensor learned;

  void fields(Fields& f) {
    f("alpha", alpha,
      "initially: -infinity the maximum, -1 the mean, 1 the geometric mean, 3 the harmonic one, infinity the minimum");
    f("alpha_scope", alpha_scope, "one learned alpha for all, or one for each channel", scope_rule());
    f("eps", eps, "added to every value", {.lo = 0});
  }
  void build(Build& build, const Shape& x, int rank) {
    learned = build.parameter("alpha", scope_shape(alpha_scope, x, rank), init::constant(alpha));
  }
  void parts(Parts& p) { p("alpha", learned); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return alpha_pool(x, w, learned, eps); }
};

const bool alpha_pool_added = add_window_pools<AlphaPool>(
    "AlphaIntegrationPool",
    {.group = PoolGroup::norm,
     .doc = "The alpha mean of each window's values, which must not be negative, alpha being learned.",
     .formula = "y = ((1/n) Σ (x_i + ε)^p)^(1/p), p = (1 - α) / 2; for p = 0 the geometric mean; NaN where x_i + ε < 0",
     .source = "Eom, Choi 2018 (arXiv 1811.03436); Amari 2007",
     .use = "after ReLU or a sigmoid, where the data should choose among the means",
     .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "alpha": -2, "alpha_scope": "per_channel"})",
     .domain = Domain::positive});

}  // namespace
}  // namespace tarn
