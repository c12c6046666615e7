// Poolings that choose one value of each window: what they chose, kept small, and the pair of ops that follows it back
// and forth. For the pooling ops' .cpp files only.
#pragma once

#include "core/ops/window.h"
#include "core/tensor.h"

namespace tarn {

/// Most taps of a window for which one byte holds the winner.
constexpr int64_t most_byte_taps = 255;

/// Each window's winner. Where all axes slide and few taps are looked at, as a tap of the unclipped window in one byte;
/// else as a position in the plane.
struct Winners {
  Storage storage;
  Windows w;
  bool bytes = false;
  const uint8_t* taps() const { return static_cast<const uint8_t*>(storage.data()); }
  int32_t* fill_positions() { return static_cast<int32_t*>(storage.data()); }
  const int32_t* positions() const { return static_cast<const int32_t*>(storage.data()); }
  int64_t planes(const Shape& s) const { return s.product(0, s.rank() - w.rank); }
};

/// Where each tap of a window lies in the plane, from its first one. Those outside the plane do not matter: no winner
/// is there.
struct TapOffsets {
  int32_t at[most_byte_taps];
  explicit TapOffsets(const Windows& w) {
    const auto& [a, b, c] = w.axes;
    for (int64_t t = 0; t < w.taps(); ++t) {
      const int64_t slice = t / (b.kernel * c.kernel) * a.dilation;
      const int64_t row = slice * b.input + t / c.kernel % b.kernel * b.dilation;
      at[t] = static_cast<int32_t>(row * c.input + t % c.kernel * c.dilation);
    }
  }
};

/// Room for one position in the plane for each cell of the output.
Winners position_winners(const Windows& w, const Shape& output);
/// Records `y`, the values of x at the winners, as `op`: a cotangent goes to the winners, a second one comes back from
/// there. Reports the choice to a gradient check that watches; where that follows earlier winners, `winners` become
/// them.
Tensor record_winners(const char* op, const Tensor& x, Tensor y, Winners& winners);
/// The winners' flat positions in their planes, int64, of the output's shape.
Tensor positions_in_plane(const Winners& winners, const Shape& output);

}  // namespace tarn
