// Generalized pooling: attention over time with a distribution of its own for every channel.
#include <cmath>

#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

class GeneralizedPool1d : public Module {
 public:
  struct Config {
    int64_t num_heads = 1;
    std::optional<int64_t> hidden;
    void fields(Fields& f) {
      f("num_heads", num_heads, "attentions side by side, whose results are joined", {.lo = 1, .hi = 1 << 16});
      f("hidden", hidden, "width of the layer that scores a position; left out: the number of channels",
        {.lo = 1, .hi = 1 << 24});
    }
  };

  GeneralizedPool1d(const Config& c, Build& build) : heads_(c.num_heads) {
    const int64_t channels = channels_of(build, 1);
    const int64_t hidden = c.hidden.value_or(channels);
    const Initial inner = init::uniform_within(1 / std::sqrt(static_cast<double>(channels)));
    const Initial outer = init::uniform_within(1 / std::sqrt(static_cast<double>(hidden)));
    w1_ = build.parameter("W1", {heads_, hidden, channels}, inner);
    b1_ = build.parameter("b1", {heads_, hidden}, inner);
    w2_ = build.parameter("W2", {heads_, channels, hidden}, outer);
    b2_ = build.parameter("b2", {heads_, channels}, outer);
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes("generalized_pool1d", x, 1);
    check_channels("generalized_pool1d", x, 1, w1_.size(2));
    Tensors heads;
    for (int64_t h = 0; h < heads_; ++h) {
      const Tensor hidden = relu(linear(transpose(x, -2, -1), select(w1_, 0, h), select(b1_, 0, h)));
      const Tensor scores = linear(hidden, select(w2_, 0, h), select(b2_, 0, h));
      heads.push_back(weighted_by_softmax(x, transpose(scores, -2, -1)));
    }
    return cat(heads, -1);
  }
  void parts(Parts& p) override {
    p("W1", w1_);
    p("b1", b1_);
    p("W2", w2_);
    p("b2", b2_);
  }

 private:
  int64_t heads_;
  Tensor w1_, b1_, w2_, b2_;
};

const auto& generalized_pool_row =
    add_layer<GeneralizedPool1d>("GeneralizedPool1d", "Attention over time, each channel with its own weights.",
                                 R"({"num_heads": 2, "hidden": 3})", {{2, 4, 6}})
        .formula(
            "A = softmax over t of W2 relu(W1 h_t + b1) + b2, for each channel; y = Σ_t A_t ∘ h_t, heads in a row; "
            "[N, C, L] to [N, num_heads · C]")
        .source("Chen, Ling, Zhu 2018 (arXiv 1806.09828)")
        .pools(PoolGroup::attention, "for sentences, where features come from different words")
        .samples_from(Domain::away_from_zero);

}  // namespace
}  // namespace tarn
