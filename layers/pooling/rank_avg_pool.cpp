// RankAvgPool: the mean of the largest few values of each window.
#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor rank_avg_pool(const Tensor& x, const Windows& w, int64_t t) {
  check_rank("rank_avg_pool", "t", t, w);
  const Ranks r = ranked(x, w);
  return as_output(mean_of(first_of(r, t)), r.taps);
}

namespace {

struct RankAvgPool {
  int64_t t = 0;
  void fields(Fields& f) {
    f("t", t,
      "how many values count: 1 is max pooling, all of a window average pooling; windows that have fewer count "
      "all of theirs",
      {.lo = 1, .required = true});
  }
  void build(Build&, const Windows& w) const { check_rank("rank_avg_pool", "t", t, w); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return rank_avg_pool(x, w, t); }
};

const bool rank_avg_pool_added = add_window_pools<RankAvgPool>(
    "RankAvgPool", {.group = PoolGroup::rank,
                    .doc = "The mean of the t largest values of each window.",
                    .formula = "y = (x_(1) + … + x_(t)) / t, x_(1) ≥ x_(2) ≥ … the values of the window",
                    .source = "Shi, Ye, Wu 2016 (Neural Networks 83), RAP; Özdemir 2023 calls it Avg-TopK",
                    .use = "between max and average pooling: maxima that one outlier does not decide",
                    .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "t": 2})"});

}  // namespace
}  // namespace tarn
