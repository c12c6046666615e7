// Numbers as the manual prints them: the same text on every machine, although the last bits of a result may differ.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// With so many significant digits, no zeros at the end, and "5e-6" where the number is very large or small.
std::string rounded(double value, int digits);

/// The elements; those that are nothing beside the largest one are 0, as they would be without rounding errors.
std::vector<double> cleaned(const Tensor& x);

/// The indices of a flat position: "[0, 0, 1, 1]".
std::string index_text(const Shape& shape, int64_t position);

/// A tensor as lines of right-aligned numbers, a blank line between matrices; the last dimension runs along a line.
std::string matrix_text(const Tensor& x, int digits, const std::string& indent);

}  // namespace tarn
