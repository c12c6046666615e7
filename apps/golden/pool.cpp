// Reference cases of pooling, through the layers.
#include "apps/golden/layer.h"
#include "apps/golden/table.h"

namespace tarn::golden {
namespace {

/// The layer with the case's attributes as they are.
Call pooling(const char* name, int rank) {
  return [type = ranked(name, rank)](Case& c) { return run_layer(c, type, layer_config(c)); };
}

/// The reference lists the indices of every adaptive or global maximum, their layers only on demand.
Call indexed_maximum(const char* name, int rank) {
  return [type = ranked(name, rank)](Case& c) {
    Json config = layer_config(c);
    config.set("return_indices", true);
    return run_layer(c, type, std::move(config));
  };
}

Row lp_pooling(int rank) {
  const Call call = [rank](Case& c) {
    Json config = layer_config(c);
    config.set("sign_mode", "torch");
    config.set("partial_window", "torch");
    return run_layer(c, ranked("LPPool", rank), std::move(config));
  };
  return {
      ranked("lp_pool", rank), call, nullptr,
      "LPPool takes |x|^p, and adds up what a partial window holds; the reference takes x^p, NaN for negative x and "
      "odd or broken p, and scales partial windows up. The cases run with sign_mode and partial_window \"torch\". A "
      "derivative by an x of 0 with p < 1 is 0, in the reference inf"};
}

Row max_unpooling(int rank) {
  return {ranked("max_unpool", rank), pooling("MaxUnpool", rank), nullptr,
          "with the same index for several values, MaxUnpool keeps the last and gives all of them its gradient, as the "
          "reference does; that gradient is no derivative, duplicates \"sum\" has a true one"};
}

const Rows pool_rows{
    {"max_pool1d", pooling("MaxPool", 1)},
    {"max_pool2d", pooling("MaxPool", 2)},
    {"max_pool3d", pooling("MaxPool", 3)},
    {"avg_pool1d", pooling("AvgPool", 1)},
    {"avg_pool2d", pooling("AvgPool", 2)},
    {"avg_pool3d", pooling("AvgPool", 3)},
    {"adaptive_avg_pool1d", pooling("AdaptiveAvgPool", 1)},
    {"adaptive_avg_pool2d", pooling("AdaptiveAvgPool", 2)},
    {"adaptive_avg_pool3d", pooling("AdaptiveAvgPool", 3)},
    {"adaptive_max_pool1d", indexed_maximum("AdaptiveMaxPool", 1)},
    {"adaptive_max_pool2d", indexed_maximum("AdaptiveMaxPool", 2)},
    {"adaptive_max_pool3d", indexed_maximum("AdaptiveMaxPool", 3)},
    lp_pooling(1),
    lp_pooling(2),
    lp_pooling(3),
    max_unpooling(1),
    max_unpooling(2),
    max_unpooling(3),
    {"global_avg_pool1d", pooling("GlobalAvgPool", 1)},
    {"global_avg_pool2d", pooling("GlobalAvgPool", 2)},
    {"global_avg_pool3d", pooling("GlobalAvgPool", 3)},
    {"global_max_pool1d", indexed_maximum("GlobalMaxPool", 1)},
    {"global_max_pool2d", indexed_maximum("GlobalMaxPool", 2)},
    {"global_max_pool3d", indexed_maximum("GlobalMaxPool", 3)},
    {"global_lp_pool1d", pooling("GlobalLPPool", 1)},
    {"global_lp_pool2d", pooling("GlobalLPPool", 2)},
    {"global_lp_pool3d", pooling("GlobalLPPool", 3)},
    {"power_avg_pool2d", pooling("PowerAveragePool", 2)},
};

}  // namespace
}  // namespace tarn::golden
