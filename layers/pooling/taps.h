// What a pooling's definition is written over: the values that each window sees, side by side.
#pragma once

#include "core/ops.h"

namespace tarn {

/// The windows of one call. Leading dimensions are those of the input, [N, C] or [C].
struct Taps {
  Tensor values;    ///< [..., cells, taps]; what the fill says where a tap lies outside the input
  Tensor inside;    ///< [cells, taps]: 1 where a tap lies inside the input, else 0, in the values' dtype
  Tensor count;     ///< [cells, 1]: taps inside
  Windows windows;  ///< the geometry
  int64_t taps() const { return values.shape()[values.rank() - 1]; }
};

/// The windows of x. Recorded; a cotangent of `values` flows back to x, and nowhere from taps outside.
Taps taps_of(const Tensor& x, const Windows& w, double fill = 0);
/// A value for each cell, [..., cells] or [..., cells, 1], as a tensor of the geometry's output shape.
Tensor as_output(const Tensor& reduced, const Taps& taps);

/// Over the last dimension, which is kept with size 1. Taps outside count as nothing: with fill 0 a sum needs no mask.
Tensor sum_taps(const Tensor& x);
/// The mean of the taps inside.
Tensor mean_taps(const Tensor& x, const Taps& taps);
/// The largest tap inside (the first one gets the cotangent; NaN wins), and the smallest.
Tensor max_taps(const Tensor& x, const Taps& taps);
Tensor min_taps(const Tensor& x, const Taps& taps);
/// Softmax of `scores` over the taps inside, 0 outside.
Tensor softmax_taps(const Tensor& scores, const Taps& taps);
/// x where a tap lies inside, `value` outside.
Tensor masked_taps(const Tensor& x, const Taps& taps, double value);

/// The mean of what lies inside each window, by the kernel and without taps.
Tensor window_means(const Tensor& x, Windows w);
/// Throws with `op` unless every window lies inside the input with all its taps.
void check_whole_windows(const char* op, const Windows& w);
/// The dimension of x that counts the channels.
inline int channel_axis(const Tensor& x, const Windows& w) {
  return x.rank() - w.rank - 1;
}
/// [C] as [C, 1, …], which broadcasts against an output of those windows.
Tensor per_channel(const Tensor& values, const Windows& w);

}  // namespace tarn
