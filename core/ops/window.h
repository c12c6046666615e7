// The geometry of pooling: which input cells each output cell sees, in one, two or three dimensions, and what a mean
// divides by.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/shape.h"

namespace tarn {

/// What one output position of one dimension sees: input positions first + j · dilation, j = 0 … taps - 1, all inside
/// the input.
struct Span {
  int64_t first = 0;
  int64_t taps = 1;
  int64_t skipped = 0;  ///< taps of the unclipped window that lie before the input
  int64_t extent = 1;   ///< taps that count for a mean with count_include_pad: those up to the end of the padding
};

/// One dimension of a geometry. Copying one is cheap; nothing is stored per output position unless it is `listed`.
struct Axis {
  enum class Kind : uint8_t { sliding, adaptive, listed };
  Kind kind = Kind::sliding;
  int64_t input = 1, output = 1;
  int64_t kernel = 1;  ///< taps of the widest window, before it is clipped
  int64_t stride = 1, padding = 0;
  int64_t dilation = 1;
  std::shared_ptr<const std::vector<Span>> spans = nullptr;  ///< of a listed axis

  Span span(int64_t o) const {
    const int64_t start = o * stride - padding;
    if (sliding() && start >= 0 && start + dilation * (kernel - 1) < input) return {start, kernel, 0, kernel};
    return clipped_span(o);
  }
  /// Whether window o starts at o * stride - padding and has `kernel` taps before it is clipped.
  bool sliding() const {
    return kind == Kind::sliding || (kind == Kind::adaptive && stride == kernel && kernel * output == input);
  }
  /// Whether every output position sees the whole input.
  bool global() const { return output == 1 && span(0).taps == input && dilation == 1; }

 private:
  Span clipped_span(int64_t o) const;
};

/// Whether windows may have no cells; the kernels of pooling want one in each.
enum class Empty : uint8_t { refused, allowed };
/// Any windows at all, one span per output position: for geometries that no formula gives. An `Empty::allowed` span has
/// no taps.
Axis listed_axis(int64_t input, std::vector<Span> spans, Empty empty = Empty::refused);

/// A geometry for planes of one size: the product of its axes. There are always three, D, H, W; those that a geometry
/// of fewer dimensions lacks come first and have one cell.
struct Windows {
  int rank = 0;  ///< spatial dimensions
  std::array<Axis, 3> axes;
  bool count_include_pad = true;
  std::optional<int64_t> divisor_override;

  int64_t input_cells() const { return axes[0].input * axes[1].input * axes[2].input; }
  int64_t output_cells() const { return axes[0].output * axes[1].output * axes[2].output; }
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }  ///< of the widest window
  /// The input's shape with its last `rank` sizes replaced.
  Shape output_shape(const Shape& input) const;
  /// Flat positions in the plane that output cell `cell` (flat) sees, in row-major order: the one enumeration that
  /// kernels, tests and pictures agree with.
  std::vector<int64_t> cells(int64_t cell) const;
  /// What a mean over output cell `cell` divides by.
  int64_t divisor(int64_t cell) const;
  /// The same from the spans of the cell. An empty window's sum is divided by 1.
  int64_t divisor(const Span& d, const Span& h, const Span& w) const {
    if (divisor_override) return *divisor_override;
    const int64_t counted = count_include_pad ? d.extent * h.extent * w.extent : d.taps * h.taps * w.taps;
    return counted > 0 ? counted : 1;
  }
  /// How many planes a tensor of that shape has.
  int64_t planes(const Shape& s) const { return s.product(0, s.rank() - rank); }
  /// Throws unless the last `rank` sizes of `input` are those that this geometry was made for.
  void check_input(const char* op, const Shape& input) const;
  /// The other way: the shape of what a tensor of shape `output` is pooled from. Throws where that is no output of this
  /// geometry.
  Shape input_shape(const char* op, const Shape& output) const;
};

/// Numbers of a sliding geometry, one per spatial dimension; an empty stride means the kernel's.
struct SlidingOptions {
  std::vector<int64_t> kernel_size = {}, stride = {}, padding = {}, dilation = {};  ///< one entry: all dimensions
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::optional<int64_t> divisor_override = {};
  /// Instead of `padding`: as many cells as give ceil(I / stride) windows, the larger half of them behind; they never
  /// count for a mean (TensorFlow's SAME).
  bool same = false;
  /// With dilation, padding up to half of what the window reaches over, instead of half of kernel_size.
  bool relaxed_padding = false;
};
/// Throws with `op`, the argument, its value and the allowed range when an option is out of range or the output would
/// be empty. `input` is [N, C, spatial] or [C, spatial]; the spatial rank is `rank`. (Rules: PyTorch's,
/// torch.nn.functional.max_pool2d.)
Windows sliding_windows(const char* op, const Shape& input, int rank, const SlidingOptions& options);
/// The windows of the sliding pooling that a tensor of shape `pooled` may have come from: their output is `pooled`'s
/// plane, their input a plane of (O - 1) stride - 2 padding + kernel_size cells along each dimension, or of
/// `output_size`, which differs from that by less than a stride; it may hold the spatial sizes or a full shape
/// (torch.nn.functional.max_unpool2d). Dilation and ceil_mode do not matter. Windows may be empty.
Windows unpooling_windows(const char* op, const Shape& pooled, int rank, const SlidingOptions& options,
                          const std::optional<std::vector<int64_t>>& output_size);
/// Windows floor(i·I/O) … ceil((i+1)·I/O); an absent size keeps the input's (torch.nn.functional.adaptive_avg_pool2d).
Windows adaptive_windows(const char* op, const Shape& input, int rank,
                         const std::vector<std::optional<int64_t>>& output_size);
/// One window over each whole plane.
Windows global_windows(const char* op, const Shape& input, int rank);
/// Any windows that are products of spans, for geometries that are drawn or read from a list: `spans` holds those of
/// each spatial dimension. Throws where one does not lie inside the input, or is empty and that is not allowed.
Windows listed_windows(const char* op, const Shape& input, const std::vector<std::vector<Span>>& spans,
                       Empty empty = Empty::refused);
/// Windows over the channels: x [before, C, behind], for which `input` is the shape [before, 1, C, behind], in windows
/// of `kernel` channels, `stride` apart, `dilation` between those of one window.
Windows channel_windows(const char* op, const Shape& input, int64_t kernel, int64_t stride, int64_t dilation = 1);

}  // namespace tarn
