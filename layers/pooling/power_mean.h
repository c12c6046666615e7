// Means and sums of powers, and their roots, over the taps of windows.
#pragma once

#include "layers/pooling/taps.h"

namespace tarn {

/// (mean of v^p)^(1/p) over the taps inside, [..., cells, 1], of values of at least 0; `sums`: of the sum instead, p >
/// 0. p, of either sign, broadcasts against `values`; where it is near 0 a mean is the geometric one. Powers are those
/// of values by the window's largest (for p < 0 smallest) one, so that none overflows and each keeps its digits.
Tensor power_mean_taps(const Tensor& values, const Taps& taps, const Tensor& p, bool sums = false);

}  // namespace tarn
