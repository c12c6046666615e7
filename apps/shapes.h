// Shapes written on a command line.
#pragma once

#include <string>
#include <vector>

#include "core/shape.h"

namespace tarn {

/// "32,64,56,56" as a shape; "" is a scalar. Throws an Error that names the flag for anything else.
Shape read_shape(const std::string& text);

/// One shape for each occurrence of --shape; throws where there is none.
std::vector<Shape> read_shapes(const std::vector<std::string>& texts);

}  // namespace tarn
