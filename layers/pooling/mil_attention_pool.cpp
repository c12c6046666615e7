// Attention over the instances of a bag: one learned score for each of them.
#include <cmath>

#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor weighted_by_softmax(const Tensor& x, const Tensor& scores) {
  const Tensor a = softmax(scores, -1);
  return sum(x * (scores.rank() < x.rank() ? unsqueeze(a, -2) : a), {-1});
}

namespace {

template <bool gated>
class MILAttentionPool : public Module {
 public:
  struct Config {
    int64_t hidden = 128;
    bool return_weights = false;
    void fields(Fields& f) {
      f("hidden", hidden, "width of the layer that scores an instance", {.lo = 1, .hi = 1 << 24});
      f("return_weights", return_weights, "gives a second output, \"weights\": the attention [N, L]");
    }
  };

  MILAttentionPool(const Config& c, Build& build) : return_weights_(c.return_weights) {
    const int64_t channels = channels_of(build, 1);
    const Initial inner = init::uniform_within(1 / std::sqrt(static_cast<double>(channels)));
    v_ = build.parameter("V", {c.hidden, channels}, inner);
    if (gated) u_ = build.parameter("U", {c.hidden, channels}, inner);
    w_ = build.parameter("w", {c.hidden}, init::uniform_within(1 / std::sqrt(static_cast<double>(c.hidden))));
  }
  Tensors apply(const Tensors& inputs, Context&) override {
    const Tensor& x = inputs.at(0);
    const char* name = gated ? "gated_mil_attention_pool" : "mil_attention_pool";
    check_planes(name, x, 1);
    check_channels(name, x, 1, v_.size(1));
    const Tensor instances = transpose(x, -2, -1);
    Tensor features = tanh(linear(instances, v_));
    if (gated) features = features * sigmoid(linear(instances, u_));
    const Tensor scores = squeeze(linear(features, unsqueeze(w_, 0)), -1);
    Tensors out{weighted_by_softmax(x, scores)};
    if (return_weights_) out.push_back(softmax(scores, -1));
    return out;
  }
  std::vector<std::string> outputs() const override {
    return return_weights_ ? std::vector<std::string>{"weights"} : std::vector<std::string>{};
  }
  void parts(Parts& p) override {
    p("V", v_);
    p("U", u_);
    p("w", w_);
  }

 private:
  bool return_weights_;
  Tensor v_, u_, w_;
};

const auto& mil_attention_row =
    add_layer<MILAttentionPool<false>>("MILAttentionPool", "The mean of a bag's instances by learned attention.",
                                       R"({"hidden": 3})", {{2, 4, 6}})
        .formula("y = Σ a_i h_i, a = softmax over i of wᵀ tanh(V h_i); x [N, C, L] to [N, C]")
        .source("Ilse, Tomczak, Welling 2018 (arXiv 1802.04712)")
        .pools(PoolGroup::attention, "for bags of instances that share one label: slides cut into tiles");

const auto& gated_mil_attention_row =
    add_layer<MILAttentionPool<true>>("GatedMILAttentionPool", "The same with a gate beside the scores.",
                                      R"({"hidden": 3, "return_weights": true})", {{2, 4, 6}})
        .formula("y = Σ a_i h_i, a = softmax over i of wᵀ (tanh(V h_i) ∘ σ(U h_i)); x [N, C, L] to [N, C]")
        .source("Ilse, Tomczak, Welling 2018 (arXiv 1802.04712)")
        .pools(PoolGroup::attention, "as MILAttentionPool, where tanh is nearly linear over most features");

}  // namespace
}  // namespace tarn
