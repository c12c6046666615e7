// FuzzyPool: means weighed by how small, medium or large values are, whichever a window has most of.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

namespace {

/// How small, medium and large each value is, from 0 to 1; 0 outside.
Tensors memberships(const Taps& t, double r) {
  const Tensor& x = t.values;
  const Tensor rise = (x - r / 4) * (4 / r);
  const Tensor fall = (3 * r / 4 - x) * (4 / r);
  Tensors all{(r / 2 - x) * (3 / r), minimum(rise, fall), (x - r / 2) * (4 / r)};
  for (Tensor& m : all) m = masked_taps(clamp(m, 0, 1), t, 0);
  return all;
}

}  // namespace

Tensor fuzzy_pool(const Tensor& x, const Windows& w, double r_max, bool algebraic) {
  check(r_max > 0, "fuzzy_pool: r_max is ", r_max, "; it must be positive");
  const Taps t = taps_of(x, w);
  const Tensors m = memberships(t, r_max);
  Tensors scores;
  for (const Tensor& one : m)
    scores.push_back(algebraic ? 1 - prod(1 - one.detach(), -1, true) : sum_taps(one.detach()));
  const Tensor most = max(cat(scores, -1), -1, true).indices;
  const auto is = [&](int64_t v) { return eq(most, Tensor(Shape{}, std::vector<int64_t>{v})); };
  const Tensor mu = where(is(0), m[0], where(is(1), m[1], m[2]));
  const Tensor total = sum_taps(mu);
  const Tensor none = eq(total, Tensor::zeros({}, x.dtype()));
  const Tensor weighted = sum_taps(mu * t.values) / where(none, Tensor::ones({}, x.dtype()), total);
  return as_output(where(none, mean_taps(t.values, t), weighted), t);
}

namespace {

struct FuzzyPool {
  double r_max = 6;
  std::string aggregate = "sum";
  void fields(Fields& f) {
    f("r_max", r_max, "largest value that is expected; 6 behind a ReLU6", {.lo = 0, .lo_open = true});
    f("aggregate", aggregate, "how memberships of a window add up: \"sum\", or \"algebraic\", 1 - Π(1 - μ)",
      {.choices = {"sum", "algebraic"}});
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return fuzzy_pool(x, w, r_max, aggregate == "algebraic");
  }
};

const bool fuzzy_pool_added = add_window_pools<FuzzyPool>(
    "FuzzyPool",
    {.group = PoolGroup::soft,
     .doc = "The mean of each window by that fuzzy membership, small, medium or large, which it has most of.",
     .formula = "μ_1 = (r/2 - x) / (r/2 - r/6), μ_2 = min(x - r/4, 3r/4 - x) / (r/4), μ_3 = (x - r/2) / (r/4), all cut "
                "off at 0 and 1, r = r_max; v = argmax_v Σ μ_v(x_i); y = Σ μ_v(x_i) x_i / Σ μ_v(x_i), v constant",
     .source = "Diamantis, Iakovidis 2020 (IEEE Transactions on Fuzzy Systems)",
     .use = "behind a ReLU6, in place of average pooling that outliers should not disturb"});

}  // namespace
}  // namespace tarn
