// Reference cases through layers: config from attributes, parameters by name.
#include "apps/golden/layer.h"

#include <algorithm>

#include "apps/golden/compare.h"
#include "core/error.h"
#include "layers/module.h"

namespace tarn::golden {
namespace {

/// Puts the case's tensor in place of each part of that name.
void give(Case& c, const std::vector<NamedTensor>& parts) {
  for (const NamedTensor& part : parts)
    if (const Tensor value = c.param(part.name); value.defined()) *part.tensor = value;
}

}  // namespace

Json layer_config(const Case& c, std::initializer_list<std::string_view> without) {
  Json config = Json::object();
  for (const Member& attribute : c.attributes().json().members()) {
    const bool left_out = std::find(without.begin(), without.end(), attribute.key) != without.end();
    if (!left_out && !attribute.value.is_null()) config.set(attribute.key, attribute.value);
  }
  return config;
}

Tensors run_layer(Case& c, const std::string& type, Json config, bool training) {
  if (!find_layer(type)) throw Skip{"no layer " + type};
  config.set("type", type);
  Build build;
  build.path = c.name();
  build.dtype = c.dtype();
  for (const Tensor& x : c.inputs()) build.inputs.push_back(x.shape());
  const std::unique_ptr<Module> layer = make_layer(config, build);
  give(c, parameters(*layer));
  give(c, buffers(*layer));
  Context context;
  context.training = training;
  Tensors outputs = layer->apply(c.inputs(), context);
  for (const NamedTensor& part : buffers(*layer)) c.set_buffer(part.name, *part.tensor);
  return outputs;
}

}  // namespace tarn::golden
