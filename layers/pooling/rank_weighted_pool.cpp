// RankWeightedPool: values weighed by their rank, each rank a fixed share less than the one before.
#include "layers/pooling/functions.h"
#include "layers/pooling/rank_weights.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor rank_weights(const Ranks& r, double a, bool normalize) {
  const Tensor ranks = Tensor::arange(r.taps.taps()).to(r.values.dtype());
  const Tensor weights = (a * pow(1 - a, ranks)) * r.present;
  return normalize ? weights / sum_taps(weights) : weights;
}

Tensor rank_weighted_pool(const Tensor& x, const Windows& w, double a, bool normalize) {
  check(a > 0 && a < 1, "rank_weighted_pool: a is ", a, "; allowed are numbers between 0 and 1");
  const Ranks r = ranked(x, w);
  return as_output(sum_taps(r.values * rank_weights(r, a, normalize)), r.taps);
}

namespace {

struct RankWeightedPool {
  double a = 0.5;
  bool normalize = false;
  void fields(Fields& f) {
    rank_share_field(f, a);
    f("normalize", normalize, "makes the weights of each window add up to 1");
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return rank_weighted_pool(x, w, a, normalize); }
};

const bool rank_weighted_pool_added = add_window_pools<RankWeightedPool>(
    "RankWeightedPool",
    {.group = PoolGroup::rank,
     .doc = "The sum of each window's values, weighed by their rank.",
     .formula = "y = Σ_r a (1 - a)^(r - 1) x_(r), x_(1) ≥ x_(2) ≥ … the values of the window; the weights add up to "
                "1 - (1 - a)^n",
     .source = "Shi, Ye, Wu 2016 (Neural Networks 83), RWP",
     .use = "between max and average pooling, where small values should still have a say"});

}  // namespace
}  // namespace tarn
