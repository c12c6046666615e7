// StochasticPool: a value of each window, drawn by its share of the sum; when not training, the mean by these shares.
#include "core/decisions.h"
#include "core/parallel.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

namespace {

/// What a value weighs in the draw.
Tensor chances(const Taps& t, Negatives negatives) {
  if (negatives == Negatives::softmax) return softmax_taps(t.values, t);
  if (negatives == Negatives::error) {
    const Tensor below = lt(masked_taps(t.values.detach(), t, 0), Tensor::zeros({}, t.values.dtype()));
    check(any(below).item() == 0,
          "stochastic_pool: the input has negative values, which have no chance of their own; put a ReLU before it, or "
          "choose negatives \"relu\" or \"softmax\"");
  }
  // At 0 the chance counts as growing, as for a value that may not be negative.
  return masked_taps(clamp(t.values, 0, {}), t, 0);
}

/// The tap of each cell whose cumulated weight is the first beyond u · total; where the total is 0, one of the taps
/// inside with equal chances.
Tensor drawn_taps(const Tensor& weights, const Taps& t, const Tensor& samples) {
  std::vector<int64_t> sizes(weights.shape().begin(), weights.shape().end());
  const int64_t taps = sizes.back();
  sizes.back() = 1;
  Tensor index(Shape{std::span<const int64_t>(sizes)}, Dtype::i64);
  check(samples.numel() == index.numel() && samples.dtype() == weights.dtype(), "stochastic_pool: ", samples.numel(),
        " samples of ", samples.dtype(), " for ", index.numel(), " windows of ", weights.dtype());
  const int64_t cells = t.inside.shape()[0];
  dispatch_floating(weights.dtype(), "stochastic_pool", [&](auto zero) {
    using T = decltype(zero);
    const T* w = weights.data<T>();
    const T* inside = t.inside.data<T>();
    const T* u = samples.data<T>();
    int64_t* to = index.fill<int64_t>();
    parallel_range(index.numel(), 4 * taps, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* own = w + i * taps;
        const T* valid = inside + i % cells * taps;
        T total = 0;
        for (int64_t k = 0; k < taps; ++k) total += own[k];
        const bool even = !(total > 0);
        T all = total;
        if (even) {
          all = 0;
          for (int64_t k = 0; k < taps; ++k) all += valid[k];
        }
        const T limit = u[i] * all;
        T sum = 0;
        int64_t last = 0;
        int64_t hit = -1;
        for (int64_t k = 0; k < taps && hit < 0; ++k) {
          const T weight = even ? valid[k] : own[k];
          if (weight > 0) last = k;
          sum += weight;
          if (sum > limit) hit = k;
        }
        to[i] = hit < 0 ? last : hit;  // rounding may leave the loop without one
      }
    });
  });
  if (Decisions* watch = Decisions::current()) return watch->choose("stochastic_pool", index);
  return index;
}

}  // namespace

Tensor stochastic_pool(const Tensor& x, const Windows& w, const Tensor& samples, Negatives negatives, bool zero_sum) {
  const Taps t = taps_of(x, w);
  const Tensor weights = chances(t, negatives).detach();
  const Tensor value = gather(t.values, -1, drawn_taps(weights, t, samples.detach()));
  // A window without chances gives 0; its tap gets the cotangent unless that is to vanish, too.
  const Tensor dead = eq(sum_taps(weights), Tensor::zeros({}, x.dtype()));
  const Tensor nothing = zero_sum ? Tensor::zeros({}, x.dtype()) : value - value.detach();
  return as_output(where(dead, nothing, value), t);
}

Tensor expected_stochastic_pool(const Tensor& x, const Windows& w, Negatives negatives) {
  const Taps t = taps_of(x, w);
  const Tensor weights = chances(t, negatives);
  const Tensor total = sum_taps(weights);
  const Tensor dead = eq(total.detach(), Tensor::zeros({}, x.dtype()));
  const Tensor mean = sum_taps(weights * masked_taps(t.values, t, 0)) / where(dead, Tensor::ones({}, x.dtype()), total);
  return as_output(where(dead, Tensor::zeros({}, x.dtype()), mean), t);
}

namespace {

/// What the windowed and the global layer have in common.
struct Drawing {
  std::string negatives = "relu";
  std::string zero_sum = "uniform";
  std::string eval_mode = "weighted";
  void fields(Fields& f) {
    f("negatives", negatives,
      "chances of negative values: none (\"relu\"), by the softmax of all values (\"softmax\"), or an \"error\"",
      {.choices = {"error", "relu", "softmax"}});
    f("zero_sum", zero_sum,
      "a window without a positive value gives 0; its gradient goes to a cell drawn evenly (\"uniform\") or nowhere",
      {.choices = {"uniform", "zero"}});
    f("eval_mode", eval_mode, "when not training: the mean by the chances, or a draw as in training",
      {.choices = {"weighted", "sample"}});
  }
  Negatives kind() const {
    return negatives == "relu" ? Negatives::relu : negatives == "softmax" ? Negatives::softmax : Negatives::error;
  }
  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    if (!context.training && eval_mode == "weighted") return expected_stochastic_pool(x, w, kind());
    const Tensor u = uniform(w.output_shape(x.shape()), context.stream(), 0, 1, x.dtype());
    return stochastic_pool(x, w, u, kind(), zero_sum == "zero");
  }
};

const bool added = add_window_pools<Drawing>(
    "StochasticPool",
    {.group = PoolGroup::random,
     .doc =
         "A value of each window, drawn with a chance that grows with it; when not training, the mean by the chances.",
     .formula = "training: y = x_k, k drawn with p_i = max(x_i, 0) / Σ max(x, 0); otherwise y = Σ p_i x_i",
     .source = "Zeiler, Fergus 2013 (arXiv 1301.3557)",
     .use = "as a regulariser behind a ReLU where max pooling overfits",
     .domain = Domain::positive,
     .random = true});

}  // namespace
}  // namespace tarn
