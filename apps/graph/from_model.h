// The graph of a model: a node for each layer, a group for each block.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "apps/graph/graph.h"
#include "layers/model.h"

namespace tarn {

/// How deep blocks are opened when nobody says otherwise: all of them.
constexpr int64_t any_depth = std::numeric_limits<int64_t>::max();

/// The graph of a model, titled `title`. Blocks inside of `depth` others are single boxes: 1 shows the items of the
/// config's list alone. Shapes are for one sample, without the batch's dimension, and stand where a layer changes them.
Graph model_graph(const Model& model, const std::string& title, int64_t depth = any_depth);

/// The same as text: a line for each layer with its type, output and parameters, and what it reads where that is not
/// just the line before.
std::string model_outline(const Model& model, const std::string& title, int64_t depth = any_depth);

/// What a type of layer does, judged by its name and, for poolings, by its row in the registry.
GraphKind kind_of_layer(const std::string& type);

/// Shape for one sample as "64×56×56"; its first dimension is the batch's.
std::string sample_shape(const Shape& shape);

/// 23456 as "23.5k", 1.2e9 as "1.2G"; exact below 1000.
std::string short_count(int64_t n);

/// "14 layers, 28,970 parameters, 2.4M multiply-adds for one sample".
std::string model_summary(const Model& model);

/// Layers of a model, those of its blocks counted singly.
size_t layer_count(const Model& model);

}  // namespace tarn
