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
  int64_t held = 0;  ///< bytes that the tape keeps for the backward pass, see `measure_held`
};

/// The rows of a model in the order of its items. A block, or another list of layers, is one row where it lies deeper
/// than `depth` levels (1: only the model's own items), else the rows of its items.
std::vector<ModelRow> model_rows(const Model& model, int64_t depth = std::numeric_limits<int64_t>::max());

/// Runs the model forward on `batch` random samples in training, and sets what the tape keeps of each row; returns what
/// it keeps in all, the input apart.
int64_t measure_held(std::vector<ModelRow>& rows, Model& model, const Shape& sample, int64_t batch);

/// 1234567 as "1,234,567".
std::string grouped(int64_t n);
/// 1536 as "1.5 KB".
std::string bytes_text(int64_t bytes);

}  // namespace tarn
