// What pooling layers share: the settings of windows that slide over a plane, and windows kept from call to call.
#pragma once

#include <algorithm>
#include <string>

#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {

/// Settings of windows of one size in equal steps, over `rank` dimensions; only some layers' windows can be dilated.
template <int rank>
struct SlidingSettings {
  Sizes kernel_size;
  std::optional<Sizes> stride;
  SizesOrWord padding{.sizes = {0}};
  Sizes dilation{1};
  bool ceil_mode = false;
  bool relaxed_padding = false;

  void fields(Fields& f, bool dilated = false) {
    f("kernel_size", kernel_size, "size of the window", size_rule(rank, 1, true));
    f("stride", stride, "steps between windows; left out: the kernel's size", size_rule(rank, 1));
    padding_fields(f);
    if (!dilated) return;
    f("dilation", dilation, "distance between the cells of a window", size_rule(rank, 1));
    f("relaxed_padding", relaxed_padding,
      "with dilation, padding may be half of what the window reaches over, as in PyTorch since 2.0; otherwise half of "
      "kernel_size");
  }
  void padding_fields(Fields& f) {
    f("padding", padding,
      "cells added at both sides, at most half the kernel; only means may count them. \"same\" adds what gives a "
      "window for each step of the stride, the larger half behind, and never counts it",
      {.lo = 0, .hi = 1 << 30, .choices = {"same"}, .rank = rank});
    f("ceil_mode", ceil_mode, "round output sizes up, so that the last window may reach over the end");
  }
  bool same() const { return padding.word == "same"; }
  /// Whether no window can reach over an edge.
  bool whole() const {
    return !same() && !ceil_mode &&
           std::all_of(padding.sizes.begin(), padding.sizes.end(), [](auto p) { return p == 0; });
  }
  SlidingOptions options() const {
    return {.kernel_size = kernel_size,
            .stride = stride.value_or(Sizes{}),
            .padding = same() ? Sizes{0} : padding.sizes,
            .dilation = dilation,
            .ceil_mode = ceil_mode,
            .count_include_pad = false,
            .same = same(),
            .relaxed_padding = relaxed_padding};
  }
  /// Throws with the layer's name where they do not fit the input.
  Windows windows(const std::string& layer, const Shape& x) const {
    return sliding_windows(layer.c_str(), x, rank, options());
  }
};

/// How many spatial dimensions x has: `rank`, or, where that is 0, all that follow [N, C].
inline int spatial_rank(const Shape& x, int rank) {
  if (rank > 0) return rank;
  check(x.rank() >= 3 && x.rank() <= 5, "expects an input [N, C, …] with 1 to 3 spatial dimensions, got ",
        batch_text(x), "; for inputs without a batch there are layers for each number of them");
  return x.rank() - 2;
}

/// "global_max_pool" and 2 is "global_max_pool2d"; rank 0 stands for any.
inline std::string with_any_rank(const std::string& family, int rank) {
  return rank == 0 ? family : with_rank(family, rank);
}

/// One window over each whole plane of x.
inline Windows global_windows(const std::string& layer, const Shape& x, int rank) {
  return global_windows(layer.c_str(), x, spatial_rank(x, rank));
}

/// One value for each plane, without the spatial dimensions unless they are to be kept.
inline Tensor plane_values(const Tensor& y, int spatial, bool keepdim) {
  if (keepdim) return y;
  return reshape(y, Shape(y.shape().span().first(static_cast<size_t>(y.rank() - spatial))));
}

inline void keepdim_field(Fields& f, bool& keepdim) {
  f("keepdim", keepdim, "keep the spatial dimensions, with size 1; otherwise they are removed");
}

/// The windows of the last plane size, which is the same for all batches as a rule.
class KeptWindows {
 public:
  /// Those for an input x of `rank` spatial dimensions, made by `make(x)` where the size of its planes is new.
  template <class Make>
  const Windows& get(const Shape& x, int rank, Make make) {
    const Shape plane(x.span().subspan(is_sample(x, rank) ? 1 : 2));
    if (!known_ || plane_ != plane) {
      windows_ = make(x);
      plane_ = plane;
      known_ = true;
    }
    return windows_;
  }

 private:
  bool known_ = false;
  Shape plane_;
  Windows windows_;
};

}  // namespace tarn
