// The logarithm of a mean of exponentials, over the taps of windows.
#pragma once

#include "layers/pooling/taps.h"

namespace tarn {

/// log(mean of e^(r v)) / r over the taps inside, [..., cells, 1]; r, of either sign, broadcasts against `values`.
/// Around r = 0, where that is the mean, a series takes over.
Tensor log_mean_exp_taps(const Tensor& values, const Taps& taps, const Tensor& r);

}  // namespace tarn
