// Transposed convolutions over 1, 2 and 3 dimensions.
#include <cmath>

#include "core/count.h"
#include "core/ops.h"
#include "layers/init.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

template <int rank>
class ConvTranspose : public Module {
 public:
  struct Config {
    std::optional<int64_t> in_channels;
    int64_t out_channels = 0;
    Sizes kernel_size;
    Sizes stride{1};
    Sizes padding{0};
    Sizes output_padding{0};
    int64_t groups = 1;
    bool bias = true;
    Sizes dilation{1};
    std::string padding_mode = "zeros";
    void fields(Fields& f) {
      f("in_channels", in_channels, "channels of the input; taken from it where left out", {.lo = 1, .inferred = true});
      f("out_channels", out_channels, "channels of the output", {.lo = 1, .required = true});
      f("kernel_size", kernel_size, "size of the window", size_rule(rank, 1, true));
      f("stride", stride, "steps between the windows that two neighbours add to", size_rule(rank, 1));
      f("padding", padding, "cells cut off at both sides", size_rule(rank, 0));
      f("output_padding", output_padding, "cells added at the far side; below the stride or the dilation",
        size_rule(rank, 0));
      f("groups", groups, "input and output channels are cut into this many independent groups", {.lo = 1});
      f("bias", bias, "whether to add a bias to each channel");
      f("dilation", dilation, "distance between the cells that a window adds to", size_rule(rank, 1));
      f("padding_mode", padding_mode, "as for Conv2d, but only zeros make sense", {.choices = {"zeros"}});
    }
  };

  ConvTranspose(const Config& c, Build& build) : output_padding_(per_dimension(c.output_padding, rank)) {
    const int64_t in = build.inferred("in_channels", c.in_channels, is_sample(build.shape(), rank) ? 0 : 1);
    check(in > 0 && in % c.groups == 0, "the input's ", in, " channels cannot be cut into ", c.groups, " groups");
    check(c.out_channels % c.groups == 0, "out_channels ", c.out_channels, " cannot be cut into ", c.groups, " groups");
    geometry_.stride = per_dimension(c.stride, rank);
    geometry_.dilation = per_dimension(c.dilation, rank);
    geometry_.before = geometry_.after = per_dimension(c.padding, rank);
    geometry_.groups = c.groups;

    const auto kernel = per_dimension(c.kernel_size, rank);
    std::vector<int64_t> sizes{in, c.out_channels / c.groups};
    sizes.insert(sizes.end(), kernel.begin(), kernel.begin() + rank);
    const Shape shape{std::span<const int64_t>(sizes)};
    // What PyTorch takes for the fan in: it reads the weight as if it were [out, in, kernel].
    const double fan = static_cast<double>(shape.product(1, shape.rank()));
    const Initial initial = init::uniform_within(1 / std::sqrt(fan));
    weight_ = build.parameter("weight", shape, initial);
    if (c.bias) bias_ = build.parameter("bias", {c.out_channels}, initial);
  }

  Tensor forward(const Tensor& x, Context&) override {
    if (is_sample(x.shape(), rank)) return squeeze(spread(unsqueeze(x, 0)), 0);
    return spread(x);
  }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
  }
  int64_t multiply_adds(const std::vector<Shape>& inputs, const Shape&) const override {
    return count_product(inputs[0].numel(), weight_.shape().product(1, weight_.rank()));
  }

 private:
  Tensor spread(const Tensor& x) const { return conv_transpose(x, weight_, bias_, geometry_, output_padding_); }

  ConvGeometry geometry_;
  std::array<int64_t, 3> output_padding_;
  Tensor weight_, bias_;
};

template <int rank>
LayerInfo& add_conv_transpose() {
  return add_layer<ConvTranspose<rank>>(
             with_rank("ConvTranspose", rank),
             text("Spreads every cell over a learned window; enlarges over ", rank, " dimension",
                  rank == 1 ? "." : "s."),
             R"({"out_channels": 2, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 2})",
             {spatial_sample(rank)})
      .formula(
          "y[n, k, i · stride - padding + t · dilation] += W[c, k, t] · x[n, c, i] for all c, i, t, from b[k]; "
          "initially uniform within ±1/√(out_channels / groups · taps)")
      .source("torch.nn." + with_rank("ConvTranspose", rank));
}

const auto& conv_transpose1d_row = add_conv_transpose<1>();
const auto& conv_transpose2d_row = add_conv_transpose<2>();
const auto& conv_transpose3d_row = add_conv_transpose<3>();

}  // namespace
}  // namespace tarn
