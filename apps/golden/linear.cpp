// Reference cases of linear maps and table lookups.
#include "apps/golden/layer.h"
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

/// Through the layer, which shortens rows of its table where max_norm is given.
Tensors run_embedding(Case& c) {
  const Tensor table = c.param("weight");
  Json config = layer_config(c);
  config.set("num_embeddings", table.size(0));
  config.set("embedding_dim", table.size(1));
  Tensors outputs = run_layer(c, "Embedding", std::move(config));
  c.set_buffer("weight_renormed", table);  // shares storage with the layer's parameter
  return outputs;
}

const Rows linear_rows{
    {"linear", [](Case& c) { return Tensors{linear(c.input(), c.param("weight"), c.param("bias"))}; }},
    {"bilinear", [](Case& c) { return Tensors{bilinear(c.input(0), c.input(1), c.param("weight"), c.param("bias"))}; }},
    {"embedding", run_embedding},
};

}  // namespace
}  // namespace tarn::golden
