// Copies between a contiguous tensor and a strided view of another: what permuting, slicing, repeating and padding have
// in common.
#pragma once

#include "core/tensor.h"

namespace tarn::kernels {

/// Elements of a tensor picked by strides, row-major in `sizes`. A step may be 0 (repeats) or negative.
struct View {
  static constexpr int max_rank = 2 * Shape::max_rank;
  int rank = 0;
  int64_t offset = 0;
  int64_t sizes[max_rank] = {};
  int64_t steps[max_rank] = {};

  void push(int64_t size, int64_t step) {
    sizes[rank] = size;
    steps[rank] = step;
    ++rank;
  }
};
/// All of a shape.
View view_of(const Shape& shape);

/// y, in order, = the elements of x that the view picks. Same dtype; y has as many elements as the view.
void read_view(const Tensor& x, const View& view, Tensor& y);
/// The elements of y that the view picks = x, in order. The view must not pick an element twice.
void write_view(const Tensor& x, const View& view, Tensor& y);

}  // namespace tarn::kernels
