// MultiActivationPool: a multiple of the sum of the largest few values of each window.
#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor multi_activation_pool(const Tensor& x, const Windows& w, int64_t t, double kappa) {
  check_rank("multi_activation_pool", "t", t, w);
  const Ranks r = ranked(x, w);
  return as_output(kappa * sum_taps(first_of(r, t).values), r.taps);
}

namespace {

struct MultiActivationPool {
  int64_t t = 0;
  double kappa = 1;
  void fields(Fields& f) {
    f("t", t, "how many of the largest values count", {.lo = 1, .required = true});
    f("kappa", kappa, "factor of their sum");
  }
  void build(Build&, const Windows& w) const { check_rank("multi_activation_pool", "t", t, w); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return multi_activation_pool(x, w, t, kappa); }
};

const bool multi_activation_pool_added = add_window_pools<MultiActivationPool>(
    "MultiActivationPool",
    {.group = PoolGroup::rank,
     .doc = "A multiple of the sum of the t largest values of each window.",
     .formula = "y = kappa (x_(1) + … + x_(t)), x_(1) ≥ x_(2) ≥ … the values of the window",
     .source = "Zhao, Lyu, Zhang, Feng 2018 (Wireless Communications and Mobile Computing, 8196906), MAP",
     .use = "with large windows, of 4 × 4 or 8 × 8, that stand for several poolings in a row",
     .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "t": 3, "kappa": 0.5})"});

}  // namespace
}  // namespace tarn
