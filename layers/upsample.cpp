// Layers that resize signals, images and volumes: Upsample, and PyTorch's two short names of it for images.
#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {
namespace {

/// Fields that say how large the output is: one of size and scale_factor must be given.
struct Target {
  std::optional<Sizes> size;
  std::optional<Numbers> scale_factor;

  void fields(Fields& f, int rank) {
    f("size", size, "size of the output: one number, or one for each dimension",
      {.lo = 1, .hi = 1 << 30, .rank = rank});
    f("scale_factor", scale_factor, "instead of size: how many times larger than the input, rounded down",
      {.lo = 0, .lo_open = true, .rank = rank});
  }
  void validate() const {
    check(size || scale_factor, "neither size nor scale_factor is given; give one of them");
    check(!size || !scale_factor, "size and scale_factor are both given; leave one out");
  }
  InterpolateOptions options(const Shape& x) const {
    check(x.rank() >= 3 && x.rank() <= 5, "expects an input [N, C, L], [N, C, H, W] or [N, C, D, H, W], got ",
          batch_text(x));
    InterpolateOptions o;
    if (size) o.size = expand(*size, x.rank() - 2);
    if (scale_factor) o.scale_factor = expand(*scale_factor, x.rank() - 2);
    return o;
  }
};

/// How values between cells are found.
struct Method {
  std::string mode = "nearest";
  std::optional<bool> align_corners;
  std::optional<bool> recompute_scale_factor;
  bool antialias = false;

  void fields(Fields& f) {
    f("mode", mode, "how values between cells are found",
      {.choices = {"nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic", "trilinear"}});
    f("align_corners", align_corners,
      "whether the centres of the outermost cells stay, not their borders; null for nearest and area");
    f("recompute_scale_factor", recompute_scale_factor,
      "whether positions follow the ratio of the sizes instead of scale_factor");
    f("antialias", antialias, "bilinear and bicubic: widen the filter where the output is smaller");
  }
  void set(InterpolateOptions& o) const {
    o.mode = mode;
    o.align_corners = align_corners;
    o.recompute_scale_factor = recompute_scale_factor.value_or(false);
    o.antialias = antialias;
  }
};

struct ResizeSettings {
  Target target;
  Method method;
  void fields(Fields& f) {
    target.fields(f, 0);
    method.fields(f);
  }
};

class Upsample : public Module {
 public:
  using Config = ResizeSettings;
  Upsample(Config c, Build&) : config_(std::move(c)) { config_.target.validate(); }
  Tensor forward(const Tensor& x, Context&) override {
    InterpolateOptions o = config_.target.options(x.shape());
    config_.method.set(o);
    return interpolate(x, o);
  }

 private:
  Config config_;
};

/// The same, or with the size of a second input.
class Interpolate : public Module {
 public:
  using Config = ResizeSettings;
  Interpolate(Config c, Build& build) : config_(std::move(c)) {
    if (build.inputs.size() == 1) config_.target.validate();
    const bool given = config_.target.size || config_.target.scale_factor;
    check(build.inputs.size() == 1 || !given,
          "the second input says how large the output is; leave out size and scale_factor");
  }
  Tensors apply(const Tensors& inputs, Context&) override {
    InterpolateOptions o = config_.target.options(inputs[0].shape());
    config_.method.set(o);
    if (inputs.size() == 2) {
      const Shape& wanted = inputs[1].shape();
      check(wanted.rank() == inputs[0].rank(), "inputs ", batch_text(inputs[0].shape()), " and ", batch_text(wanted),
            " have different numbers of dimensions");
      o.size.assign(wanted.begin() + 2, wanted.end());
    }
    return {interpolate(inputs[0], o)};
  }

 private:
  Config config_;
};

/// Images only; no other setting.
template <bool linear>
class Upsampling2d : public Module {
 public:
  struct Config {
    Target target;
    void fields(Fields& f) { target.fields(f, 2); }
  };

  Upsampling2d(Config c, Build&) : config_(std::move(c)) { config_.target.validate(); }
  Tensor forward(const Tensor& x, Context&) override {
    check_spatial(x.shape(), 2);
    InterpolateOptions o = config_.target.options(x.shape());
    if constexpr (linear) {
      o.mode = "bilinear";
      o.align_corners = true;
    }
    return interpolate(x, o);
  }

 private:
  Config config_;
};

const auto& upsample_row =
    add_layer<Upsample>("Upsample", "Resizes signals, images or volumes.", R"({"scale_factor": 2, "mode": "bilinear"})",
                        {spatial_sample(2)})
        .formula(
            "y[o] = Σ_i w(o, i) · x[i] along each spatial dimension; w spreads 1 (nearest), 2 (linear), 4 (cubic) "
            "neighbours of (o + ½) / scale_factor - ½")
        .source("torch.nn.Upsample");
const auto& interpolate_row =
    add_layer<Interpolate>("Interpolate", "Resizes its first input, to the size of the second where there is one.",
                           R"({"mode": "bilinear"})", {spatial_sample(2), {2, 3, 9, 4}})
        .takes(1, 2)
        .formula("Upsample with size those of the second input after [N, C]")
        .source("torch.nn.functional.interpolate");
const auto& upsampling_nearest2d_row =
    add_layer<Upsampling2d<false>>("UpsamplingNearest2d", "Resizes images by repeating their cells.",
                                   R"({"scale_factor": 2})", {spatial_sample(2)})
        .formula("y[h, w] = x[⌊h / scale_factor⌋, ⌊w / scale_factor⌋]")
        .source("torch.nn.UpsamplingNearest2d");
const auto& upsampling_bilinear2d_row =
    add_layer<Upsampling2d<true>>("UpsamplingBilinear2d",
                                  "Resizes images linearly in both directions; the corners stay.",
                                  R"({"scale_factor": 2})", {spatial_sample(2)})
        .formula("along each dimension y[o] lies between the two cells beside o · (I - 1) / (O - 1)")
        .source("torch.nn.UpsamplingBilinear2d: Upsample with mode bilinear and align_corners");

}  // namespace
}  // namespace tarn
