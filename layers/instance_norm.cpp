// Instance normalisation over 1, 2 and 3 dimensions.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/running_statistics.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

template <int rank>
class InstanceNorm : public Module {
 public:
  struct Config {
    std::optional<int64_t> num_features;
    double eps = 1e-5;
    double momentum = 0.1;
    bool affine = false;
    bool track_running_stats = false;
    void fields(Fields& f) {
      f("num_features", num_features, "channels of the input; taken from it where left out",
        {.lo = 1, .inferred = true});
      f("eps", eps, "added to the variance", {.lo = 0});
      f("momentum", momentum, "share of a new batch in the running statistics", {.lo = 0, .hi = 1});
      f("affine", affine, "whether each channel has a learned factor (weight) and addend (bias)");
      f("track_running_stats", track_running_stats,
        "keep running statistics and use them when not training; otherwise the sample's own are used always");
    }
  };

  InstanceNorm(const Config& c, Build& build) : eps_(c.eps), momentum_(c.momentum) {
    features_ = build.inferred("num_features", c.num_features, is_sample(build.shape(), rank) ? 0 : 1);
    check(features_ > 0, "the input ", batch_text(build.shape()), " has no channels");
    if (c.affine) {
      weight_ = build.parameter("weight", {features_}, init::constant(1));
      bias_ = build.parameter("bias", {features_}, init::constant(0));
    }
    if (c.track_running_stats) running_ = RunningStatistics(features_, build);
  }

  Tensor forward(const Tensor& x, Context& context) override {
    const bool sample = is_sample(x.shape(), rank);
    check(x.shape()[sample ? 0 : 1] == features_, "num_features is ", features_, ", but the input ", x.shape(), " has ",
          x.shape()[sample ? 0 : 1], " channels");
    return sample ? squeeze(normalised(unsqueeze(x, 0), context), 0) : normalised(x, context);
  }

  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
    running_.parts(p);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override { return y.numel(); }

 private:
  /// x [N, C, spatial].
  Tensor normalised(const Tensor& x, Context& context) {
    if (!context.training && running_.kept())
      return batch_norm_with(x, running_.mean(), running_.variance(), weight_, bias_, eps_);
    NormResult result = instance_norm(x, weight_, bias_, eps_);
    const int64_t count = x.shape().product(2, x.rank());
    const bool moves =
        context.training && context.update_buffers && running_.kept() && x.numel() > 0;  // an empty batch says nothing
    if (moves) running_.move(mean(result.mean, {0}), mean(result.variance, {0}), momentum_, count);
    return std::move(result.y);
  }

  double eps_, momentum_;
  int64_t features_ = 0;
  Tensor weight_, bias_;
  RunningStatistics running_;
};

template <int rank>
LayerInfo& add_instance_norm() {
  return add_layer<InstanceNorm<rank>>(
             with_rank("InstanceNorm", rank),
             "Gives every channel of every sample mean 0 and variance 1, then may scale and shift it.",
             R"({"affine": true})", {spatial_sample(rank)})
      .formula(
          "y = (x - mean) / √(var + eps) · weight + bias, mean and var per sample and channel; with "
          "track_running_stats, when not training, of the running statistics")
      .source(text("torch.nn.", with_rank("InstanceNorm", rank), "; Ulyanov, Vedaldi and Lempitsky 2016"));
}

const auto& instance_norm1d_row = add_instance_norm<1>();
const auto& instance_norm2d_row = add_instance_norm<2>();
const auto& instance_norm3d_row = add_instance_norm<3>();

}  // namespace
}  // namespace tarn
