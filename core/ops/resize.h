// Public ops that change the size of images, or move cells between space and channels; part of core/ops.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn {

// ---- unfold.cpp, shuffle.cpp: images [N, C, H, W], or one of them ----

/// Blocks of an image, for height and width.
struct UnfoldOptions {
  std::array<int64_t, 2> kernel_size{1, 1}, dilation{1, 1}, padding{0, 0}, stride{1, 1};
};
/// The blocks as columns: [N, C, H, W] to [N, C · taps, L], zeros around the image (torch.nn.functional.unfold).
Tensor unfold(const Tensor& x, const UnfoldOptions& options);
/// Its transpose: adds the columns to an image of `output_size` (torch.nn.functional.fold).
Tensor fold(const Tensor& x, const std::array<int64_t, 2>& output_size, const UnfoldOptions& options);
/// [N, C · r², H, W] to [N, C, H · r, W · r] and back (Shi et al. 2016; torch.nn.functional.pixel_shuffle). Any number
/// of sizes may stand before the channels.
Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor);
Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor);
/// Channel i of group g becomes channel i · groups + g; x [N, C, …] (Zhang et al. 2018).
Tensor channel_shuffle(const Tensor& x, int64_t groups);

// ---- interpolate.cpp ----

/// What `interpolate` makes of its input. Lists have one entry for each spatial dimension.
struct InterpolateOptions {
  std::vector<int64_t> size = {};          ///< of the output; or instead
  std::vector<double> scale_factor = {};   ///< the output has floor(size · factor) cells
  std::string mode = "nearest";            ///< nearest, nearest-exact, area, linear, bilinear, bicubic, trilinear
  std::optional<bool> align_corners = {};  ///< the outermost centres meet, not the outermost borders; linear and cubic
  bool recompute_scale_factor = false;     ///< positions follow the ratio of sizes, not the factor that was given
  bool antialias = false;                  ///< bilinear and bicubic: filters widen where the output is smaller
};
/// x [N, C, spatial] in another size (torch.nn.functional.interpolate).
Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

}  // namespace tarn
