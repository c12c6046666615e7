// Elementwise loops with broadcasting: the one place where op lambdas meet memory. For the ops' .cpp files only.
#pragma once

#include "core/kernels/kernel.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace tarn::kernels {

template <class T, class R, class F>
TARN_KERNEL void unary_loop(const T* x, R* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

/// Operands with steps 0 or 1, so that a row against a scalar needs no copy.
template <class T, class R, class F>
TARN_KERNEL void binary_loop(const T* a, const T* b, R* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
}
template <class T, class R, class F>
TARN_KERNEL void left_scalar_loop(T a, const T* b, R* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(a, b[i]);
}
template <class T, class R, class F>
TARN_KERNEL void right_scalar_loop(const T* a, T b, R* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b);
}

/// How two operands walk through the output after neighbouring dimensions were merged: an outer odometer and an inner
/// row.
struct BroadcastPlan {
  int64_t sizes[Shape::max_rank];
  int64_t step_a[Shape::max_rank], step_b[Shape::max_rank];
  int rank = 0;
};
BroadcastPlan plan_broadcast(const Shape& a, const Shape& b, const Shape& y);

/// Calls row(offset of a, offset of b, offset of y) for rows [begin, end) of the plan, the last dimension being the
/// row.
template <class Row>
void walk_rows(const BroadcastPlan& p, int64_t begin, int64_t end, Row row) {
  const int outer = p.rank - 1;
  const int64_t width = p.sizes[outer];
  int64_t index[Shape::max_rank] = {};
  int64_t a = 0;
  int64_t b = 0;
  int64_t rest = begin;
  for (int d = outer - 1; d >= 0; --d) {
    index[d] = rest % p.sizes[d];
    rest /= p.sizes[d];
    a += index[d] * p.step_a[d];
    b += index[d] * p.step_b[d];
  }
  for (int64_t r = begin; r < end; ++r) {
    row(a, b, r * width);
    for (int d = outer - 1; d >= 0; --d) {
      a += p.step_a[d];
      b += p.step_b[d];
      if (++index[d] < p.sizes[d]) break;
      a -= p.step_a[d] * p.sizes[d];
      b -= p.step_b[d] * p.sizes[d];
      index[d] = 0;
    }
  }
}

/// y = f(x) elementwise; `cost` as for parallel_range.
template <class R, class T, class F>
void unary_into(const Tensor& x, Tensor& y, int64_t cost, F f) {
  const T* in = x.data<T>();
  R* out = y.fill<R>();
  const int64_t n = x.numel();
  if (n == 1) {
    *out = f(*in);
    return;
  }
  parallel_range(n, cost,
                 [&](int64_t begin, int64_t end) { unary_loop<T, R, F>(in + begin, out + begin, end - begin, f); });
}

/// y = f(a, b) with broadcasting; y has the broadcast shape.
template <class R, class T, class F>
void binary_into(const Tensor& a, const Tensor& b, Tensor& y, int64_t cost, F f) {
  const T* pa = a.data<T>();
  const T* pb = b.data<T>();
  R* out = y.fill<R>();
  const int64_t n = y.numel();
  if (n == 0) return;
  if (n == 1) {
    *out = f(*pa, *pb);
    return;
  }
  const BroadcastPlan p = plan_broadcast(a.shape(), b.shape(), y.shape());
  const int last = p.rank - 1;
  const int64_t width = p.sizes[last];
  const bool row_a = p.step_a[last] != 0;
  const bool row_b = p.step_b[last] != 0;
  const auto run = [&](int64_t oa, int64_t ob, int64_t oy, int64_t count) {
    if (row_a && row_b) binary_loop<T, R, F>(pa + oa, pb + ob, out + oy, count, f);
    if (row_a && !row_b) right_scalar_loop<T, R, F>(pa + oa, pb[ob], out + oy, count, f);
    if (!row_a && row_b) left_scalar_loop<T, R, F>(pa[oa], pb + ob, out + oy, count, f);
  };
  if (p.rank == 1) {
    parallel_range(n, cost,
                   [&](int64_t begin, int64_t end) { run(row_a ? begin : 0, row_b ? begin : 0, begin, end - begin); });
    return;
  }
  parallel_range(n / width, cost * width, [&](int64_t begin, int64_t end) {
    walk_rows(p, begin, end, [&](int64_t oa, int64_t ob, int64_t oy) { run(oa, ob, oy, width); });
  });
}

}  // namespace tarn::kernels

namespace tarn {

/// f applied to every element; same dtype. `cost` is the work of one f in units of a streamed float.
template <class F>
Tensor map(const char* op, const Tensor& x, F f, int64_t cost = 1) {
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::unary_into<T, T>(x, y, cost, f);
  });
  return y;
}

/// f applied to pairs, broadcast; both of one floating dtype.
template <class F>
Tensor map2(const char* op, const Tensor& a, const Tensor& b, F f, int64_t cost = 1) {
  check(a.dtype() == b.dtype(), op, ": operands are ", a.dtype(), " and ", b.dtype(), "; convert one of them");
  Tensor y(a.shape() == b.shape() ? a.shape() : broadcast(a.shape(), b.shape(), op), a.dtype());
  dispatch_floating(a.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::binary_into<T, T>(a, b, y, cost, f);
  });
  return y;
}

}  // namespace tarn
