// Batch normalisation over 1, 2 and 3 dimensions.
#include "core/ops.h"
#include "layers/init.h"
#include "layers/running_statistics.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

template <int rank>
class BatchNorm : public Module {
 public:
  struct Config {
    std::optional<int64_t> num_features;
    double eps = 1e-5;
    std::optional<double> momentum = 0.1;
    bool affine = true;
    bool track_running_stats = true;
    void fields(Fields& f) {
      f("num_features", num_features, "channels of the input; taken from it where left out",
        {.lo = 1, .inferred = true});
      f("eps", eps, "added to the variance", {.lo = 0});
      f("momentum", momentum, "share of a new batch in the running statistics; null: the plain average of all batches",
        {.lo = 0, .hi = 1});
      f("affine", affine, "whether each channel has a learned factor (weight) and addend (bias)");
      f("track_running_stats", track_running_stats,
        "keep running statistics and use them when not training; otherwise the batch's own are used always");
    }
  };

  BatchNorm(const Config& c, Build& build) : eps_(c.eps), momentum_(c.momentum) {
    check_rank(build.shape());
    features_ = build.inferred("num_features", c.num_features);
    check(features_ > 0, "the input ", batch_text(build.shape()), " has no channels");
    if (c.affine) {
      weight_ = build.parameter("weight", {features_}, init::constant(1));
      bias_ = build.parameter("bias", {features_}, init::constant(0));
    }
    if (c.track_running_stats) running_ = RunningStatistics(features_, build);
  }

  Tensor forward(const Tensor& x, Context& context) override {
    check_rank(x.shape());
    check(x.shape()[1] == features_, "num_features is ", features_, ", but the input ", x.shape(), " has ",
          x.shape()[1], " channels");
    if (!context.training && running_.kept())
      return batch_norm_with(x, running_.mean(), running_.variance(), weight_, bias_, eps_);
    if (!context.training && x.numel() == 0) return x;  // no statistics, and nothing to normalise
    NormResult result = batch_norm(x, weight_, bias_, eps_);
    if (context.training && context.update_buffers && running_.kept()) update(result, x.numel() / features_);
    return std::move(result.y);
  }

  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
    running_.parts(p);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override { return y.numel(); }

 private:
  static void check_rank(const Shape& x) {
    if constexpr (rank == 1)
      check(x.rank() == 2 || x.rank() == 3, "expects an input [N, C] or [N, C, L], got ", batch_text(x));
    else
      check_spatial(x, rank);
  }

  /// Moves the running statistics towards those of a batch with `count` values per channel.
  void update(const NormResult& batch, int64_t count) {
    if (count < 2) return;  // an empty batch says nothing
    const int64_t seen = running_.count_batch();
    running_.move(batch.mean, batch.variance, momentum_ ? *momentum_ : 1 / static_cast<double>(seen), count);
  }

  double eps_;
  std::optional<double> momentum_;
  int64_t features_ = 0;
  Tensor weight_, bias_;
  RunningStatistics running_;
};

template <int rank>
LayerInfo& add_batch_norm() {
  return add_layer<BatchNorm<rank>>(
             with_rank("BatchNorm", rank),
             "Gives every channel mean 0 and variance 1 over the batch, then scales and shifts it.", "{}",
             {spatial_sample(rank)})
      .formula(
          "y = (x - mean) / √(var + eps) · weight + bias, mean and var per channel of the batch; when not training, of "
          "the running statistics")
      .source(text("torch.nn.", with_rank("BatchNorm", rank), "; Ioffe and Szegedy 2015"));
}

const auto& batch_norm1d_row = add_batch_norm<1>();
const auto& batch_norm2d_row = add_batch_norm<2>();
const auto& batch_norm3d_row = add_batch_norm<3>();

}  // namespace
}  // namespace tarn
