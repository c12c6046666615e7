// Linear resampling along the dimensions of planes: every output cell is a weighted sum of neighbouring input cells.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"

namespace tarn::kernels {

/// A linear map of one dimension: output o is Σ_k weights[o][k] · x[first[o] + k] over k < count[o]. Neither the first
/// nor the last cells that outputs see ever step back, so that the transposed map has the same form.
struct Taps {
  int64_t input = 0, output = 0;
  int64_t widest = 0;                    ///< the largest count, and the length of a row of weights
  int64_t even_begin = 0, even_end = 0;  ///< outputs in between all have `widest` taps
  Tensor first, count;                   ///< int64 [output]
  Tensor weights;                        ///< [output, widest], zeros behind the count

  /// Whether every output is the input cell of its own position.
  bool identity() const;
};

/// What one output sees.
struct TapRow {
  int64_t first = 0;
  std::vector<double> weights;
};
/// The map whose output o has row(o); rows have at most `widest` weights and lie inside the input.
Taps make_taps(int64_t input, int64_t output, int64_t widest, Dtype dtype,
               const std::function<void(int64_t, TapRow&)>& row);
/// The transposed map, from outputs to inputs.
Taps transposed(const Taps& taps);

/// Planes of one size, and what happens to their rows and columns; null: nothing.
struct Resampling {
  int64_t planes = 0, height = 0, width = 0;
  const Taps* down = nullptr;    ///< combines rows
  const Taps* across = nullptr;  ///< combines the cells of a row

  int64_t output_height() const { return down ? down->output : height; }
  int64_t output_width() const { return across ? across->output : width; }
};
/// y [planes, output_height, output_width] = x [planes, height, width] resampled; the weights are of type T.
template <class T>
void resample(const Resampling& r, const T* x, T* y);

}  // namespace tarn::kernels
