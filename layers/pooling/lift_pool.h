// Lifting: one step of a wavelet transform made of predictions and updates, and its inverse.
#pragma once

#include <functional>

#include "core/ops.h"

namespace tarn {

/// What predicts odd cells from even ones, or updates even ones by details: rows [rows, C, length] to the same shape.
using LiftNet = std::function<Tensor(const Tensor& rows)>;

/// The bands of x [N, C, spatial], of half the size: L, H, or LL, LH, HL, HH, the first letter being the last
/// dimension's. Along each dimension, from the last to the first, d = odd - predict(even) is the high band and even +
/// update(d) the low one (Zhao and Snoek 2021). An odd size repeats its last cell.
Tensors lift_bands(const Tensor& x, int rank, const LiftNet& predict, const LiftNet& update);
/// The input that has these bands.
Tensor lift_up(const Tensors& bands, int rank, const LiftNet& predict, const LiftNet& update);

}  // namespace tarn
