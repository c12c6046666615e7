// SimPool: the mean of a plane asks its normalised positions what to keep.
#include <cmath>

#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

class SimPool2d : public Module {
 public:
  struct Config {
    int64_t num_heads = 1;
    std::optional<double> gamma;
    double eps = 1e-5;
    bool affine = true;
    void fields(Fields& f) {
      f("num_heads", num_heads, "heads of the attention; they divide the channels", {.lo = 1});
      f("gamma", gamma,
        "exponent of a power mean of the values, each sample's less their minimum; left out: the plain mean",
        {.lo = 0, .lo_open = true});
      f("eps", eps, "added to the variance of the normalisation", {.lo = 0});
      f("affine", affine, "whether the normalisation has a learned factor and addend for each channel");
    }
  };

  SimPool2d(const Config& c, Build& build) : config_(c) {
    const int64_t channels = channels_of(build, 2);
    check(channels % c.num_heads == 0, "num_heads is ", c.num_heads, "; it has to divide the ", channels, " channels");
    const Initial initial = init::uniform_within(1 / std::sqrt(static_cast<double>(channels)));
    if (c.affine) {
      norm_weight_ = build.parameter("norm.weight", {channels}, init::constant(1));
      norm_bias_ = build.parameter("norm.bias", {channels}, init::constant(0));
    }
    wq_ = build.parameter("wq.weight", {channels, channels}, initial);
    wk_ = build.parameter("wk.weight", {channels, channels}, initial);
  }
  Tensor forward(const Tensor& x, Context&) override {
    return with_batch("simpool2d", x, 2, [this](const Tensor& t) { return pool(t); });
  }
  void parts(Parts& p) override {
    p("norm.weight", norm_weight_);
    p("norm.bias", norm_bias_);
    p("wq.weight", wq_);
    p("wk.weight", wk_);
  }

 private:
  Tensor pool(const Tensor& x) const {
    check_channels("simpool2d", x, 2, wq_.size(1));
    const Tensor tokens = as_tokens(x);
    const Tensor values = layer_norm(tokens, Shape{x.size(1)}, norm_weight_, norm_bias_, config_.eps);
    const Tensor query = linear(mean(tokens, {1}, true), wq_);
    const Tensor keys = linear(values, wk_);
    if (!config_.gamma) return squeeze(attend(query, keys, values, config_.num_heads), 1);
    const Tensor lifted = values - amin(values, {1, 2}, true) + 1e-6;
    const Tensor powers = attend(query, keys, pow(lifted, *config_.gamma), config_.num_heads);
    return squeeze(pow(powers, 1 / *config_.gamma), 1);
  }

  Config config_;
  Tensor norm_weight_, norm_bias_, wq_, wk_;
};

const auto& simpool_row =
    add_layer<SimPool2d>("SimPool2d", "The mean of a plane asks its normalised positions, which answer themselves.",
                         R"({"num_heads": 2, "gamma": 1.25})", {{2, 4, 2, 3}})
        .formula(
            "y = Σ a_i v_i, v = LayerNorm(x), a = softmax((W_q mean x) · (W_k v_i) / √d); with gamma: the power mean "
            "(Σ a_i (v_i - min v + 1e-6)^γ)^(1/γ)")
        .shown_with("",
                    "[[[[[0.3, -0.5], [1.5, -0.1]], [[1.1, 0.7], [-0.9, 0.5]], [[-1.3, 2.1], [0.1, 0.9]], "
                    "[[0.2, -0.7], [0.4, 1.7]]]]]")
        .source("Psomas et al. 2023 (arXiv 2309.06891)")
        .pools(PoolGroup::attention,
               "in place of the global mean or of a class token; its attention shows where the object is");

}  // namespace
}  // namespace tarn
