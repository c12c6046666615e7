// The geometry of pooling: which input cells each output cell sees, in one, two or three dimensions, and what a mean
// divides by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/shape.h"

namespace tarn {

/// One dimension of a geometry: output cell o sees input positions first[o] + j · dilation, j = 0 … taps[o] - 1, those
/// inside [0, input) only; the lists are already clipped.
struct Axis {
  int64_t input = 0, output = 0;
  int64_t kernel = 1, stride = 1, padding = 0,
          dilation = 1;  ///< of a sliding axis; kernel is the widest window of another
  bool sliding = false;
  std::vector<int32_t> first, taps;  ///< per output cell: first valid position, number of valid taps
  std::vector<int32_t> skipped;      ///< per output cell: taps of the unclipped window that lie before the input
  std::vector<int32_t>
      extent;  ///< per output cell: taps that count for a mean with count_include_pad (up to the padding's end)
};

/// A geometry for planes of one size: the product of its axes.
struct Windows {
  int rank = 0;              ///< spatial dimensions
  std::array<Axis, 3> axes;  ///< in the order D, H, W
  bool count_include_pad = true;
  std::optional<int64_t> divisor_override;

  int64_t input_cells() const;
  int64_t output_cells() const;
  int64_t taps() const;  ///< taps of the widest window
  /// [N, C, output sizes] for an input [N, C, input sizes].
  Shape output_shape(const Shape& input) const;
  /// Flat positions in the plane that output cell `cell` (flat) sees, in row-major order: the one enumeration that
  /// kernels, tests and pictures agree with.
  std::vector<int64_t> cells(int64_t cell) const;
  /// What a mean over output cell `cell` divides by.
  int64_t divisor(int64_t cell) const;
};

/// Numbers of a sliding geometry, one per spatial dimension; an empty stride means the kernel's.
struct SlidingOptions {
  std::vector<int64_t> kernel_size, stride, padding, dilation;  ///< one entry stands for all dimensions
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::optional<int64_t> divisor_override;
};
/// Throws with `op`, the argument, its value and the allowed range when an option is out of range or the output would
/// be empty. `input` is [N, C, spatial] or [C, spatial]; the spatial rank is `rank`. (Rules: PyTorch's,
/// torch.nn.functional.max_pool2d.)
Windows sliding_windows(const char* op, const Shape& input, int rank, const SlidingOptions& options);
/// Windows floor(i·I/O) … ceil((i+1)·I/O); an absent size keeps the input's (torch.nn.functional.adaptive_avg_pool2d).
Windows adaptive_windows(const char* op, const Shape& input, int rank,
                         const std::vector<std::optional<int64_t>>& output_size);

}  // namespace tarn
