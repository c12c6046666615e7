// GatedPool: a mixture of maximum and mean in proportions that each window decides for itself.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/parameter_scope.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor gated_pool(const Tensor& x, const Windows& w, const Tensor& weight, const Tensor& bias) {
  const Taps t = taps_of(x, w);
  const Tensor score = sum_taps(t.values * weight);
  const Tensor gate = as_output(sigmoid(bias.defined() ? score + bias : score), t);
  return learned_mixed_pool(x, w, gate);
}

namespace {

struct GatedPool {
  ParameterScope scope;
  bool bias = false;
  Tensor weight, offset;

  void fields(Fields& f) {
    scope.fields(f);
    f("bias", bias, "adds a number to what the gate sees");
  }
  void build(Build& build, const Windows& w) {
    weight = build.parameter("weight", scope.sizes(build, w, {}, {w.taps()}), init::constant(0));
    if (bias) offset = build.parameter("bias", scope.sizes(build, w, {}, {1}), init::constant(0));
  }
  void parts(Parts& p) {
    p("weight", weight);
    p("bias", offset);
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    const char* name = "gated_pool";
    return gated_pool(x, w, scope.over_taps(name, weight, x, w, 0, w.taps()),
                      bias ? scope.over_taps(name, offset, x, w, 0, 1) : Tensor());
  }
};

const bool gated_pool_added = add_window_pools<GatedPool>(
    "GatedPool",
    {.group = PoolGroup::learned,
     .doc = "A mixture of the maximum and the mean of each window, in proportions that a learned filter "
            "finds in the window.",
     .formula = "y = a max(x) + (1 - a) mean(x), a = σ(weight · x + bias), weight and bias initially 0; "
                "in the gate what lies outside is 0",
     .source = "Lee, Gallagher, Tu 2015 (arXiv 1509.08985), \"gated\"",
     .use = "in place of LearnedMixedPool where flat and busy parts of the input need different treatment"});

}  // namespace
}  // namespace tarn
