// The image-level branch of atrous spatial pyramid pooling: the global mean, mapped and spread over the plane again.
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

class ImagePool : public Module {
 public:
  struct Config {
    int64_t out_channels = 256;
    void fields(Fields& f) { f("out_channels", out_channels, "channels of the output", {.lo = 1, .hi = 1 << 24}); }
  };

  ImagePool(const Config& c, Build& build) {
    const Shape& x = build.shape();
    check_spatial(x, 2);
    check_planes("image_pool2d", x, 2);
    channels_ = x[1];
    Json conv = Json::object();
    conv.set("type", "Conv2d").set("out_channels", c.out_channels).set("kernel_size", 1).set("bias", false);
    Build conv_build = build.child("conv", {{x[0], x[1], 1, 1}});
    conv_ = make_layer(conv, conv_build);
    Build bn_build = build.child("bn", {{x[0], c.out_channels, 1, 1}});
    bn_ = make_layer("BatchNorm2d", bn_build);
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes("image_pool2d", x, 2);
    check(x.rank() == 4, "image_pool2d: the input ", x.shape(), " has 3 dimensions; expected [N, C, H, W]");
    check_channels("image_pool2d", x, 2, channels_);
    check(!context.training || x.size(0) > 1,
          "image_pool2d: normalises one value of each sample for each channel while training, and has ", x.size(0),
          "; use a batch of at least 2, or evaluate");
    const Tensor y = relu(bn_->forward(conv_->forward(mean(x, {2, 3}, true), context), context));
    return broadcast_to(y, Shape{x.size(0), y.size(1), x.size(2), x.size(3)});
  }
  void parts(Parts& p) override {
    p("conv", *conv_);
    p("bn", *bn_);
  }

 private:
  int64_t channels_ = 0;
  std::unique_ptr<Module> conv_, bn_;
};

const auto& image_pool_row =
    add_layer<ImagePool>("ImagePool", "The global mean, through convolution, batch norm and ReLU, at every position.",
                         R"({"out_channels": 3})", {spatial_sample(2)})
        .formula("y[n, :, h, w] = ReLU(BatchNorm(W mean of x[n, :, …]))")
        .source("Chen, Papandreou, Schroff, Adam 2017 (arXiv 1706.05587)")
        .pools(PoolGroup::adaptive,
               "as a branch beside dilated convolutions, so that every position knows the whole image");

}  // namespace
}  // namespace tarn
