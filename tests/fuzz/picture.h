// What every picture that was read must be.
#pragma once

#include "core/tensor.h"

namespace tarn::fuzz {

/// Requires [1 or 3, H, W] with values in [0, 1].
void check_picture(const Tensor& picture);

}  // namespace tarn::fuzz
