// TrainableAvgPool: means with a factor and an offset that each channel learns.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor trainable_avg_pool(const Tensor& x, const Windows& w, const Tensor& weight, const Tensor& bias, bool sums) {
  const int64_t channels = x.size(channel_axis(x, w));
  check(weight.shape() == Shape{channels} && bias.shape() == weight.shape(), "trainable_avg_pool: the weight is ",
        weight.shape(), " and the bias ", bias.shape(), "; the input ", x.shape(), " needs ", Shape{channels});
  Windows divided = w;
  divided.count_include_pad = false;
  divided.divisor_override = sums ? std::optional<int64_t>(1) : std::nullopt;
  return avg_pool(x, divided) * per_channel(weight, w) + per_channel(bias, w);
}

namespace {

struct TrainableAvgPool {
  std::string form = "avg";
  Tensor weight, bias;

  void fields(Fields& f) {
    f("form", form, "what the weight multiplies: the mean of a window (\"avg\"), or its sum",
      {.choices = {"avg", "sum"}});
  }
  void build(Build& build, const Windows& w) {
    const Shape& x = build.shape();
    const Shape channels{x[x.rank() - w.rank - 1]};
    weight = build.parameter("weight", channels, init::constant(1));
    bias = build.parameter("bias", channels, init::constant(0));
  }
  void parts(Parts& p) {
    p("weight", weight);
    p("bias", bias);
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return trainable_avg_pool(x, w, weight, bias, form == "sum");
  }
};

const bool trainable_avg_pool_added = add_window_pools<TrainableAvgPool>(
    "TrainableAvgPool", {.group = PoolGroup::learned,
                         .doc = "The mean of each window times a weight plus a bias, which each channel learns.",
                         .formula = "y = weight[c] mean(x) + bias[c], initially 1 and 0; form \"sum\": Σ x for mean(x)",
                         .source = "LeCun, Bottou, Bengio, Haffner 1998 (LeNet-5's subsampling)",
                         .use = "for networks of the nineties; an activation follows as a layer of its own",
                         .domain = Domain::any});

}  // namespace
}  // namespace tarn
