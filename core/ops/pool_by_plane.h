// Pooling where every plane has windows of its own, as drawn ones do.
#pragma once

#include <vector>

#include "core/ops/pool.h"

namespace tarn {

/// The windows of each plane of an input, or one for all, whose sizes are those of `sizes`.
struct PlaneWindows {
  Windows sizes;
  std::vector<Windows> planes;
  const Windows& of(int64_t plane) const { return planes[planes.size() == 1 ? 0 : static_cast<size_t>(plane)]; }
};

/// The largest value of each window, and its flat position in the plane, by the rules of `max_pool`.
Tensor max_pool_by_plane(const Tensor& x, const PlaneWindows& w);
Extreme max_pool_by_plane_with_indices(const Tensor& x, const PlaneWindows& w);
/// The mean of each window.
Tensor avg_pool_by_plane(const Tensor& x, const PlaneWindows& w);

}  // namespace tarn
