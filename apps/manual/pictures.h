// Pictures of what a pooling does: one window of it, and where gradients go.
#pragma once

#include <string>

#include "apps/manual/example.h"

namespace tarn {

/// The input with what the cell sees outlined and its weights as shades and numbers, then the output.
std::string window_picture(const LayerInfo& row, const PoolExample& example, const PoolView& view);

/// The derivatives of the sum of all outputs, in the places of the input.
std::string gradient_picture(const LayerInfo& row, const PoolExample& example, const PoolView& view);

/// The window without numbers, for a table.
std::string small_picture(const LayerInfo& row, const PoolExample& example);

}  // namespace tarn
