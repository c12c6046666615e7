// MixedPool: maximum or mean, decided by a coin.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor mixed_pool(const Tensor& x, const Windows& w, const Tensor& lambda) {
  const Tensor most = max_pool(x, w);
  const Tensor mean = avg_pool(x, w);
  // What the coin did not choose must not come in as 0 · inf.
  const Tensor none = Tensor::zeros({}, x.dtype());
  const Tensor mixture = lambda * most + (1.0 - lambda) * mean;
  return where(eq(lambda, none + 1), most, where(eq(lambda, none), mean, mixture));
}

namespace {

struct MixedPool {
  double p_max = 0.5;
  std::string granularity = "layer";
  std::string eval_mode = "expectation";
  Tensor count_max, count_avg;

  void fields(Fields& f) {
    f("p_max", p_max, "chance of the maximum", {.lo = 0, .hi = 1});
    f("granularity", granularity, "what one coin decides for: the whole call, a sample, a channel of one, or a window",
      {.choices = {"layer", "sample", "channel", "window"}});
    f("eval_mode", eval_mode,
      "when not training: the mixture that is expected, what was used more often in training, or always one of them",
      {.choices = {"expectation", "majority", "max", "avg"}});
  }
  void build(Build& build, const Shape&, int) {
    count_max = build.buffer({}, 0, Dtype::i64);
    count_avg = build.buffer({}, 0, Dtype::i64);
  }
  void parts(Parts& p) {
    p.buffer("count_max", count_max);
    p.buffer("count_avg", count_avg);
  }

  Tensor pool(const Tensor& x, const Windows& w, Context& context) {
    if (!context.training) return by_one_coin(x, w, share_of_maximum());
    const Tensor lambda = bernoulli(coins(w.output_shape(x.shape()), w.rank), context.stream(), p_max, x.dtype());
    if (context.update_buffers) {
      const auto heads = static_cast<int64_t>(sum(lambda).item());
      *write_in_place<int64_t>(count_max) += heads;
      *write_in_place<int64_t>(count_avg) += lambda.numel() - heads;
    }
    return lambda.numel() == 1 ? by_one_coin(x, w, lambda.item()) : mixed_pool(x, w, lambda);
  }

 private:
  /// What has no share is not even computed.
  static Tensor by_one_coin(const Tensor& x, const Windows& w, double maximum) {
    if (maximum == 1) return max_pool(x, w);
    if (maximum == 0) return avg_pool(x, w);
    return maximum * max_pool(x, w) + (1 - maximum) * avg_pool(x, w);
  }
  double share_of_maximum() const {
    if (eval_mode == "expectation") return p_max;
    if (eval_mode == "majority") return count_max.item() >= count_avg.item() ? 1 : 0;
    return eval_mode == "max" ? 1 : 0;
  }
  /// The shape of the coins, which broadcasts to the output's.
  Shape coins(const Shape& output, int rank) const {
    if (granularity == "window") return output;
    std::vector<int64_t> sizes(static_cast<size_t>(output.rank()), 1);
    const bool batched = output.rank() == rank + 2;
    const auto channels = static_cast<size_t>(batched);
    if (granularity != "layer" && batched) sizes[0] = output[0];
    if (granularity == "channel") sizes[channels] = output[static_cast<int>(channels)];
    return Shape{std::span<const int64_t>(sizes)};
  }
};

const bool mixed_pool_added = add_window_pools<MixedPool>(
    "MixedPool",
    {.group = PoolGroup::random,
     .doc = "The maximum or the mean of each window, decided by a coin while training.",
     .formula = "y = λ max x_i + (1 - λ) mean x_i; training: λ is 1 with chance p_max, else 0; otherwise λ = "
                "p_max, or as eval_mode says",
     .source = "Yu, Wang, Chen, Wei 2014, Mixed pooling for convolutional neural networks (RSKT)",
     .use = "as a regulariser where it is not clear whether maximum or mean is better",
     .random = true});

}  // namespace
}  // namespace tarn
