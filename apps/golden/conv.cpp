// Reference cases of convolutions, through the layers.
#include "apps/golden/layer.h"
#include "apps/golden/table.h"

namespace tarn::golden {
namespace {

Call convolution(int rank) {
  return [rank](Case& c) {
    const Tensor weight = c.param("weight");
    Json config = layer_config(c);
    if (weight.rank() >= 2) {
      config.set("out_channels", weight.size(0));
      Json kernel = Json::array();
      for (int i = 2; i < weight.rank(); ++i) kernel.push(weight.size(i));
      config.set("kernel_size", std::move(kernel));
    }
    config.set("bias", c.param("bias").defined());
    return run_layer(c, ranked("Conv", rank), std::move(config));
  };
}

const Rows rows{
    {"conv1d", convolution(1)},
    {"conv2d", convolution(2)},
    {"conv3d", convolution(3)},
};

}  // namespace
}  // namespace tarn::golden
