// LIP: a mean weighed by the exponentials of a learned importance.
#include "core/tape.h"
#include "layers/model.h"
#include "layers/pooling.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"

namespace tarn {

Tensor lip_pool(const Tensor& x, const Tensor& logits, const Windows& w) {
  check(x.shape() == logits.shape(), "lip_pool: the logits ", logits.shape(), " must have the shape of the input, ",
        x.shape());
  const Taps t = taps_of(x, w);
  return as_output(sum_taps(softmax_taps(windows(logits, w), t) * t.values), t);
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
    SlidingSettings<rank> window{.kernel_size = {3}, .stride = Sizes{2}, .padding = {1}};
    std::string importance = "simplified";
    void fields(Fields& f) {
      f("kernel_size", window.kernel_size, "size of the window", size_rule(rank, 1));
      f("stride", window.stride, "steps between windows; null: the kernel's size", size_rule(rank, 1));
      f("padding", window.padding, "cells added at both sides, which do not count", size_rule(rank, 0));
      f("ceil_mode", window.ceil_mode, "round output sizes up, so that the last window may reach over the end");
      f("importance", importance,
        "how one input's importance is seen: \"simplified\" by one convolution, \"bottleneck\" by three with 128 "
        "channels in between; a second input is the importance itself",
        {.choices = {"simplified", "bottleneck"}});
    }
  };
  LIP(Config c, Build& build) : window_(std::move(c.window)) {
    if (build.inputs.size() > 1) return;
    const Shape& x = build.shape();
    const bool sample = is_sample(x, rank);
    const int64_t channels = channels_of(x, rank);
    std::vector<int64_t> sizes(x.begin() + (sample ? 0 : 1), x.end());
    sizes.insert(sizes.begin(), 1);
    logit_ =
        std::make_unique<Model>(importance_layers(c.importance, rank, channels), build.child("logit", {Shape(sizes)}));
  }
  Tensors apply(const Tensors& inputs, Context& context) override {
    const Tensor& x = inputs.at(0);
    const Windows& w = windows_.get(x.shape(), rank,
                                    [this](const Shape& s) { return window_.windows(with_rank("lip_pool", rank), s); });
    return {lip_pool(x, inputs.size() > 1 ? inputs[1] : importance(x, context), w)};
  }
  void parts(Parts& p) override {
    if (logit_) p("logit", *logit_);
  }

 private:
  Tensor importance(const Tensor& x, Context& context) {
    const Scope scope("logit");
    const bool sample = is_sample(x.shape(), rank);
    const Tensor gate = 12 * logit_->forward(sample ? unsqueeze(x, 0) : x, context);
    return sample ? squeeze(gate, 0) : gate;
  }

  SlidingSettings<rank> window_;
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

}  // namespace
}  // namespace tarn
