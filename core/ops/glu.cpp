// The gated linear unit: both halves of a tensor read once, forward and backward.
#include <algorithm>

#include "core/kernels/functions.h"
#include "core/kernels/kernel.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {

using kernels::fast_sigmoid;

namespace {

constexpr int64_t glu_cost = 10;  // of an exponential, in streamed values

// The gates lie `half` elements behind what they open.
template <class T>
TARN_KERNEL void glu_values(const T* x, int64_t half, int64_t n, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * fast_sigmoid(x[half + i]);
}

template <class T>
TARN_KERNEL void glu_slopes(const T* g, const T* x, int64_t half, int64_t n, T* dx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T gate = fast_sigmoid(x[half + i]);
    dx[i] = g[i] * gate;
    dx[half + i] = g[i] * x[i] * gate * (1 - gate);
  }
}

// Calls f(place in the halved tensor, place in the whole one, count) for runs of neighbouring elements.
template <class F>
void over_halves(int64_t blocks, int64_t half, F f) {
  if (blocks * half == 0) return;
  parallel_range(blocks * half, glu_cost, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end;) {
      const int64_t block = at / half;
      const int64_t count = std::min(end, (block + 1) * half) - at;
      f(at, at + block * half, count);
      at += count;
    }
  });
}

Tensor glu_backward(const Tensor& g, const Tensor& x, int d) {
  const int64_t half = x.shape().product(d, x.rank()) / 2;
  if (Tape::current()) {
    const int64_t size = x.shape()[d] / 2;
    const Tensor gate = sigmoid(narrow(x, d, size, size));
    const Tensor parts[] = {g * gate, g * narrow(x, d, 0, size) * gate * (1 - gate)};
    return cat(parts, d);
  }
  Recorder::check_fresh(x, "glu");
  Tensor dx(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "glu", [&](auto t) {
    using T = decltype(t);
    const T *from = x.data<T>(), *cotangent = g.data<T>();
    T* to = dx.fill<T>();
    over_halves(x.shape().product(0, d), half, [&](int64_t at, int64_t whole, int64_t n) {
      glu_slopes(cotangent + at, from + whole, half, n, to + whole);
    });
  });
  return dx;
}

}  // namespace

Tensor glu(const Tensor& x, int64_t dim) {
  check(x.rank() > 0, "glu: needs at least one dimension");
  const int d = x.shape().axis(dim, "glu");
  const int64_t size = x.shape()[d];
  check(size % 2 == 0, "glu: dimension ", dim, " of ", x.shape(), " has odd size ", size, "; it is cut into halves");
  const int64_t half = x.shape().product(d, x.rank()) / 2;
  Tensor y(x.shape().with(d, size / 2), x.dtype());
  dispatch_floating(x.dtype(), "glu", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    over_halves(x.shape().product(0, d), half,
                [&](int64_t at, int64_t whole, int64_t n) { glu_values(from + whole, half, n, to + at); });
  });
  return record("glu", y, Edge{x, [x, d](const Tensor& g) { return glu_backward(g, x, d); }});
}
const auto& glu_row = add_op("glu", "first half · sigmoid(second half)", [](const Tensors& t) {
                        return glu(t[0], 1);
                      }).sample({{2, 4, 2}});

}  // namespace tarn
