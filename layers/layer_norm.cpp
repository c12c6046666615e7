// Layer normalisation: over the last dimensions of each sample.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class LayerNorm : public Module {
 public:
  struct Config {
    std::optional<Sizes> normalized_shape;
    double eps = 1e-5;
    bool elementwise_affine = true;
    void fields(Fields& f) {
      f("normalized_shape", normalized_shape,
        "sizes of the last dimensions, over which is normalised; left out: the last one alone",
        {.lo = 0, .hi = 1 << 30, .inferred = true});
      f("eps", eps, "added to the variance", {.lo = 0});
      f("elementwise_affine", elementwise_affine,
        "whether each value has a learned factor (weight) and addend (bias), the same for all samples");
    }
  };

  LayerNorm(const Config& c, Build& build) : eps_(c.eps) {
    const Sizes sizes = c.normalized_shape.value_or(Sizes{});
    check(!c.normalized_shape || !sizes.empty(), "normalized_shape is empty; name at least the last dimension's size");
    shape_ =
        c.normalized_shape ? Shape{std::span<const int64_t>(sizes)} : Shape{build.inferred("normalized_shape", {}, -1)};
    check_fits(build.shape());
    if (!c.elementwise_affine) return;
    weight_ = build.parameter("weight", shape_, init::constant(1));
    bias_ = build.parameter("bias", shape_, init::constant(0));
  }

  Tensor forward(const Tensor& x, Context&) override {
    check_fits(x.shape());
    return layer_norm(x, shape_, weight_, bias_, eps_);
  }

  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override { return y.numel(); }

 private:
  void check_fits(const Shape& x) const {
    const int before = x.rank() - shape_.rank();
    bool fits = before >= 0;
    for (int i = 0; i < shape_.rank() && fits; ++i) fits = x[before + i] == shape_[i];
    check(fits, "normalized_shape is ", shape_, ", but the input ", batch_text(x), " does not end with these sizes");
  }

  double eps_;
  Shape shape_;
  Tensor weight_, bias_;
};

const auto& layer_norm_row =
    add_layer<LayerNorm>("LayerNorm",
                         "Gives the last dimensions of every sample mean 0 and variance 1, then scales "
                         "and shifts each value.",
                         R"({"normalized_shape": [3, 4]})", {{2, 3, 4}})
        .formula("y = (x - mean) / √(var + eps) · weight + bias, mean and var over normalized_shape")
        .source("torch.nn.LayerNorm; Ba, Kiros and Hinton 2016");

}  // namespace
}  // namespace tarn
