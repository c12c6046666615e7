// Winograd's minimal filtering for 3×3 kernels of stride 1 (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015): F(2×2, 3×3) and F(4×4, 3×3) in float32.
#pragma once

#include "core/kernels/conv.h"

namespace tarn::kernels {

/// y = x * w + bias by tiles of `tile` × `tile` output cells, tile 2 or 4; bias may be null. Needs a 3×3 kernel in two
/// dimensions, stride and dilation 1, one group, and at least one image and channel. A value that is not finite reaches
/// every cell of its tile.
void winograd_forward(const ConvSizes& s, int tile, const float* x, const float* w, const float* bias, float* y);
/// The gradient of the weight, under the same conditions.
void winograd_weight_gradient(const ConvSizes& s, int tile, const float* x, const float* g, float* dw);

}  // namespace tarn::kernels
