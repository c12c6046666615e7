// Runs a reference case through a registered layer, built from the case's attributes like one in a user's config.
#pragma once

#include <string>

#include "apps/golden/case.h"

namespace tarn::golden {

/// An object of the case's attributes that have a value, without those named.
Json layer_config(const Case& c, std::initializer_list<std::string_view> without = {});

/// Builds layer `type`, gives it the case's parameters and buffers by name, and returns its outputs; the buffers'
/// values after the call are put back into the case. Throws Skip where there is no such layer.
Tensors run_layer(Case& c, const std::string& type, Json config, bool training = true);

/// A layer's name from that of its function: spatial rank `rank` of {"conv", "Conv"} is "Conv2d".
inline std::string ranked(std::string name, int rank) {
  return name + std::to_string(rank) + "d";
}

}  // namespace tarn::golden
