// Whether a tensor is the expected one, within a tolerance, and where it is not.
#pragma once

#include <string>
#include <string_view>

#include "core/tensor.h"

namespace tarn::golden {

class Case;

/// abs(got - want) <= atol + rtol * abs(want); NaN equals NaN, infinities must match, int64 must be equal.
struct Tolerance {
  double rtol = 0, atol = 0;
  bool nan_as_zero = false;  ///< 0 is right where NaN is expected
  bool any_dtype = false;    ///< compares values only
};

/// What a case gives; throws where it gives none.
Tolerance given_tolerance(const Case& c);

/// Thrown when a result is not what the case expects; the message says where.
struct Mismatch {
  std::string why;
};

/// Throws a Mismatch that begins with `what` unless `got` is the expected tensor. An undefined `got` counts as zeros.
void compare(std::string_view what, const Tensor& got, const Tensor& want, const Tolerance& tolerance);

/// Throws a Mismatch unless `got` is within `allowed` of `want`.
void compare(std::string_view what, double got, double want, double allowed);

}  // namespace tarn::golden
