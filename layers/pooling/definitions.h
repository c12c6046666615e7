// The common poolings as their definitions, two or three lines each over the values that a window sees. Slow, of any
// order of derivative, and what the kernels of the same names are compared with. x is [N, C, spatial] or [C, spatial].
#pragma once

#include "core/ops.h"

namespace tarn::definition {

/// The largest value of each window.
Tensor max_pool(const Tensor& x, const Windows& w);
/// The sum of each window by the geometry's divisor.
Tensor avg_pool(const Tensor& x, const Windows& w);
/// (Σ |x|^p)^(1/p).
Tensor lp_pool(const Tensor& x, const Windows& w, double p);
/// log Σ e^s; `mean`: of the mean.
Tensor window_log_sum_exp(const Tensor& s, const Windows& w, bool mean = false);
/// Σ w_i v_i, w the softmax of the scores.
Tensor window_softmax_mean(const Tensor& v, const Tensor& scores, const Windows& w);
/// The value at the first tap whose cumulated weight is beyond u · total, u one of `samples` for each window; the
/// weight is max(x, 0), or e^(x - max x). Windows whose weights are all 0 are not defined here.
Tensor draw_pool(const Tensor& x, const Windows& w, const Tensor& samples, DrawBy by);
/// Σ p_i x_i with p = max(x, 0) / Σ max(x, 0).
Tensor expected_draw(const Tensor& x, const Windows& w);
/// λ times the maximum and (1 - λ) times the mean of the cells inside.
Tensor mixed_pool(const Tensor& x, const Windows& w, const Tensor& lambda);
/// Each value spread over its window, cells that several cover as means of theirs; x has the shape of w's output.
Tensor avg_unpool(const Tensor& x, const Windows& w);
/// Each value at its flat index, no index twice in a plane.
Tensor max_unpool(const Tensor& x, const Tensor& indices, const Windows& w);

}  // namespace tarn::definition
