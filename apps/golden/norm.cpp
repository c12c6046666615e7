// Reference cases of normalisation, through the layers.
#include <algorithm>

#include "apps/golden/layer.h"
#include "apps/golden/table.h"

namespace tarn::golden {
namespace {

int rank_of(const Case& c) {
  return std::clamp(c.input().rank() - 2, 1, 3);
}

/// The layer for the input's rank. A momentum of null has a meaning here: the cumulative average.
Tensors run_batch_norm(Case& c) {
  Json config = layer_config(c, {"training"});
  const Json* momentum = c.attributes().json().find("momentum");
  if (momentum && momentum->is_null()) config.set("momentum", nullptr);
  return run_layer(c, ranked("BatchNorm", rank_of(c)), std::move(config), c.attributes().flag("training", true));
}

Tensors run_instance_norm(Case& c) {
  return run_layer(c, ranked("InstanceNorm", rank_of(c)), layer_config(c, {"training"}),
                   c.attributes().flag("training", true));
}

/// A layer whose weight and bias are there where the case has some; `affine` is its name for that.
Call affine(const char* type, const char* affine) {
  return [=](Case& c) {
    Json config = layer_config(c);
    if (!config.find(affine)) config.set(affine, !c.params().empty());
    return run_layer(c, type, std::move(config));
  };
}

const Rows norm_rows{
    {"batch_norm", run_batch_norm},
    {"layer_norm", affine("LayerNorm", "elementwise_affine")},
    {"group_norm", affine("GroupNorm", "affine")},
    {"instance_norm", run_instance_norm},
    {"local_response_norm", [](Case& c) { return run_layer(c, "LocalResponseNorm", layer_config(c)); }},
};

}  // namespace
}  // namespace tarn::golden
