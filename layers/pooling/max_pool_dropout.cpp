// MaxPoolDropout: the maximum of what dropout leaves of each window; its expectation when not training.
#include <limits>

#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor max_pool_dropout(const Tensor& x, const Windows& w, const Tensor& kept) {
  const Taps t = taps_of(x, w);
  check(kept.shape() == t.values.shape(), "max_pool_dropout: the mask is ", kept.shape(),
        "; one number for each tap is needed, ", t.values.shape());
  const Tensor left = kept.to(x.dtype()) * t.inside;
  const double none = -std::numeric_limits<double>::infinity();
  const Tensor most = max(where(left, t.values, Tensor::full({}, none, x.dtype())), -1, true).values;
  return as_output(where(amax(left, {-1}, true), most, Tensor::zeros({}, x.dtype())), t);
}

Tensor expected_max_pool_dropout(const Tensor& x, const Windows& w, double p) {
  const Ranks r = ranked(x, w, false);
  const Tensor ahead = r.taps.count - 1.0 - Tensor::arange(w.taps()).to(x.dtype());
  const Tensor weights = where(r.present, p * pow(1 - p, maximum(ahead, Tensor::zeros({}, x.dtype()))), r.present);
  return as_output(sum_taps(r.values * weights), r.taps);
}

namespace {

struct MaxPoolDropout {
  double p = 0.5;
  void fields(Fields& f) { f("p", p, "chance that a value is kept", {.lo = 0, .hi = 1}); }
  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    if (!context.training) return expected_max_pool_dropout(x, w, p);
    std::vector<int64_t> sizes(x.shape().begin(), x.shape().end() - w.rank);
    sizes.insert(sizes.end(), {w.output_cells(), w.taps()});
    return max_pool_dropout(x, w, bernoulli(Shape(sizes), context.stream(), p));
  }
};

const bool max_pool_dropout_added = add_window_pools<MaxPoolDropout>(
    "MaxPoolDropout",
    {.group = PoolGroup::random,
     .doc = "The maximum of those values of each window that dropout keeps, and otherwise what is expected of it.",
     .formula = "training: y = max of the x_i that are kept, each with chance p, or 0 where none is; otherwise y = Σ_i "
                "p (1 - p)^(n - i) x_(i), x_(1) ≤ x_(2) ≤ … the values of the window; x ≥ 0 is assumed",
     .source = "Wu, Gu 2015 (arXiv 1512.00242)",
     .use = "as a regulariser behind a ReLU, in place of a max pooling and a dropout",
     .random = true});

}  // namespace
}  // namespace tarn
