// Fractional pooling: windows whose starts are drawn, a geometry for every plane.
#pragma once

#include <vector>

#include "core/ops.h"
#include "core/ops/pool_by_plane.h"

namespace tarn {

/// How the windows of fractional pooling lie. `torch`: of one size, each plane's own (PyTorch). `random`: they divide
/// the plane, their sizes in random order; `pseudo`: they divide it by a drawn offset (Graham 2014, TensorFlow).
enum class FractionalMode : uint8_t { torch, random, pseudo };

/// The windows of one dimension in PyTorch's way: `output` windows of `kernel` cells of `input`, for a sample u in
/// [0, 1], with arithmetic in T. Throws unless output + kernel - 1 <= input.
template <class T>
std::vector<Span> torch_intervals(int64_t input, int64_t output, int64_t kernel, T u);
/// Windows that divide the dimension, or with `overlapping` share their borders; drawn from `stream`. Throws unless
/// 1 <= output <= input.
std::vector<Span> dividing_intervals(FractionalMode mode, int64_t input, int64_t output, bool overlapping,
                                     const Stream& stream);

/// `samples` [N, C, rank] in PyTorch's order: for rank 2 of W, then H; for rank 3 of D, H, W. Errors begin with `name`.
PlaneWindows fractional_windows(const Tensor& x, int rank, const std::vector<int64_t>& kernel,
                                const std::vector<int64_t>& output, const Tensor& samples,
                                const char* name = "fractional_pool");

/// The largest value of each window and its flat position in the plane; the first of equals, the last NaN
/// (torch.nn.functional.fractional_max_pool2d).
inline Extreme fractional_max_pool(const Tensor& x, const PlaneWindows& w) {
  return max_pool_by_plane_with_indices(x, w);
}
/// The mean of each window (tf.nn.fractional_avg_pool).
inline Tensor fractional_avg_pool(const Tensor& x, const PlaneWindows& w) {
  return avg_pool_by_plane(x, w);
}

}  // namespace tarn
