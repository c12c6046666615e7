// Reference cases of normalisation, through the layers.
#include <algorithm>

#include "apps/golden/layer.h"
#include "apps/golden/table.h"

namespace tarn::golden {
namespace {

/// The layer for the input's rank. A momentum of null has a meaning here: the cumulative average.
Tensors run_batch_norm(Case& c) {
  Json config = layer_config(c, {"training"});
  const Json* momentum = c.attributes().json().find("momentum");
  if (momentum && momentum->is_null()) config.set("momentum", nullptr);
  const int spatial = std::clamp(c.input().rank() - 2, 1, 3);
  return run_layer(c, ranked("BatchNorm", spatial), std::move(config), c.attributes().flag("training", true));
}

const Rows rows{
    {"batch_norm", run_batch_norm},
};

}  // namespace
}  // namespace tarn::golden
