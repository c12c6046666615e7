// The tensor: a cheap, immutable value of shape, dtype and shared storage, and, when recorded, its place on a tape.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shape.h"
#include "core/storage.h"

namespace tarn {

template <class T>
constexpr Dtype dtype_of();
template <>
constexpr Dtype dtype_of<float>() {
  return Dtype::f32;
}
template <>
constexpr Dtype dtype_of<double>() {
  return Dtype::f64;
}
template <>
constexpr Dtype dtype_of<int64_t>() {
  return Dtype::i64;
}

/// Where a tensor stands on a tape: which tape and which entry.
struct Place {
  uint32_t tape = 0;  ///< 0: nowhere
  uint32_t entry = 0;
};

/// A contiguous row-major array of float32, float64 or int64. Copies share storage. Only the kernel that makes a tensor
/// writes into it; afterwards it changes only through `assign`.
class Tensor {
 public:
  /// An undefined tensor; only `defined()` may be asked of it.
  Tensor() = default;
  /// Uninitialised elements.
  explicit Tensor(const Shape& shape, Dtype dtype = Dtype::f32);
  /// A float64, float32 or int64 tensor of the given values; throws when their number is not the shape's.
  template <class T>
  Tensor(const Shape& shape, std::span<const T> values);
  template <class T>
  Tensor(const Shape& shape, const std::vector<T>& values) : Tensor(shape, std::span<const T>(values)) {}

  static Tensor zeros(const Shape& shape, Dtype dtype = Dtype::f32);
  static Tensor ones(const Shape& shape, Dtype dtype = Dtype::f32) { return full(shape, 1, dtype); }
  static Tensor full(const Shape& shape, double value, Dtype dtype = Dtype::f32);
  /// 0, 1, …, n - 1.
  static Tensor arange(int64_t n, Dtype dtype = Dtype::i64);

  bool defined() const { return static_cast<bool>(storage_); }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  /// Size of dimension `i`; negative counts from the back. Throws when there is none.
  int64_t size(int64_t i) const { return shape_[shape_.axis(i, "size")]; }
  int64_t numel() const { return shape_.numel(); }
  Dtype dtype() const { return dtype_; }
  bool floating() const { return dtype_ != Dtype::i64; }
  int64_t bytes() const { return numel() * dtype_size(dtype_); }

  /// Elements in row-major order. T must be the dtype's type.
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>());
    return static_cast<const T*>(storage_.data());
  }
  /// For the kernel that fills a new tensor, and for nobody else.
  template <class T>
  T* fill() {
    check_type(dtype_of<T>());
    return static_cast<T*>(storage_.data());
  }
  template <class T>
  std::vector<T> to_vector() const {
    return std::vector<T>(data<T>(), data<T>() + numel());
  }
  /// The only element, as a double; throws when there is not exactly one.
  double item() const;
  /// Element at a row-major position, as a double. For tests, printing and metrics; kernels use `data`.
  double at(int64_t position) const;

  /// The same value without its place on a tape: nothing flows back through it.
  Tensor detach() const;
  /// The same value, which every tape that meets it takes for a leaf: gradients with respect to it can be asked for.
  Tensor requires_grad() const;
  /// A new tensor with the same elements in storage of its own.
  Tensor clone() const;
  /// A converted copy (or the same tensor where nothing changes), off the tape. See `cast` for the recorded one.
  Tensor to(Dtype dtype) const;

  /// "[[1, 2], [3, 4]]"-like text with at most `limit` elements shown. Prints values with 6 significant digits.
  std::string text(int64_t limit = 64) const;

  // For the engine.
  bool is_leaf() const { return leaf_; }
  Place place() const { return place_; }
  void set_place(Place place) {
    place_ = place;
    leaf_ = false;
  }
  const Storage& storage() const { return storage_; }
  /// The same storage under another shape with as many elements, off the tape.
  Tensor viewed(const Shape& shape) const;

 private:
  friend void assign(Tensor& target, const Tensor& value);
  void check_type(Dtype wanted) const {
    if (wanted != dtype_ || !storage_) type_error(wanted);
  }
  [[noreturn]] void type_error(Dtype wanted) const;

  Storage storage_;
  Shape shape_;
  Place place_;
  Dtype dtype_ = Dtype::f32;
  bool leaf_ = false;
};

using Tensors = std::vector<Tensor>;

extern template Tensor::Tensor(const Shape&, std::span<const float>);
extern template Tensor::Tensor(const Shape&, std::span<const double>);
extern template Tensor::Tensor(const Shape&, std::span<const int64_t>);

/// Overwrites the elements of `target` (same shape and dtype) with those of `value`. All tensors that share the storage
/// see it; a tape that captured the old value reports the change when it needs it.
void assign(Tensor& target, const Tensor& value);
/// The elements of a parameter for an optimizer that updates them in place; counts as a change, like `assign`.
template <class T>
T* write_in_place(Tensor& target) {
  target.storage().block()->changed_at.store(change_clock.fetch_add(1) + 1, std::memory_order_relaxed);
  return target.fill<T>();
}

/// Calls `f` with a value of the dtype's C++ type: the one place where a dtype becomes a template argument.
template <class F>
decltype(auto) dispatch(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::f32:
      return f(float{});
    case Dtype::f64:
      return f(double{});
    default:
      return f(int64_t{});
  }
}
/// The same for float32 and float64 only; throws "OP: needs floating-point values" otherwise.
[[noreturn]] void not_floating(const char* op);
template <class F>
decltype(auto) dispatch_floating(Dtype dtype, const char* op, F&& f) {
  if (dtype == Dtype::f32) return f(float{});
  if (dtype == Dtype::f64) return f(double{});
  not_floating(op);
}

}  // namespace tarn
