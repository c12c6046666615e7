// What a gradient check tests: a scalar function, what is claimed to be its gradient, and its slopes from values only.
#pragma once

#include <memory>
#include <vector>

#include "core/decisions.h"
#include "core/gradcheck.h"

namespace tarn {

/// A slope along a line, from values of the function only.
struct Slope {
  double value = 0;
  double step = 0;              ///< that gave it; 0: no step was small enough
  double rounding = 0;          ///< what the rounding of the function's values can do to it
  double left = 0, right = 0;   ///< one-sided slopes of the function itself at the smallest step
  double jump = 0, before = 0;  ///< their difference at the smallest step and at twice that step
  const char* kink = nullptr;   ///< the op that changes its choice at the point itself
};

/// The function <cotangent, f>, or for order 2 <v, its gradient>, and its gradient as the tape gives it.
class Claim {
 public:
  Claim(const Differentiable& f, const Tensors& inputs, const std::vector<size_t>& wrt, int order,
        const GradientCheckOptions& options);

  /// The claimed gradient by an input; undefined means zero.
  const Tensor& gradient(size_t input) const { return gradients_[input]; }
  /// The slope along `direction`, one number for each element of input `which`.
  Slope slope(size_t which, const std::vector<double>& direction) const;

 private:
  /// The function at another point, and whether an op chose otherwise than at the claim's own. `smooth` is the value on
  /// the piece of the claim's point, where that can be had.
  struct Value {
    double real, smooth;
    const char* changed;
  };
  Value at(const Tensors& x) const;
  Value along(size_t which, const std::vector<double>& direction, double t) const;
  double largest_step(size_t which, const std::vector<double>& direction) const;

  const Differentiable& f_;
  const Tensors& inputs_;
  const std::vector<size_t>& wrt_;
  int order_;
  const GradientCheckOptions& options_;
  Tensors gradients_;
  double centre_ = 0;
  std::vector<Decision> choices_;
};

}  // namespace tarn
