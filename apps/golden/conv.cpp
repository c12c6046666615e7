// Reference cases of convolutions, through the layers.
#include "apps/golden/layer.h"
#include "apps/golden/table.h"

namespace tarn::golden {
namespace {

/// The layer with the sizes of the case's weight; `out_channels(weight, groups)` says how the weight holds them.
Tensors run_convolution(Case& c, const std::string& type, int64_t (*out_channels)(const Tensor&, int64_t)) {
  const Tensor weight = c.param("weight");
  Json config = layer_config(c);
  if (weight.rank() >= 2) {
    config.set("out_channels", out_channels(weight, c.attributes().integer("groups", 1)));
    Json kernel = Json::array();
    for (int i = 2; i < weight.rank(); ++i) kernel.push(weight.size(i));
    config.set("kernel_size", std::move(kernel));
  }
  config.set("bias", c.param("bias").defined());
  return run_layer(c, type, std::move(config));
}

Call convolution(int rank) {
  return [type = ranked("Conv", rank)](Case& c) {
    return run_convolution(c, type, [](const Tensor& weight, int64_t) { return weight.size(0); });
  };
}

Call transposed(int rank) {
  return [type = ranked("ConvTranspose", rank)](Case& c) {
    return run_convolution(c, type, [](const Tensor& weight, int64_t groups) { return weight.size(1) * groups; });
  };
}

const Rows conv_rows{
    {"conv1d", convolution(1)},          {"conv2d", convolution(2)},          {"conv3d", convolution(3)},
    {"conv_transpose1d", transposed(1)}, {"conv_transpose2d", transposed(2)}, {"conv_transpose3d", transposed(3)},
};

}  // namespace
}  // namespace tarn::golden
