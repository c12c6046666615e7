// Examples: samples with their targets, which are class numbers, masks, heatmaps or numbers of any shape.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace tarn {

/// What a model learns to say of a sample, and so what targets are and which metrics there are.
enum class Task {
  classification,  ///< its class
  segmentation,    ///< the class of each of its pixels
  keypoints,       ///< where its joints are, as one heatmap a joint
  regression,      ///< numbers
};

/// "classification", "segmentation", …
const char* name_of(Task task);

/// Samples and their targets.
struct Examples {
  Tensor x;            ///< float32 [N, …]
  Tensor y;            ///< int64 [N] classes, int64 [N, H, W] masks, or float32 [N, …]
  Tensor points = {};  ///< keypoints: float32 [N, K, 2], the true places (x, y) of joints in pixels; else undefined

  int64_t size() const { return x.defined() ? x.shape()[0] : 0; }
  /// A copy of the samples with these numbers, in this order. Throws where there is no such sample.
  Examples take(std::span<const int64_t> samples) const;
};

/// The shape of one row of x [N, …].
Shape row_shape(const Tensor& x);
/// `row` with a first dimension of n.
Shape rows_shape(int64_t n, const Shape& row);
/// Row `i` of `from` becomes row `j` of `to`, which has the same dtype and shape of a row and is being filled.
void copy_row(const Tensor& from, int64_t i, Tensor& to, int64_t j);

/// Throws where targets are not what the task wants: of another type or shape, classes that are not below `classes`,
/// numbers that are not finite. Says which sample, and what was expected.
void check_examples(const Examples& examples, Task task, int64_t classes);

}  // namespace tarn
