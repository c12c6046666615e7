// Tensors as values: making, converting, reading and printing them.
#include "core/tensor.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/tape.h"

namespace tarn {

namespace {

template <class To, class From>
void convert_elements(const From* from, To* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(from[i]);
}

void append_value(std::string& out, const Tensor& x, int64_t position) {
  char buffer[32];
  if (x.dtype() == Dtype::i64)
    std::snprintf(buffer, sizeof buffer, "%lld", static_cast<long long>(x.data<int64_t>()[position]));
  else
    std::snprintf(buffer, sizeof buffer, "%.6g", x.at(position));
  out += buffer;
}

// Depth of the recursion is the rank, six at most.
void append_nested(std::string& out, const Tensor& x, int dim, int64_t& position, int64_t limit) {
  if (dim == x.rank()) return append_value(out, x, position++);
  out += '[';
  for (int64_t i = 0; i < x.shape()[dim]; ++i) {
    if (i) out += ", ";
    if (position >= limit) {
      out += "…";
      break;
    }
    append_nested(out, x, dim + 1, position, limit);
  }
  out += ']';
}

}  // namespace

Tensor::Tensor(const Shape& shape, Dtype dtype)
    : storage_(static_cast<size_t>(shape.numel() * dtype_size(dtype))), shape_(shape), dtype_(dtype) {}

template <class T>
Tensor::Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape, dtype_of<T>()) {
  check(static_cast<int64_t>(values.size()) == numel(), "tensor of shape ", shape, ": got ", values.size(),
        " values for ", numel(), " elements");
  std::copy(values.begin(), values.end(), fill<T>());
}
template Tensor::Tensor(const Shape&, std::span<const float>);
template Tensor::Tensor(const Shape&, std::span<const double>);
template Tensor::Tensor(const Shape&, std::span<const int64_t>);

Tensor Tensor::zeros(const Shape& shape, Dtype dtype) {
  Tensor y(shape, dtype);
  std::memset(y.storage_.data(), 0, static_cast<size_t>(y.bytes()));
  return y;
}

Tensor Tensor::full(const Shape& shape, double value, Dtype dtype) {
  Tensor y(shape, dtype);
  dispatch(dtype, [&](auto t) {
    using T = decltype(t);
    std::fill_n(y.fill<T>(), y.numel(), static_cast<T>(value));
  });
  return y;
}

Tensor Tensor::arange(int64_t n, Dtype dtype) {
  Tensor y(Shape{n}, dtype);
  dispatch(dtype, [&](auto t) {
    using T = decltype(t);
    for (int64_t i = 0; i < n; ++i) y.fill<T>()[i] = static_cast<T>(i);
  });
  return y;
}

double Tensor::item() const {
  check(defined() && numel() == 1, "item: a tensor of shape ", shape_, " is not one value");
  return at(0);
}

double Tensor::at(int64_t position) const {
  check(defined() && position >= 0 && position < numel(), "at: position ", position, " of a tensor of shape ", shape_);
  return dispatch(dtype_, [&](auto t) { return static_cast<double>(data<decltype(t)>()[position]); });
}

Tensor Tensor::detach() const {
  Tensor y = *this;
  y.set_place({});
  return y;
}

Tensor Tensor::requires_grad() const {
  check(defined() && floating(), "requires_grad: only floating-point tensors have gradients");
  Tensor y = detach();
  y.leaf_ = true;
  return y;
}

Tensor Tensor::clone() const {
  Tensor y(shape_, dtype_);
  std::memcpy(y.storage_.data(), storage_.data(), static_cast<size_t>(bytes()));
  return y;
}

Tensor Tensor::to(Dtype dtype) const {
  if (dtype == dtype_) return detach();
  Tensor y(shape_, dtype);
  dispatch(dtype_, [&](auto from) {
    using From = decltype(from);
    dispatch(dtype, [&](auto to) {
      using To = decltype(to);
      convert_elements(data<From>(), y.fill<To>(), numel());
    });
  });
  return y;
}

Tensor Tensor::viewed(const Shape& shape) const {
  Tensor y = detach();
  y.shape_ = shape;
  return y;
}

std::string Tensor::text(int64_t limit) const {
  if (!defined()) return "undefined";
  std::string out;
  int64_t position = 0;
  append_nested(out, *this, 0, position, limit);
  return out;
}

void Tensor::type_error(Dtype wanted) const {
  check(defined(), "an undefined tensor was used where ", wanted, " values are needed");
  fail("a ", dtype_, " tensor of shape ", shape_, " was used where ", wanted, " values are needed");
}

void assign(Tensor& target, const Tensor& value) {
  check(target.defined() && value.defined() && target.shape() == value.shape() && target.dtype() == value.dtype(),
        "assign: ", value.dtype(), " values of shape ", value.shape(), " into a ", target.dtype(), " tensor of shape ",
        target.shape());
  target.storage().block()->changed_at.store(change_clock.fetch_add(1) + 1, std::memory_order_relaxed);
  std::memmove(target.storage_.data(), value.storage_.data(), static_cast<size_t>(target.bytes()));
}

void not_floating(const char* op) {
  fail(op, ": needs float32 or float64 values, got int64");
}

}  // namespace tarn
