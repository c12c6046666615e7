// The table of a model: a row for each layer, with its output shape, parameters, multiply-adds and activation memory.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "layers/model.h"

namespace tarn {

/// One row; shapes and counts are for one sample.
struct ModelRow {
  std::string name, type, shape;
  int64_t parameters, multiply_adds, bytes;
};

/// The rows of a model in the order of its items. A block, or another list of layers, is one row where it lies deeper
/// than `depth` levels (1: only the model's own items), else the rows of its items.
std::vector<ModelRow> model_rows(const Model& model, int64_t depth = std::numeric_limits<int64_t>::max());

/// 1234567 as "1,234,567".
std::string grouped(int64_t n);
/// 1536 as "1.5 KB".
std::string bytes_text(int64_t bytes);

}  // namespace tarn
