// UniversalPool: a mean whose weights a small network sees in the whole window, for each channel its own.
#include "core/tape.h"
#include "layers/model.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor universal_pool(const Tensor& x, const Tensor& logits, const Windows& w) {
  const Taps t = taps_of(x, w);
  const int channels = channel_axis(x, w);
  const Shape result = w.output_shape(x.shape());
  check(logits.shape() == result.with(channels, result[channels] * w.taps()), "universal_pool: the logits ",
        logits.shape(), " must be ", result.with(channels, result[channels] * w.taps()), ", one for each of ", w.taps(),
        " taps of each channel");
  std::vector<int64_t> sizes(t.values.shape().begin(), t.values.shape().end());
  std::swap(sizes[sizes.size() - 1], sizes[sizes.size() - 2]);
  const Tensor scores = transpose(reshape(logits, Shape(sizes)), -1, -2);
  return as_output(sum_taps(softmax_taps(scores, t) * t.values), t);
}

namespace {

/// [N, C, cells, taps] as [N, C · taps, spatial]: the values of a window as channels.
Tensor as_depth(const Tensor& taps, const Windows& w) {
  const Tensor depth = flatten(transpose(taps, -1, -2), 1, 2);
  std::vector<int64_t> sizes{depth.size(0), depth.size(1)};
  for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].output);
  return reshape(depth, Shape(sizes));
}

struct UniversalPool {
  int64_t channels = 0;
  std::shared_ptr<Model> logit;

  void fields(Fields&) {}
  void build(Build& build, const Windows& w) {
    const Shape& x = build.shape();
    channels = x[is_sample(x, w.rank) ? 0 : 1];
    std::vector<int64_t> sizes{1, channels * w.taps()};
    for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].output);
    const auto conv = [&w](const char* name, int64_t out, int64_t kernel) {
      Json layer = Json::object();
      layer.set("type", with_rank("Conv", w.rank)).set("name", name).set("out_channels", out);
      return layer.set("kernel_size", kernel).set("padding", kernel / 2);
    };
    Json list = Json::array();
    list.push(conv("conv1", channels, 3).set("bias", false));
    list.push(Json::object().set("type", with_rank("BatchNorm", w.rank)).set("name", "norm1"));
    list.push("ReLU");
    list.push(conv("conv2", sizes[1], 1).set("init", Json::object().set("weight", "zeros").set("bias", "zeros")));
    logit = std::make_shared<Model>(list, build.child("logit", {Shape(sizes)}));
  }
  void parts(Parts& p) { p("logit", *logit); }

  Tensor pool(const Tensor& x, const Windows& w, Context& context) const {
    const std::string name = with_rank("universal_pool", w.rank);
    const bool sample = is_sample(x.shape(), w.rank);
    const Tensor batch = sample ? unsqueeze(x, 0) : x;
    check(batch.size(1) == channels, name, ": the input ", x.shape(), " has ", batch.size(1),
          " channels; the layer was built for ", channels);
    const Tensor depth = as_depth(windows(batch, w), w);
    const int64_t values = depth.numel() / depth.size(1);
    check(!context.training || values > 1, name, ": the input ", x.shape(), " has ", values,
          " windows for each channel; its batch norm needs more than 1 while training");
    const auto logits = [&] {
      const Scope scope("logit");
      return logit->forward(depth, context);
    };
    const Tensor y = universal_pool(batch, logits(), w);
    return sample ? squeeze(y, 0) : y;
  }
};

const bool universal_pool_added = add_window_pools<UniversalPool>(
    "UniversalPool",
    {.group = PoolGroup::attention,
     .doc = "The mean of each window, weighed for each channel by what a small network sees in all channels.",
     .formula =
         "y = Σ w_i x_i, w = softmax of logits; logits = conv1(ReLU(BN(conv3(the windows' values as channels)))), "
         "0 initially: the mean. The paper leaves the network open; this one is Tarn's",
     .source = "Hyun, Seong, Kim 2019 (arXiv 1907.11440)",
     .use =
         "in place of a fixed pooling where parameters cost little: it can become the mean, the maximum or a stride"});

}  // namespace
}  // namespace tarn
