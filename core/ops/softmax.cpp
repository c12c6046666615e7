// Softmax and its kin along one dimension.
#include "core/kernels/softmax.h"

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::Along;

constexpr int64_t exp_cost = 8;

// A scalar counts as one dimension of size 1, as in PyTorch.
Dims along_dim(const char* op, const Tensor& x, int64_t dim) {
  if (x.rank() > 0) return {x.shape().axis(dim, op)};
  check(dim == 0 || dim == -1, op, ": dimension ", dim, " is outside [-1, 0]");
  return {};
}

Along along(const Tensor& x, const Dims& dims) {
  if (dims.empty()) return {1, 1, 1};
  const int d = static_cast<int>(dims[0]);
  return {x.shape().product(0, d), x.shape()[d], x.shape().product(d + 1, x.rank())};
}

// The transpose of softmax's derivative: y (g - <g, y>). Linear and self-adjoint in g.
Tensor softmax_backward(const Tensor& g, const Tensor& y, const Dims& dims) {
  const Along a = along(y, dims);
  Tensor dx(y.shape(), y.dtype());
  dispatch_floating(y.dtype(), "softmax_backward", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    const T* py = y.data<T>();
    T* out = dx.fill<T>();
    along_lines(
        a, 4, [&](int64_t begin, int64_t end) { kernels::softmax_backward_rows(pg, py, out, a.size, begin, end); },
        [&](int64_t at, int64_t, int64_t count) {
          kernels::softmax_backward_columns(pg + at, py + at, out + at, a.size, a.inner, count);
        });
  });
  return record(
      "softmax_backward", dx, Edge{g, [y, dims](const Tensor& v) { return softmax_backward(v, y, dims); }},
      Edge{y, [g, y, dims](const Tensor& v) { return v * (g - sum(g * y, dims, true)) - g * sum(v * y, dims, true); }});
}

// The transpose of log_softmax's derivative: g - e^y sum(g).
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, const Dims& dims) {
  const Along a = along(y, dims);
  Tensor dx(y.shape(), y.dtype());
  dispatch_floating(y.dtype(), "log_softmax_backward", [&](auto t) {
    using T = decltype(t);
    const T* pg = g.data<T>();
    const T* py = y.data<T>();
    T* out = dx.fill<T>();
    along_lines(
        a, exp_cost,
        [&](int64_t begin, int64_t end) { kernels::log_softmax_backward_rows(pg, py, out, a.size, begin, end); },
        [&](int64_t at, int64_t, int64_t count) {
          kernels::log_softmax_backward_columns(pg + at, py + at, out + at, a.size, a.inner, count);
        });
  });
  return record("log_softmax_backward", dx,
                Edge{g, [y, dims](const Tensor& v) { return v - sum(v * exp(y), dims, true); }},
                Edge{y, [g, y, dims](const Tensor& v) { return -(v * exp(y) * sum(g, dims, true)); }});
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim) {
  const Dims dims = along_dim("softmax", x, dim);
  const Along a = along(x, dims);
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "softmax", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    along_lines(
        a, exp_cost, [&](int64_t begin, int64_t end) { kernels::softmax_rows(in, out, a.size, begin, end); },
        [&](int64_t at, int64_t, int64_t count) {
          kernels::softmax_columns(in + at, out + at, a.size, a.inner, count);
        });
  });
  return record("softmax", y,
                Edge{x, [dims](const Tensor& g, const Tensor& p) { return softmax_backward(g, p, dims); }});
}

Tensor log_softmax(const Tensor& x, int64_t dim) {
  const Dims dims = along_dim("log_softmax", x, dim);
  const Along a = along(x, dims);
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "log_softmax", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    along_lines(
        a, exp_cost, [&](int64_t begin, int64_t end) { kernels::log_softmax_rows(in, out, a.size, begin, end); },
        [&](int64_t at, int64_t, int64_t count) {
          kernels::log_softmax_columns(in + at, out + at, a.size, a.inner, count);
        });
  });
  return record("log_softmax", y,
                Edge{x, [dims](const Tensor& g, const Tensor& p) { return log_softmax_backward(g, p, dims); }});
}

Tensor softmin(const Tensor& x, int64_t dim) {
  return softmax(-x, dim);
}

const auto& softmax_op =
    add_op("softmax", "e^x over its sum along a dimension", [](const Tensors& t) { return softmax(t[0], -1); })
        .sample({{3, 4}})
        .sample({{2, 3, 2}}, Domain::any, [](const Tensors& t) { return softmax(t[0], 1); });
const auto& log_softmax_op =
    add_op("log_softmax", "the logarithm of softmax", [](const Tensors& t) { return log_softmax(t[0], -1); })
        .sample({{3, 4}})
        .sample({{2, 3, 2}}, Domain::any, [](const Tensors& t) { return log_softmax(t[0], 1); });
const auto& softmin_op =
    add_op("softmin", "softmax of -x", [](const Tensors& t) { return softmin(t[0], 1); }).sample({{3, 4}});

}  // namespace tarn
