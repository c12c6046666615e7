// Layers that move cells between channels and space, or channels between groups.
#include "core/ops.h"
#include "layers/module.h"

namespace tarn {
namespace {

/// A shuffle with one number as its setting; Setting names it.
template <Tensor (*function)(const Tensor&, int64_t), class Setting>
class Shuffle : public Module {
 public:
  struct Config {
    int64_t number = 0;
    void fields(Fields& f) { f(Setting::name, number, Setting::doc, {.lo = 1, .hi = 1 << 30, .required = true}); }
  };
  Shuffle(const Config& c, Build&) : number_(c.number) {}
  Tensor forward(const Tensor& x, Context&) override { return function(x, number_); }

 private:
  int64_t number_;
};

struct Upscale {
  static constexpr const char* name = "upscale_factor";
  static constexpr const char* doc = "how many times higher and wider the output is";
};
struct Downscale {
  static constexpr const char* name = "downscale_factor";
  static constexpr const char* doc = "how many times lower and narrower the output is";
};
struct Groups {
  static constexpr const char* name = "groups";
  static constexpr const char* doc = "how many groups the channels come in";
};

const auto& pixel_shuffle_row =
    add_layer<Shuffle<pixel_shuffle, Upscale>>("PixelShuffle", "Spreads channels over space.",
                                               R"({"upscale_factor": 2})", {{2, 8, 3, 2}})
        .formula(
            "[N, C · r², H, W] to [N, C, H · r, W · r]: y[n, c, h · r + i, w · r + j] = x[n, (c · r + i) · r + j, h, "
            "w]")
        .source("torch.nn.PixelShuffle; Shi et al. 2016");
const auto& pixel_unshuffle_row =
    add_layer<Shuffle<pixel_unshuffle, Downscale>>("PixelUnshuffle", "Gathers space in channels.",
                                                   R"({"downscale_factor": 2})", {{2, 2, 4, 6}})
        .formula("[N, C, H · r, W · r] to [N, C · r², H, W]: undoes PixelShuffle")
        .source("torch.nn.PixelUnshuffle");
const auto& channel_shuffle_row =
    add_layer<Shuffle<channel_shuffle, Groups>>("ChannelShuffle", "Deals the channels of groups out in turns.",
                                                R"({"groups": 2})", {{2, 6, 3}})
        .formula("y[n, i · groups + g] = x[n, g · C / groups + i]")
        .source("torch.nn.ChannelShuffle; Zhang et al. 2018");

}  // namespace
}  // namespace tarn
