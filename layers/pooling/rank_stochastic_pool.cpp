// RankStochasticPool: one value of each window, drawn by its rank; their mean when not training.
#include "layers/pooling/functions.h"
#include "layers/pooling/rank_weights.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor rank_stochastic_pool(const Tensor& x, const Windows& w, double a, const Tensor& samples) {
  check(a > 0 && a < 1, "rank_stochastic_pool: a is ", a, "; allowed are numbers between 0 and 1");
  check(samples.shape() == w.output_shape(x.shape()), "rank_stochastic_pool: samples are ", samples.shape(),
        "; one number for each output is needed, ", w.output_shape(x.shape()));
  const Ranks r = ranked(x, w);
  const Tensor up_to = cumsum(rank_weights(r, a, true).to(Dtype::f64), -1);
  std::vector<int64_t> sizes(r.values.shape().begin(), r.values.shape().end());
  sizes.back() = 1;
  // Rank r is drawn where u lies between the sums of the weights before it and with it.
  const Tensor u = reshape(samples.to(Dtype::f64), Shape(sizes));
  const Tensor drawn = minimum(sum(ge(u, up_to).to(Dtype::f64), {-1}, true), r.taps.count.to(Dtype::f64) - 1.0);
  return as_output(gather(r.values, -1, drawn.to(Dtype::i64)), r.taps);
}

namespace {

struct RankStochasticPool {
  double a = 0.5;
  void fields(Fields& f) { rank_share_field(f, a); }
  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    if (!context.training) return rank_weighted_pool(x, w, a, true);
    const Tensor u = uniform(w.output_shape(x.shape()), context.stream(), 0, 1, Dtype::f64);
    return rank_stochastic_pool(x, w, a, u);
  }
};

const bool rank_stochastic_pool_added = add_window_pools<RankStochasticPool>(
    "RankStochasticPool",
    {.group = PoolGroup::rank,
     .doc = "One value of each window, drawn at random by its rank while training, and otherwise their mean.",
     .formula = "training: y = x_(r) with chance π_r, π_r = a (1 - a)^(r - 1) / (1 - (1 - a)^n), x_(1) ≥ x_(2) ≥ … the "
                "values of the window; otherwise y = Σ_r π_r x_(r)",
     .source = "Shi, Ye, Wu 2016 (Neural Networks 83), RSP; their code, which does not normalise π, leaves some "
               "outputs unset",
     .use = "as a regulariser in place of StochasticPool, whose values must not be negative",
     .random = true});

}  // namespace
}  // namespace tarn
