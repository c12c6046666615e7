// GlobalWeightedRankPool (GWRP) and WildcatPool: whole planes, by the ranks of their values.
#include <algorithm>
#include <cmath>

#include "layers/pooling/functions.h"
#include "layers/pooling/plane_pool.h"
#include "layers/pooling/ranks.h"

namespace tarn {

Tensor global_weighted_rank_pool(const Tensor& x, const Windows& w, double d) {
  check(0 <= d && d <= 1, "global_weighted_rank_pool: d is ", d, "; allowed are 0 to 1");
  const Ranks r = ranked(x, w);
  const Tensor weights = pow(d, Tensor::arange(w.taps()).to(x.dtype())) * r.present;
  const Tensor shares = weights / sum_taps(weights);
  const Tensor counted = where(shares, r.values, Tensor::zeros({}, x.dtype()));  // of weight 0: not even infinities
  return as_output(sum_taps(counted * shares), r.taps);
}

namespace {

/// A number of values, or a part of n below 1.
int64_t count_of(double k, int64_t n) {
  const auto all = static_cast<double>(n);
  return static_cast<int64_t>(std::min(k < 1 ? std::nearbyint(k * all) : k, all));
}

}  // namespace

Tensor wildcat_pool(const Tensor& x, const Windows& w, const Wildcat& options) {
  const double kmin = options.kmin.value_or(options.kmax);
  check(options.kmax > 0 && kmin >= 0, "wildcat_pool: kmax is ", options.kmax, " and kmin ", kmin,
        "; the first must be positive, the second not negative");
  const Ranks high = ranked(x, w);
  const Tensor most = mean_of(first_of(high, std::max(count_of(options.kmax, w.taps()), int64_t{1})));
  const int64_t low = count_of(kmin, w.taps());
  if (low == 0 || options.alpha == 0) return as_output(most, high.taps);
  const Tensor least = mean_of(first_of(ranked(x, w, false), low));
  const Tensor y = most + options.alpha * least;
  return as_output(options.halve ? y * 0.5 : y, high.taps);
}

namespace {

struct GlobalWeightedRankPool {
  double d = 0.5;
  void fields(Fields& f) {
    f("d", d, "what each rank weighs of the one before: 0 is the maximum, 1 the mean", {.lo = 0, .hi = 1});
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return global_weighted_rank_pool(x, w, d); }
};

struct WildcatPool {
  Wildcat options;
  void fields(Fields& f) {
    f("kmax", options.kmax, "how many of the largest values count; below 1: which part of a plane",
      {.lo = 0, .lo_open = true});
    f("kmin", options.kmin, "the same for the smallest values; left out: as many", {.lo = 0});
    f("alpha", options.alpha, "what the smallest values weigh");
    f("halve", options.halve, "halves the result where smallest values count, as the circulating code does");
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return wildcat_pool(x, w, options); }
};

constexpr PoolText rank_text{
    .group = PoolGroup::rank,
    .doc = "The weighted mean of each plane, every rank of its values weighing a fixed part of the one before.",
    .formula = "y = Σ_r d^(r - 1) x_(r) / Σ_r d^(r - 1), x_(1) ≥ x_(2) ≥ … the values of the plane, 0^0 = 1",
    .source = "Kolesnikov, Lampert 2016 (arXiv 1603.06098), global weighted rank pooling (GWRP)",
    .use = "to train segmentation by labels of whole images; d near 1, as planes are large",
    .sample = R"({"d": 0.8})"};

const bool global_weighted_rank_pool_added =
    add_plane_pools<GlobalWeightedRankPool>("GlobalWeightedRankPool", rank_text) &&
    add_plane_pool<0, GlobalWeightedRankPool>("GWRP", rank_text);

const bool wildcat_pool_added = add_plane_pools<WildcatPool>(
    "WildcatPool", {.group = PoolGroup::rank,
                    .doc = "The mean of the largest values of each plane, plus a multiple of that of the smallest.",
                    .formula = "y = (x_(1) + … + x_(kmax)) / kmax + alpha (x_(n) + … + x_(n - kmin + 1)) / kmin",
                    .source = "Durand, Mordan, Thome, Cord 2017 (WILDCAT); Durand et al. 2016 (WELDON)",
                    .use = "for maps of classes, where evidence against a class counts, too",
                    .sample = R"({"kmax": 0.2, "kmin": 2, "alpha": 0.7})"});

}  // namespace
}  // namespace tarn
