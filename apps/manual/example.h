// A pooling layer run on a small input: what one cell of its result sees, by which weights, and where gradients go.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"

namespace tarn {

/// One way of running the layer.
struct PoolView {
  bool training = false;
  Tensor output;           ///< the first one
  int64_t cell = 0;        ///< flat position in it of the cell that is looked at
  std::vector<bool> seen;  ///< for each element of the first input: whether the cell depends on it
  /// Those that the pooling's enumeration lists, where the layer is one pooling of that input.
  std::vector<int64_t> window;
  Tensor weights;   ///< derivatives of the cell by the first input
  Tensor gradient;  ///< those of the sum of all cells
};

struct PoolExample {
  Json config;
  Tensors inputs;                                          ///< float64, or int64 where the layer reads such
  std::vector<std::pair<std::string, Tensor>> parameters;  ///< as a new layer has them
  std::vector<PoolView> views;                             ///< not training; then training, where that draws numbers
};

/// Runs the layer of that row in float64, on what the row says is to be shown, or else on the smallest planes that it
/// takes, with values from its domain. Throws where it takes none.
PoolExample pool_example(const LayerInfo& row);

}  // namespace tarn
