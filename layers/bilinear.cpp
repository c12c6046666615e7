// Bilinear: every output is a quadratic form of two inputs.
#include <cmath>

#include "core/count.h"
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class Bilinear : public Module {
 public:
  struct Config {
    std::optional<int64_t> in1_features;
    std::optional<int64_t> in2_features;
    int64_t out_features = 0;
    bool bias = true;
    void fields(Fields& f) {
      f("in1_features", in1_features, "size of the first input's last dimension; taken from it where left out",
        {.lo = 1, .inferred = true});
      f("in2_features", in2_features, "the same for the second input", {.lo = 1, .inferred = true});
      f("out_features", out_features, "size of the last dimension of the output", {.lo = 1, .required = true});
      f("bias", bias, "whether to add a bias");
    }
  };

  Bilinear(const Config& c, Build& build) {
    const int64_t in1 = build.inferred("in1_features", c.in1_features, -1);
    const int64_t in2 = build.child("", {build.shape(1)}).inferred("in2_features", c.in2_features, -1);
    const Initial initial = init::uniform_within(1 / std::sqrt(static_cast<double>(in1)));
    weight_ = build.parameter("weight", {c.out_features, in1, in2}, initial);
    if (c.bias) bias_ = build.parameter("bias", {c.out_features}, initial);
  }
  Tensors apply(const Tensors& x, Context&) override { return {bilinear(x[0], x[1], weight_, bias_)}; }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override {
    return count_product(y.numel(), weight_.size(1) * (weight_.size(2) + 1));
  }

 private:
  Tensor weight_, bias_;
};

const auto& bilinear_row =
    add_layer<Bilinear>("Bilinear", "Every output is a quadratic form of two inputs, plus a bias.",
                        R"({"out_features": 2})", {{2, 3}, {2, 4}})
        .takes(2, 2)
        .formula("y_k = x1ᵀ W_k x2 + b_k; W [out, in1, in2], initially uniform within ±1/√in1_features")
        .source("torch.nn.Bilinear");

}  // namespace
}  // namespace tarn
