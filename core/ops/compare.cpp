// Comparisons and choices: masks are int64 zeros and ones.
#include <cmath>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {

namespace {

template <class F>
Tensor compare(const char* op, const Tensor& a, const Tensor& b, F f) {
  check(a.dtype() == b.dtype(), op, ": operands are ", a.dtype(), " and ", b.dtype(), "; convert one of them");
  Tensor y(broadcast(a.shape(), b.shape(), op), Dtype::i64);
  dispatch(a.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::binary_into<int64_t, T>(a, b, y, 2, [f](T x, T z) { return static_cast<int64_t>(f(x, z)); });
  });
  Decisions* watch = a.floating() ? Decisions::current() : nullptr;
  return watch ? watch->choose(op, y) : y;
}

template <class F>
Tensor test(const char* op, const Tensor& x, F f) {
  Tensor y(x.shape(), Dtype::i64);
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::unary_into<int64_t, T>(x, y, 2, [f](T v) { return static_cast<int64_t>(f(v)); });
  });
  return y;
}

// A condition of any dtype as zeros and ones of `dtype`.
Tensor as_mask(const Tensor& condition, Dtype dtype) {
  Tensor y(condition.shape(), dtype);
  dispatch(condition.dtype(), [&](auto c) {
    using C = decltype(c);
    dispatch(dtype, [&](auto t) {
      using T = decltype(t);
      kernels::unary_into<T, C>(condition, y, 2, [](C v) { return static_cast<T>(v != 0); });
    });
  });
  return y;
}

// The same values, repeated where a dimension of `shape` is missing or 1; not recorded.
Tensor widened(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const NoRecord quiet;
  return broadcast_to(x, shape);
}

template <class T>
TARN_KERNEL void choose_loop(const T* mask, const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = mask[i] != 0 ? a[i] : b[i];
}

// x where the mask is one and zero elsewhere (`keep`), or the other way round. Not x · mask: an infinity that was not
// chosen must vanish.
Tensor chosen(const Tensor& mask, const Tensor& x, bool keep) {
  Tensor y = keep ? map2("where", mask, x, [](auto m, auto v) { return m != 0 ? v : decltype(v)(0); })
                  : map2("where", mask, x, [](auto m, auto v) { return m != 0 ? decltype(v)(0) : v; });
  return record("where", y, Edge{x, [mask, keep](const Tensor& g) { return chosen(mask, g, keep); }});
}

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) {
  return compare("eq", a, b, [](auto x, auto y) { return x == y; });
}
Tensor ne(const Tensor& a, const Tensor& b) {
  return compare("ne", a, b, [](auto x, auto y) { return x != y; });
}
Tensor lt(const Tensor& a, const Tensor& b) {
  return compare("lt", a, b, [](auto x, auto y) { return x < y; });
}
Tensor le(const Tensor& a, const Tensor& b) {
  return compare("le", a, b, [](auto x, auto y) { return x <= y; });
}
Tensor gt(const Tensor& a, const Tensor& b) {
  return compare("gt", a, b, [](auto x, auto y) { return x > y; });
}
Tensor ge(const Tensor& a, const Tensor& b) {
  return compare("ge", a, b, [](auto x, auto y) { return x >= y; });
}
Tensor isnan(const Tensor& x) {
  return test("isnan", x, [](auto v) { return v != v; });
}
Tensor isinf(const Tensor& x) {
  return test("isinf", x, [](auto v) { return std::isinf(v); });
}
Tensor isfinite(const Tensor& x) {
  return test("isfinite", x, [](auto v) { return std::isfinite(v); });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), "where: choices are ", a.dtype(), " and ", b.dtype(), "; convert one of them");
  const Shape shape = broadcast(condition.shape(), broadcast(a.shape(), b.shape(), "where"), "where");
  const Tensor mask = as_mask(condition, a.dtype());
  Tensor y(shape, a.dtype());
  dispatch(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const Tensor wide[] = {widened(mask, shape), widened(a, shape), widened(b, shape)};
    const T* pm = wide[0].data<T>();
    const T* pa = wide[1].data<T>();
    const T* pb = wide[2].data<T>();
    T* out = y.fill<T>();
    parallel_range(y.numel(), 2, [&](int64_t begin, int64_t end) {
      choose_loop(pm + begin, pa + begin, pb + begin, out + begin, end - begin);
    });
  });
  return record("where", y, Edge{a, [mask](const Tensor& g) { return chosen(mask, g, true); }},
                Edge{b, [mask](const Tensor& g) { return chosen(mask, g, false); }});
}
const auto& where_row = add_op("where", "a where a condition holds, else b",
                               [](const Tensors& t) { return where(gt(t[0].detach(), t[1].detach()), t[0], t[1]); })
                            .sample({{2, 3}, {2, 3}}, Domain::away_from_ties)
                            .sample({{2, 3}, {3}}, Domain::away_from_ties);

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  return where(mask, Tensor::full({}, value, x.dtype()), x);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  const Shape shape = broadcast(x.shape(), mask.shape(), "masked_select");
  const Tensor wide = broadcast_to(mask, shape);
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < wide.numel(); ++i)
    if (wide.at(i) != 0) positions.push_back(i);
  return take(broadcast_to(x, shape), Tensor(Shape{static_cast<int64_t>(positions.size())}, positions));
}
const auto& masked_select_row =
    add_op("masked_select", "elements where a mask is set, as one row", [](const Tensors& t) {
      return masked_select(t[0], Tensor(Shape{3}, std::vector<int64_t>{1, 0, 1}));
    }).sample({{2, 3}});

}  // namespace tarn
