// TMaxAvgPool: the maximum where it is high, and the mean of the largest few where it is not.
#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor t_max_avg_pool(const Tensor& x, const Windows& w, int64_t k, double threshold, bool all) {
  check_rank("t_max_avg_pool", "K", k, w);
  const Ranks r = ranked(x, w);
  const Ranks top = first_of(r, k);
  const Tensor largest = narrow(top.values, -1, 0, 1);
  const Tensor limit = Tensor::full({}, threshold, x.dtype());
  const Tensor high = all ? sum_taps(ge(top.values, limit).to(x.dtype()) * top.present) : Tensor();
  const Tensor reached = all ? eq(high, sum_taps(top.present)) : ge(largest, limit);
  return as_output(where(reached, largest, mean_of(top)), r.taps);
}

namespace {

struct TMaxAvgPool {
  int64_t k = 3;
  double threshold = 0.7;
  std::string rule = "max";
  void fields(Fields& f) {
    f("K", k, "how many of the largest values a mean takes", {.lo = 1});
    f("T", threshold, "from which value on the maximum counts alone");
    f("rule", rule, "what must reach T: the \"max\", or \"all\" of the K largest", {.choices = {"max", "all"}});
  }
  void build(Build&, const Windows& w) const { check_rank("t_max_avg_pool", "K", k, w); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return t_max_avg_pool(x, w, k, threshold, rule == "all");
  }
};

const bool t_max_avg_pool_added = add_window_pools<TMaxAvgPool>(
    "TMaxAvgPool", {.group = PoolGroup::rank,
                    .doc = "The maximum of each window where it reaches a threshold, else the mean of the K largest.",
                    .formula = "y = x_(1) if x_(1) ≥ T, else (x_(1) + … + x_(K)) / K; with rule \"all\" if x_(K) ≥ T",
                    .source = "Zhao, Zhang 2024 (Scientific Reports 14:1589, doi 10.1038/s41598-024-51258-6)",
                    .use = "where strong activations should stay sharp and weak ones be averaged"});

}  // namespace
}  // namespace tarn
