// LearnedMixedPool: a mixture of maximum and mean in proportions that are learned.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/parameter_scope.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor learned_mixed_pool(const Tensor& x, const Windows& w, const Tensor& a) {
  const Tensor means = window_means(x, w);
  return means + a * (max_pool(x, w) - means);
}

namespace {

struct LearnedMixedPool {
  ParameterScope scope;
  std::string constrain = "none";
  Tensor a;

  void fields(Fields& f) {
    scope.fields(f);
    f("constrain", constrain,
      "keeps the share a in [0, 1]: \"none\" does not, \"sigmoid\" uses σ(a), which begins with a = 0, \"clamp\" cuts "
      "it off",
      {.choices = {"none", "sigmoid", "clamp"}});
  }
  void build(Build& build, const Windows& w) {
    const std::vector<int64_t> one(scope.name == "layer" ? 1 : 0, 1);
    a = build.parameter("a", scope.sizes(build, w, {}, one), init::constant(constrain == "sigmoid" ? 0 : 0.5));
  }
  void parts(Parts& p) { p("a", a); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    const Tensor cells = scope.over_taps("learned_mixed_pool", a, x, w, 0, 1);
    std::vector<int64_t> sizes{cells.shape()[0]};
    for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(scope.by_region() ? w.axes[static_cast<size_t>(i)].output : 1);
    const Tensor share = reshape(cells, Shape(sizes));
    if (constrain == "sigmoid") return learned_mixed_pool(x, w, sigmoid(share));
    return learned_mixed_pool(x, w, constrain == "clamp" ? clamp(share, 0, 1) : share);
  }
};

const bool learned_mixed_pool_added = add_window_pools<LearnedMixedPool>(
    "LearnedMixedPool",
    {.group = PoolGroup::learned,
     .doc = "A mixture of the maximum and the mean of each window in learned proportions.",
     .formula = "y = a max(x) + (1 - a) mean(x), a initially 0.5",
     .source = "Lee, Gallagher, Tu 2015 (arXiv 1509.08985), \"mixed\"",
     .use = "in place of max or average pooling where it is not clear which of them fits; one number "
            "for a layer is enough as a rule"});

}  // namespace
}  // namespace tarn
