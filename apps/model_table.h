// The table of a model: a row for each layer, with its output shape, parameters, multiply-adds and activation memory.
#pragma once

#include <string>
#include <vector>

#include "layers/model.h"

namespace tarn {

/// One row; shapes and counts are for one sample.
struct ModelRow {
  std::string name, type, shape;
  int64_t parameters, multiply_adds, bytes;
};

/// The rows of a model in the order of its items.
std::vector<ModelRow> model_rows(const Model& model);

/// 1234567 as "1,234,567".
std::string grouped(int64_t n);
/// 1536 as "1.5 KB".
std::string bytes_text(int64_t bytes);

}  // namespace tarn
