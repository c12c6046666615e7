// Which dimensions a reduction folds and which shapes follow. For the ops' .cpp files only.
#pragma once

#include <array>
#include <span>
#include <type_traits>

#include "core/kernels/fold.h"
#include "core/tensor.h"

namespace tarn {

/// The dimensions of one reduction of a shape.
struct Reduced {
  std::array<bool, Shape::max_rank> folds{};
  Shape kept;         ///< sizes with 1 for every reduced dimension
  Shape result;       ///< `kept`, or without those dimensions
  int64_t count = 1;  ///< elements folded into one
};
/// Empty `dims` means all. Throws "OP: dimension …" when one is out of range or given twice.
Reduced reduced(const char* op, const Shape& shape, std::span<const int64_t> dims, bool keepdim);

/// Row-major [outer, size, inner] around one dimension; a scalar counts as [1].
struct Around {
  int64_t outer = 1, size = 1, inner = 1;
};
Around around(const char* op, const Shape& shape, int64_t dim);

/// The type to add and multiply in: int64 wraps around instead of being undefined.
template <class T>
using Wrapping = std::conditional_t<std::is_same_v<T, int64_t>, uint64_t, T>;
template <class T>
constexpr T wrapping_sum(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
}
template <class T>
constexpr T wrapping_product(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
}

/// The fold of load(x) by f over the reduced dimensions, T being the elements' type and A the results'.
template <class T, class A, class Load, class F>
Tensor folded(const Tensor& x, const Reduced& r, A identity, Load load, F f) {
  Tensor y(r.result, dtype_of<A>());
  kernels::fold(x.data<T>(), y.fill<A>(), kernels::plan_fold(x.shape(), r.folds.data()), identity, load, f);
  return y;
}

}  // namespace tarn
