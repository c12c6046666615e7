// Running sums and products along a dimension, and products over it: every derivative holds at zeros too, for nothing
// divides.
#include <vector>

#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// to[i] = first(i) at the start of every line along the middle dimension of [outer, size, inner], or at its end where
/// reversed, and next(value before, i) from there on; outer slabs in parallel.
template <class T, class First, class Next>
void scan(const Around& a, bool reverse, T* to, First first, Next next) {
  if (a.size == 0) return;
  const int64_t step = reverse ? -a.inner : a.inner;
  parallel_range(a.outer, a.size * a.inner * 4, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const int64_t start = (o * a.size + (reverse ? a.size - 1 : 0)) * a.inner;
      for (int64_t i = start; i < start + a.inner; ++i) to[i] = first(i);
      if (a.inner == 1) {
        T value = to[start];
        for (int64_t k = 1, i = start + step; k < a.size; ++k, i += step) to[i] = value = next(value, i);
        continue;
      }
      for (int64_t k = 1, row = start + step; k < a.size; ++k, row += step) {
        for (int64_t i = row; i < row + a.inner; ++i) to[i] = next(to[i - step], i);
      }
    }
  });
}

/// x moved by one along dim, away from the start or towards it; `value` fills the place left free.
Tensor shifted(const Tensor& x, int64_t dim, bool towards_start, double value) {
  if (x.rank() == 0) return x * 0 + value;
  const int axis = x.shape().axis(dim, "shift");
  if (x.shape()[axis] == 0) return x;
  Dims sizes(static_cast<size_t>(2 * (x.rank() - axis)));
  sizes[sizes.size() - 2] = towards_start ? -1 : 1;
  sizes[sizes.size() - 1] = towards_start ? 1 : -1;
  return pad(x, sizes, "constant", value);
}

}  // namespace

Tensor recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool reverse) {
  check(a.shape() == b.shape() && a.dtype() == b.dtype(), "recurrence: ", a.shape(), " of ", a.dtype(), " and ",
        b.shape(), " of ", b.dtype(), " differ");
  const Around around_dim = around("recurrence", a.shape(), dim);
  Tensor y(b.shape(), b.dtype());
  dispatch_floating(b.dtype(), "recurrence", [&](auto t) {
    using T = decltype(t);
    const T* factor = a.data<T>();
    const T* term = b.data<T>();
    T* to = y.fill<T>();
    scan(
        around_dim, reverse, to, [=](int64_t i) { return term[i]; },
        [=](T before, int64_t i) { return factor[i] * before + term[i]; });
  });
  // The cotangent of every h collects what flows back from its successor: a recurrence the other way round, whose
  // factors are the successor's.
  return record("recurrence", y,
                Edge{a,
                     [a, dim, reverse](const Tensor& g, const Tensor& h) {
                       const Tensor total = recurrence(shifted(a, dim, !reverse, 0), g, dim, !reverse);
                       return total * shifted(h, dim, reverse, 0);
                     }},
                Edge{b, [a, dim, reverse](const Tensor& g) {
                       return recurrence(shifted(a, dim, !reverse, 0), g, dim, !reverse);
                     }});
}
const auto& recurrence_row =
    add_op("recurrence", "h_i = a_i h_(i-1) + b_i along a dimension",
           [](const Tensors& t) { return recurrence(t[0], t[1], 1); })
        .sample({{2, 4}, {2, 4}})
        .sample({{4, 2}, {4, 2}}, Domain::any, [](const Tensors& t) { return recurrence(t[0], t[1], 0, true); });

Tensor cumsum(const Tensor& x, int64_t dim) {
  const Around a = around("cumsum", x.shape(), dim);
  Tensor y(x.shape(), x.dtype());
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    scan(
        a, false, to, [=](int64_t i) { return from[i]; },
        [=](T before, int64_t i) { return wrapping_sum(before, from[i]); });
  });
  return record("cumsum", y, Edge{x, [dim](const Tensor& g) {
                                    return g.rank() == 0 ? g : flip(cumsum(flip(g, {dim}), dim), {dim});
                                  }});
}
const auto& cumsum_row =
    add_op("cumsum", "running sum along a dimension", [](const Tensors& t) { return cumsum(t[0], 1); })
        .sample({{2, 4}})
        .sample({{3, 2}}, Domain::any, [](const Tensors& t) { return cumsum(t[0], 0); });

Tensor cumprod(const Tensor& x, int64_t dim) {
  const Around a = around("cumprod", x.shape(), dim);
  Tensor y(x.shape(), x.dtype());
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    scan(
        a, false, to, [=](int64_t i) { return from[i]; },
        [=](T before, int64_t i) { return wrapping_product(before, from[i]); });
  });
  return record("cumprod", y, Edge{x, [x, dim](const Tensor& g, const Tensor& out) {
                                     const Tensor total = recurrence(shifted(x, dim, true, 0), g, dim, true);
                                     return total * shifted(out, dim, false, 1);
                                   }});
}
const auto& cumprod_row =
    add_op("cumprod", "running product along a dimension", [](const Tensors& t) { return cumprod(t[0], 1); })
        .sample({{2, 4}})
        .sample({{3, 2}}, Domain::any, [](const Tensors& t) { return cumprod(t[0], 0); });

Tensor prod(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  if (!dim) {
    const Tensor y = prod(reshape(x, Shape{x.numel()}), 0);
    return keepdim ? reshape(y, reduced("prod", x.shape(), {}, true).result) : y;
  }
  const int64_t dims[] = {*dim};
  const Reduced r = reduced("prod", x.shape(), dims, keepdim);
  const Tensor y = dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    return folded<T>(
        x, r, T(1), [](T v) { return v; }, [](T a, T b) { return wrapping_product(a, b); });
  });
  if (!x.floating()) return y;
  // The product of the others is that of those before times that of those behind.
  return record("prod", y, Edge{x, [x, d = *dim, kept = r.kept](const Tensor& g) {
                                  if (x.rank() == 0) return g;
                                  const Tensor before = shifted(cumprod(x, d), d, false, 1);
                                  const Tensor behind = shifted(flip(cumprod(flip(x, {d}), d), {d}), d, true, 1);
                                  return reshape(g, kept) * (before * behind);
                                }});
}
const auto& prod_row = add_op("prod", "product over a dimension or all", [](const Tensors& t) { return prod(t[0], 1); })
                           .sample({{2, 4}})
                           .sample({{2, 2}}, Domain::any, [](const Tensors& t) { return prod(t[0]); })
                           .sample({{2, 3}}, Domain::any, [](const Tensors& t) {
                             return prod(t[0] * Tensor::zeros({2, 1}, Dtype::f64), 0);
                           });

}  // namespace tarn
