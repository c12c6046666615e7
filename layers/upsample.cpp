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
  void validate() const { check(size.has_value() != scale_factor.has_value(), "give either size or scale_factor"); }
  InterpolateOptions options(const Shape& x) const {
    check(x.rank() >= 3 && x.rank() <= 5, "expects an input [N, C, L], [N, C, H, W] or [N, C, D, H, W], got ",
          batch_text(x));
    InterpolateOptions o;
    if (size) o.size = expand(*size, x.rank() - 2);
    if (scale_factor) o.scale_factor = expand(*scale_factor, x.rank() - 2);
    return o;
  }
};

class Upsample : public Module {
 public:
  struct Config {
    Target target;
    std::string mode = "nearest";
    std::optional<bool> align_corners;
    std::optional<bool> recompute_scale_factor;
    bool antialias = false;
    void fields(Fields& f) {
      target.fields(f, 0);
      f("mode", mode, "how values between cells are found",
        {.choices = {"nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic", "trilinear"}});
      f("align_corners", align_corners,
        "whether the centres of the outermost cells stay, not their borders; null for "
        "nearest and area");
      f("recompute_scale_factor", recompute_scale_factor,
        "whether positions follow the ratio of the sizes instead of "
        "scale_factor");
      f("antialias", antialias, "bilinear and bicubic: widen the filter where the output is smaller");
    }
  };

  Upsample(Config c, Build&) : config_(std::move(c)) { config_.target.validate(); }
  Tensor forward(const Tensor& x, Context&) override {
    InterpolateOptions o = config_.target.options(x.shape());
    o.mode = config_.mode;
    o.align_corners = config_.align_corners;
    o.recompute_scale_factor = config_.recompute_scale_factor.value_or(false);
    o.antialias = config_.antialias;
    return interpolate(x, o);
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
const auto& nearest_row =
    add_layer<Upsampling2d<false>>("UpsamplingNearest2d", "Resizes images by repeating their cells.",
                                   R"({"scale_factor": 2})", {spatial_sample(2)})
        .formula("y[h, w] = x[⌊h / scale_factor⌋, ⌊w / scale_factor⌋]")
        .source("torch.nn.UpsamplingNearest2d");
const auto& bilinear_row =
    add_layer<Upsampling2d<true>>("UpsamplingBilinear2d",
                                  "Resizes images linearly in both directions; the corners stay.",
                                  R"({"scale_factor": 2})", {spatial_sample(2)})
        .formula("along each dimension y[o] lies between the two cells beside o · (I - 1) / (O - 1)")
        .source("torch.nn.UpsamplingBilinear2d: Upsample with mode bilinear and align_corners");

}  // namespace
}  // namespace tarn
