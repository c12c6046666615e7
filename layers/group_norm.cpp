// Group normalisation: over groups of channels of each sample.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/module.h"

namespace tarn {
namespace {

class GroupNorm : public Module {
 public:
  struct Config {
    int64_t num_groups = 0;
    std::optional<int64_t> num_channels;
    double eps = 1e-5;
    bool affine = true;
    void fields(Fields& f) {
      f("num_groups", num_groups, "the channels are cut into this many groups", {.lo = 1, .required = true});
      f("num_channels", num_channels, "channels of the input; taken from it where left out",
        {.lo = 1, .inferred = true});
      f("eps", eps, "added to the variance", {.lo = 0});
      f("affine", affine, "whether each channel has a learned factor (weight) and addend (bias)");
    }
  };

  GroupNorm(const Config& c, Build& build) : groups_(c.num_groups), eps_(c.eps) {
    channels_ = build.inferred("num_channels", c.num_channels);
    check(channels_ > 0 && channels_ % groups_ == 0, "the ", channels_, " channels of the input ",
          batch_text(build.shape()), " cannot be cut into ", groups_, " groups of one size");
    if (!c.affine) return;
    weight_ = build.parameter("weight", {channels_}, init::constant(1));
    bias_ = build.parameter("bias", {channels_}, init::constant(0));
  }

  Tensor forward(const Tensor& x, Context&) override {
    check(x.rank() >= 2 && x.shape()[1] == channels_, "expects ", channels_, " channels, but the input is ",
          batch_text(x.shape()));
    return group_norm(x, groups_, weight_, bias_, eps_);
  }

  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override { return y.numel(); }

 private:
  int64_t groups_, channels_ = 0;
  double eps_;
  Tensor weight_, bias_;
};

const auto& group_norm_row =
    add_layer<GroupNorm>("GroupNorm",
                         "Gives every group of channels of every sample mean 0 and variance 1, then "
                         "scales and shifts each channel.",
                         R"({"num_groups": 2})", {{2, 4, 3, 2}})
        .formula("y = (x - mean) / √(var + eps) · weight + bias, mean and var per sample and group")
        .source("torch.nn.GroupNorm; Wu and He 2018");

}  // namespace
}  // namespace tarn
