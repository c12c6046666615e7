// LearnedWeightPool: every place of a window has a learned weight.
#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor learned_weight_pool(const Tensor& x, const Windows& w, const Tensor& weight, bool normalized) {
  const int64_t channels = channels_of(x.shape(), w.rank);
  check(weight.shape() == Shape{w.taps()} || weight.shape() == Shape{channels, w.taps()},
        "learned_weight_pool: the weight is ", weight.shape(), "; expected [", w.taps(), "] or [", channels, ",",
        w.taps(), "]");
  const Taps t = taps_of(x, w);
  const Tensor each = reshape(weight, Shape{weight.numel() / w.taps(), 1, w.taps()});  // [1 or C, 1, taps]
  return as_output(sum_taps((normalized ? softmax_taps(each, t) : each) * t.values), t);
}

namespace {

struct LearnedWeightPool {
  bool normalize = true;
  std::string weight_scope = "shared";
  Tensor weight;

  void fields(Fields& f) {
    f("normalize", normalize, "weights are the softmax of what is learned, over the places inside the input");
    f("weight_scope", weight_scope, "one set of weights for all, or one for each channel", scope_rule());
  }
  void build(Build& build, const Windows& w) {
    const double mean = normalize ? 0 : 1 / static_cast<double>(w.taps());
    const Shape shape =
        weight_scope == "shared" ? Shape{w.taps()} : Shape{channels_of(build.shape(), w.rank), w.taps()};
    weight = build.parameter("weight", shape, init::constant(mean));
  }
  void parts(Parts& p) { p("weight", weight); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return learned_weight_pool(x, w, weight, normalize);
  }
};

const bool learned_weight_pool_added = add_window_pools<LearnedWeightPool>(
    "LearnedWeightPool",
    {.group = PoolGroup::learned,
     .doc = "The mean of each window with a learned weight for each place, initially all alike.",
     .formula = "y = Σ a_j x_j, a = softmax(w) over the places inside, or a = w; w [taps] or [C, taps]",
     .source = "Springenberg et al. 2014 (arXiv 1412.6806), strided convolution in place of pooling",
     .use = "between mean pooling and a strided depthwise convolution",
     .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "weight_scope": "per_channel"})"});

}  // namespace
}  // namespace tarn
