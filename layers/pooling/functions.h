// The poolings as functions: of an input [N, C, spatial] or [C, spatial] and the windows made for it by
// `sliding_windows` or `adaptive_windows`. One value for each window, of any number of dimensions. Padding is never
// counted unless a function says so. Each is a layer, too, whose page in the manual has the details.
#pragma once

#include "core/ops.h"

namespace tarn {

/// Σ w_i x_i, w the softmax of x (Stergiou et al. 2021). `detached`: w counts as constant in derivatives, as in the
/// authors' code.
Tensor soft_pool(const Tensor& x, const Windows& w, bool detached = false);

}  // namespace tarn
