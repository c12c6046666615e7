// Convolutions over 1, 2 and 3 dimensions.
#include <cmath>

#include "core/count.h"
#include "core/ops.h"
#include "layers/init.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

template <int rank>
class Conv : public Module {
 public:
  struct Config {
    std::optional<int64_t> in_channels;
    int64_t out_channels = 0;
    Sizes kernel_size;
    Sizes stride{1};
    SizesOrWord padding{.sizes = {0}};
    Sizes dilation{1};
    int64_t groups = 1;
    bool bias = true;
    std::string padding_mode = "zeros";
    void fields(Fields& f) {
      f("in_channels", in_channels, "channels of the input; taken from it where left out", {.lo = 1, .inferred = true});
      f("out_channels", out_channels, "channels of the output", {.lo = 1, .required = true});
      f("kernel_size", kernel_size, "size of the window", size_rule(rank, 1, true));
      f("stride", stride, "steps between windows", size_rule(rank, 1));
      f("padding", padding, "cells added at both sides; \"same\" keeps the size (stride 1 only), \"valid\" adds none",
        {.lo = 0, .hi = 1 << 30, .choices = {"same", "valid"}, .rank = rank});
      f("dilation", dilation, "distance between the cells that a window sees", size_rule(rank, 1));
      f("groups", groups, "input and output channels are cut into this many independent groups", {.lo = 1});
      f("bias", bias, "whether to add a bias to each channel");
      f("padding_mode", padding_mode, "what the added cells hold",
        {.choices = {"zeros", "reflect", "replicate", "circular"}});
    }
  };

  Conv(const Config& c, Build& build) : mode_(c.padding_mode) {
    const int64_t in = build.inferred("in_channels", c.in_channels, is_sample(build.shape(), rank) ? 0 : 1);
    check(in > 0 && in % c.groups == 0, "the input's ", in, " channels cannot be cut into ", c.groups, " groups");
    check(c.out_channels % c.groups == 0, "out_channels ", c.out_channels, " cannot be cut into ", c.groups, " groups");
    const auto kernel = per_dimension(c.kernel_size, rank);
    geometry_.stride = per_dimension(c.stride, rank);
    geometry_.dilation = per_dimension(c.dilation, rank);
    geometry_.groups = c.groups;
    set_padding(c, kernel);

    std::vector<int64_t> sizes{c.out_channels, in / c.groups};
    sizes.insert(sizes.end(), kernel.begin(), kernel.begin() + rank);
    const Shape shape{std::span<const int64_t>(sizes)};
    fan_in_ = shape.product(1, shape.rank());
    const Initial initial = init::uniform_within(1 / std::sqrt(static_cast<double>(fan_in_)));
    weight_ = build.parameter("weight", shape, initial);
    if (c.bias) bias_ = build.parameter("bias", {c.out_channels}, initial);
  }

  Tensor forward(const Tensor& x, Context&) override {
    if (is_sample(x.shape(), rank)) return squeeze(slide(unsqueeze(x, 0)), 0);
    return slide(x);
  }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>&, const Shape& y) const override {
    return count_product(y.numel(), fan_in_);
  }

 private:
  Tensor slide(const Tensor& x) const {
    return conv(pads_.empty() ? x : pad(x, pads_, mode_), weight_, bias_, geometry_);
  }

  /// Zeros are the convolution's own business; other modes pad the input first.
  void set_padding(const Config& c, const std::array<int64_t, 3>& kernel) {
    geometry_.before = geometry_.after = {0, 0, 0};
    if (c.padding.word.empty()) {
      const auto amount = per_dimension(c.padding.sizes, rank);
      for (size_t d = 0; d < rank; ++d) geometry_.before[d] = geometry_.after[d] = amount[d];
    } else if (c.padding.word == "same") {
      for (size_t d = 0; d < rank; ++d) {
        check(geometry_.stride[d] == 1, "padding \"same\" needs stride 1, but stride is ", geometry_.stride[d]);
        const int64_t total = geometry_.dilation[d] * (kernel[d] - 1);
        geometry_.before[d] = total / 2;
        geometry_.after[d] = total - total / 2;
      }
    }
    const bool any = geometry_.before != std::array<int64_t, 3>{} || geometry_.after != std::array<int64_t, 3>{};
    if (mode_ == "zeros" || !any) return;
    for (size_t d = rank; d-- > 0;) {
      pads_.push_back(geometry_.before[d]);
      pads_.push_back(geometry_.after[d]);
    }
    geometry_.before = geometry_.after = {0, 0, 0};
  }

  std::string mode_;
  ConvGeometry geometry_;
  std::vector<int64_t> pads_;  // for `pad`: the last dimension first
  int64_t fan_in_ = 0;
  Tensor weight_, bias_;
};

template <int rank>
LayerInfo& add_conv() {
  return add_layer<Conv<rank>>(
             with_rank("Conv", rank), text("Slides learned windows over ", rank, " dimension", rank == 1 ? "." : "s."),
             R"({"out_channels": 2, "kernel_size": 3, "padding": 1, "stride": 2, "groups": 2})", {spatial_sample(rank)})
      .formula(
          "y[n, k, o] = b[k] + Σ_{c, t} W[k, c, t] · x[n, c, o · stride - padding + t · dilation]; initially uniform "
          "within ±1/√(in_channels / groups · taps)")
      .source("torch.nn." + with_rank("Conv", rank));
}

const auto& conv1d_row = add_conv<1>();
const auto& conv2d_row = add_conv<2>();
const auto& conv3d_row = add_conv<3>();

}  // namespace
}  // namespace tarn
