// LIP: a mean weighed by the exponentials of a learned importance.
#include "core/tape.h"
#include "layers/alias.h"
#include "layers/model.h"
#include "layers/pooling.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor lip_pool(const Tensor& x, const Tensor& logits, const Windows& w) {
  check(x.shape() == logits.shape() && x.dtype() == logits.dtype(), "lip_pool: the logits are ", logits.dtype(), " ",
        logits.shape(), "; they must be as the input, ", x.dtype(), " ", x.shape());
  return window_softmax_mean(x, logits, w);
}

namespace {

/// The list of layers that sees an input's importance, before it is scaled: convolutions without bias, each followed by
/// an instance normalisation; the last one starts at zero, so that all places are equally important.
Json importance_layers(const std::string& kind, int rank, int64_t channels) {
  Json list = Json::array();
  const auto conv = [&](const char* name, int64_t out, int64_t kernel, bool last) {
    Json layer = Json::object();
    layer.set("type", with_rank("Conv", rank)).set("name", text("conv", name)).set("out_channels", out);
    layer.set("kernel_size", kernel).set("padding", kernel / 2).set("bias", false);
    if (last) layer.set("init", Json::object().set("weight", "zeros"));
    list.push(std::move(layer));
    Json norm = Json::object();
    norm.set("type", with_rank("InstanceNorm", rank)).set("name", text("norm", name)).set("affine", true);
    list.push(std::move(norm));
    if (!last) list.push("ReLU");
  };
  if (kind == "simplified") {
    conv("", channels, 3, true);
  } else {
    conv("1", 128, 1, false);
    conv("2", 128, 3, false);
    conv("3", channels, 1, true);
  }
  list.push("Sigmoid");
  return list;
}

template <int rank>
class LIP : public Module {
 public:
  struct Config {
    SlidingSettings<rank> window{.kernel_size = {3}, .stride = Sizes{2}, .padding = {.sizes = {1}}};
    std::string importance = "simplified";
    void fields(Fields& f) {
      f("kernel_size", window.kernel_size, "size of the window", size_rule(rank, 1));
      f("stride", window.stride, "steps between windows; null: the kernel's size", size_rule(rank, 1));
      window.padding_fields(f);
      f("importance", importance,
        "how one input's importance is seen: \"simplified\" by one convolution, \"bottleneck\" by three with 128 "
        "channels in between; a second input is the importance itself",
        {.choices = {"simplified", "bottleneck"}});
    }
  };
  LIP(Config c, Build& build) : window_(std::move(c.window)) {
    if (build.inputs.size() > 1) return;
    const Shape& x = build.shape();
    check_cells(x);
    const bool sample = x.rank() == rank + 1;
    const int64_t channels = channels_of(x, rank);
    channels_ = channels;
    std::vector<int64_t> sizes(x.begin() + (sample ? 0 : 1), x.end());
    sizes.insert(sizes.begin(), 1);
    logit_ =
        std::make_unique<Model>(importance_layers(c.importance, rank, channels), build.child("logit", {Shape(sizes)}));
  }
  Tensors apply(const Tensors& inputs, Context& context) override {
    const Tensor& x = inputs.at(0);
    check_planes(name(), x, rank);
    const Windows& w = windows_.get(x.shape(), rank, [this](const Shape& s) { return window_.windows(name(), s); });
    return {lip_pool(x, inputs.size() > 1 ? inputs[1] : importance(x, context), w)};
  }
  void parts(Parts& p) override {
    if (logit_) p("logit", *logit_);
  }

 private:
  /// Throws unless planes have cells enough for the normalisations of the importance.
  static void check_cells(const Shape& x) {
    check_planes(name(), x, rank);
    check(x.product(x.rank() - rank, x.rank()) > 1, name(), ": the input ", batch_text(x),
          " has planes of one cell, over which an importance cannot be normalised; give one as second input");
  }
  static std::string name() { return with_rank("lip", rank); }
  Tensor importance(const Tensor& x, Context& context) {
    const Scope scope("logit");
    check_cells(x.shape());
    check_channels(name(), x, rank, channels_);
    const bool sample = x.rank() == rank + 1;
    const Tensor gate = 12 * logit_->forward(sample ? unsqueeze(x, 0) : x, context);
    return sample ? squeeze(gate, 0) : gate;
  }

  SlidingSettings<rank> window_;
  int64_t channels_ = 0;
  std::unique_ptr<Model> logit_;
  KeptWindows windows_;
};

template <int rank>
LayerInfo& add_lip() {
  return add_layer<LIP<rank>>(with_rank("LIP", rank),
                              "The mean of each window, weighed by an importance that a small network sees.", "{}",
                              {spatial_sample(rank), spatial_sample(rank)})
      .takes(1, 2)
      .formula(
          "y = Σ e^G_i x_i / Σ e^G_i; G = 12 σ(IN(conv(x))), or the second input; G is constant initially: the mean")
      .source("Gao, Wang, Wu 2019 (arXiv 1908.04156)")
      .pools(PoolGroup::soft,
             "in place of strided convolutions and max pooling in detectors and classifiers of small objects")
      .samples_from(Domain::away_from_ties);
}

const auto& lip1d_row = add_lip<1>();
const auto& lip2d_row = add_lip<2>();
const auto& lip3d_row = add_lip<3>();
const bool lip_pool_named = add_layer_aliases("LocalImportancePool", "LIP");

}  // namespace
}  // namespace tarn
