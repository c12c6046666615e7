// Circular convolution with few values, each of which adds a shifted copy, and its transpose: each is the other's
// derivative.
#include "core/ops/sketch.h"

#include <algorithm>

#include "core/kernels/kernel.h"
#include "core/ops/positions.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

void check_shifts(const char* op, const Tensor& shifts, int64_t size) {
  check_range(op, shifts, 0, size);
  check(shifts.rank() == 1, op, ": the shifts ", shifts.shape(), " must be one row");
}

/// The shifts that lead back.
Tensor reversed(const Tensor& shifts, int64_t size) {
  std::vector<int64_t> back(static_cast<size_t>(shifts.numel()));
  const int64_t* from = shifts.data<int64_t>();
  for (size_t c = 0; c < back.size(); ++c) back[c] = from[c] == 0 ? 0 : size - from[c];
  return {shifts.shape(), back};
}

template <class T>
TARN_KERNEL void add_shifted(const T* a, const T* weights, const int64_t* shifts, int64_t count, int64_t size, T* y) {
  std::fill(y, y + size, T(0));
  for (int64_t c = 0; c < count; ++c) {
    const T weight = weights[c];
    const int64_t shift = shifts[c];
    for (int64_t j = 0; j < size - shift; ++j) y[shift + j] += weight * a[j];
    for (int64_t j = 0; j < shift; ++j) y[j] += weight * a[size - shift + j];
  }
}

/// Σ a_j b_j in as many partial sums as fill vectors.
template <class T>
T product(const T* a, const T* b, int64_t n) {
  constexpr int64_t lanes = 32;
  T part[lanes] = {};
  int64_t j = 0;
  for (; j + lanes <= n; j += lanes)
    for (int64_t l = 0; l < lanes; ++l) part[l] += a[j + l] * b[j + l];
  for (int64_t l = 0; j < n; ++j, ++l) part[l] += a[j] * b[j];
  for (int64_t width = lanes / 2; width > 0; width /= 2)
    for (int64_t l = 0; l < width; ++l) part[l] += part[l + width];
  return part[0];
}

template <class T>
TARN_KERNEL void dot_shifted(const T* g, const T* a, const int64_t* shifts, int64_t count, int64_t size, T* y) {
  for (int64_t c = 0; c < count; ++c) {
    const int64_t shift = shifts[c];
    y[c] = product(g + shift, a, size - shift) + product(g, a + size - shift, shift);
  }
}

}  // namespace

Tensor circular_add(const Tensor& a, const Tensor& weights, const Tensor& shifts) {
  const char* op = "circular_add";
  check(a.rank() == 2 && weights.rank() == 2 && a.size(0) == weights.size(0) && weights.size(1) == shifts.numel() &&
            a.dtype() == weights.dtype(),
        op, ": rows ", a.dtype(), ' ', a.shape(), ", weights ", weights.dtype(), ' ', weights.shape(), " and shifts ",
        shifts.shape(), "; expected [M, d], [M, C] of one dtype and [C]");
  const int64_t size = a.size(1);
  check_shifts(op, shifts, size);
  Tensor y(a.shape(), a.dtype());
  dispatch_floating(a.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const T* from = a.data<T>();
    const T* weight = weights.data<T>();
    const int64_t* shift = shifts.data<int64_t>();
    const int64_t count = shifts.numel();
    T* to = y.fill<T>();
    parallel_range(a.size(0), size * (count + 1), [=](int64_t begin, int64_t end) {
      for (int64_t m = begin; m < end; ++m)
        add_shifted(from + m * size, weight + m * count, shift, count, size, to + m * size);
    });
  });
  return record(
      op, y,
      Edge{a, [weights, shifts, size](const Tensor& g) { return circular_add(g, weights, reversed(shifts, size)); }},
      Edge{weights, [a, shifts](const Tensor& g) { return circular_dot(g, a, shifts); }});
}
const auto& circular_add_row =
    add_op("circular_add", "sums of rows shifted in a circle",
           [](const Tensors& t) {
             return circular_add(t[0], t[1], Tensor(Shape{3}, std::vector<int64_t>{0, 3, 2}));
           })
        .sample({{2, 5}, {2, 3}})
        .sample({{3, 1}, {3, 2}}, Domain::any, [](const Tensors& t) {
          return circular_add(t[0], t[1], Tensor(Shape{2}, std::vector<int64_t>{0, 0}));
        });

Tensor circular_dot(const Tensor& g, const Tensor& a, const Tensor& shifts) {
  const char* op = "circular_dot";
  check(g.rank() == 2 && g.shape() == a.shape() && g.dtype() == a.dtype(), op, ": rows ", g.dtype(), ' ', g.shape(),
        " and ", a.dtype(), ' ', a.shape(), "; expected two of one shape [M, d] and dtype");
  const int64_t size = a.size(1);
  check_shifts(op, shifts, size);
  Tensor y(Shape{a.size(0), shifts.numel()}, a.dtype());
  dispatch_floating(a.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const T* left = g.data<T>();
    const T* right = a.data<T>();
    const int64_t* shift = shifts.data<int64_t>();
    const int64_t count = shifts.numel();
    T* to = y.fill<T>();
    parallel_range(a.size(0), size * (count + 1), [=](int64_t begin, int64_t end) {
      for (int64_t m = begin; m < end; ++m)
        dot_shifted(left + m * size, right + m * size, shift, count, size, to + m * count);
    });
  });
  return record(op, y, Edge{g, [a, shifts](const Tensor& k) { return circular_add(a, k, shifts); }},
                Edge{a, [g, shifts, size](const Tensor& k) { return circular_add(g, k, reversed(shifts, size)); }});
}
const auto& circular_dot_row =
    add_op("circular_dot", "products of rows with others shifted in a circle", [](const Tensors& t) {
      return circular_dot(t[0], t[1], Tensor(Shape{3}, std::vector<int64_t>{0, 3, 2}));
    }).sample({{2, 5}, {2, 5}});

}  // namespace tarn
