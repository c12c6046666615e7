// Linear: every output is a weighted sum of all inputs.
#include <cmath>

#include "core/count.h"
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class Linear : public Module {
 public:
  struct Config {
    std::optional<int64_t> in_features;
    int64_t out_features = 0;
    bool bias = true;
    void fields(Fields& f) {
      f("in_features", in_features, "size of the last dimension of the input; taken from it where left out",
        {.lo = 0, .inferred = true});
      f("out_features", out_features, "size of the last dimension of the output", {.lo = 0, .required = true});
      f("bias", bias, "whether to add a bias");
    }
  };

  Linear(const Config& c, Build& build) : in_(build.inferred("in_features", c.in_features, -1)) {
    const double bound = in_ > 0 ? 1 / std::sqrt(static_cast<double>(in_)) : 0;
    const Initial initial = init::uniform_within(bound);
    weight_ = build.parameter("weight", {c.out_features, in_}, initial);
    if (c.bias) bias_ = build.parameter("bias", {c.out_features}, initial);
  }
  Tensor forward(const Tensor& x, Context&) override { return linear(x, weight_, bias_); }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override {
    return count_product(y.numel(), in_);
  }

 private:
  int64_t in_;
  Tensor weight_, bias_;
};

const auto& linear_row =
    add_layer<Linear>("Linear", "Every output is a weighted sum of all inputs, plus a bias.", R"({"out_features": 3})",
                      {{2, 4}})
        .formula("y = x Wᵀ + b; W [out_features, in_features], initially uniform within ±1/√in_features")
        .source("torch.nn.Linear");

}  // namespace
}  // namespace tarn
