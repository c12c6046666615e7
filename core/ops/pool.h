// The ops of pooling: windows.cpp and pool_*.cpp. Included by core/ops.h.
#pragma once

#include "core/ops/window.h"
#include "core/random.h"
#include "core/tensor.h"

namespace tarn {

/// Largest or smallest values, and where they were found.
struct Extreme {
  Tensor values, indices;
};

/// The values that each window sees: x [N, C, spatial] to [N, C, cells of output, taps]; where a tap lies outside,
/// `fill`.
Tensor windows(const Tensor& x, const Windows& w, double fill = 0);
/// Its transpose: adds every tap back to its input cell.
Tensor fold(const Tensor& g, const Windows& w);
/// Largest value of each window, and its flat position in the plane (int64, made only when asked).
Tensor max_pool(const Tensor& x, const Windows& w);
Extreme max_pool_with_indices(const Tensor& x, const Windows& w);
/// Mean of each window by the geometry's divisor rule; its sum.
Tensor avg_pool(const Tensor& x, const Windows& w);
Tensor sum_pool(const Tensor& x, Windows w);
/// What becomes of cells that several windows cover: the mean of their values; or the sum of their values, each divided
/// as in avg_pool, of which that is the transpose.
enum class UnpoolMode : uint8_t { copy, adjoint };
/// Spreads each value over its window; x has the shape of w's output, the result that of its input. Cells that no
/// window covers are 0. Geometry: `unpooling_windows`.
Tensor avg_unpool(const Tensor& x, Windows w, UnpoolMode mode = UnpoolMode::copy);
/// What becomes of several values with one index: the last stands, though the cotangent goes to all of them, as in
/// PyTorch; an error; or their sum.
enum class Duplicates : uint8_t { last, error, sum };
/// Puts each value of x at its index, int64 and flat in a plane of the size of w's input; zeros elsewhere
/// (torch.nn.functional.max_unpool2d). Geometry: `unpooling_windows`.
Tensor max_unpool(const Tensor& x, const Tensor& indices, const Windows& w, Duplicates duplicates = Duplicates::last);
/// How lp_pool takes negative values: |x|^p; sgn(x) |x|^p, with a root that keeps the sum's sign; or x^p as it is,
/// which is NaN unless p is whole, as the root of a negative sum is unless p is 1 (torch.nn.functional.lp_pool2d).
enum class LpSign : uint8_t { absolute, with_sign, plain };
/// The p-norm (Σ |x|^p)^(1/p) of each window, p > 0. With p = inf, for LpSign::absolute only, the largest |x|.
/// `scale_partial`: sums of windows that hang over an edge are scaled up to a whole window, as PyTorch's are. Where the
/// norm is 0 the derivative is 0; so is that by an x of 0 where p < 1.
Tensor lp_pool(const Tensor& x, const Windows& w, double p, LpSign sign = LpSign::absolute, bool scale_partial = false);

/// Σ w_i v_i over each window, w the softmax of `scores`, of v's shape; and the same with scores = x. Written with sums
/// of exponentials relative to the window's largest score, so that nothing overflows.
Tensor window_softmax_mean(const Tensor& v, const Tensor& scores, const Windows& w);
Tensor window_softmax_mean(const Tensor& x, const Windows& w);
/// log Σ e^s over each window; `mean`: of the mean instead of the sum.
Tensor window_log_sum_exp(const Tensor& scores, const Windows& w, bool mean = false);
/// How many cells each window holds, [1, output]: broadcasts against an output.
Tensor window_counts(const Windows& w, Dtype dtype);
/// The largest score of each window as a constant, off the tape; NaN do not count.
Tensor window_tops(const Tensor& scores, const Windows& w);
/// What a value weighs in a draw: itself, where it is positive; or its exponential.
enum class DrawBy : uint8_t { share, softmax };
/// The value of each window at the first tap whose cumulated weight is beyond `samples`, an element in [0, 1) for each
/// window, times their total. A window whose weights are all 0 gives 0, and its cotangent to a tap drawn evenly
/// (Zeiler and Fergus 2013, stochastic pooling).
Tensor draw_pool(const Tensor& x, const Windows& w, const Tensor& samples, DrawBy by = DrawBy::share);

}  // namespace tarn
