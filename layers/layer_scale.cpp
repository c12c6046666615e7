// LayerScale: a learned factor for each channel, small at first, at the end of a residual branch.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class LayerScale : public Module {
 public:
  struct Config {
    std::optional<int64_t> num_features;
    double initial = 1e-5;
    void fields(Fields& f) {
      f("num_features", num_features, "channels of the input; taken from it where left out",
        {.lo = 1, .inferred = true});
      f("initial", initial, "value of every factor at first");
    }
  };

  LayerScale(const Config& c, Build& build) {
    const int64_t channels = build.inferred("num_features", c.num_features);
    gamma_ = build.parameter("gamma", {channels},
                             [v = c.initial](const Shape& s, const Stream&, Dtype d) { return Tensor::full(s, v, d); });
  }
  Tensor forward(const Tensor& x, Context&) override {
    std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
    sizes[1] = gamma_.numel();
    return x * reshape(gamma_, sizes);
  }
  void parts(Parts& p) override { p("gamma", gamma_); }

 private:
  Tensor gamma_;
};

const auto& layer_scale_row =
    add_layer<LayerScale>("LayerScale", "A learned factor for each channel, small at first.", R"({"initial": 0.5})",
                          {{2, 3, 4}})
        .formula("y = γ · x; γ [channels]")
        .source("Touvron et al. 2021, Going deeper with image transformers (arXiv 2103.17239)");

}  // namespace
}  // namespace tarn
