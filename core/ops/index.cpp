// Elements at positions given by int64 tensors: each read has its transpose, which adds.
#include <algorithm>

#include "core/kernels/copy.h"
#include "core/kernels/fold.h"
#include "core/ops.h"
#include "core/ops/positions.h"
#include "core/ops/reduced.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// A scalar counts as one row.
Shape at_least_1d(const Shape& s) {
  return s.rank() == 0 ? Shape{1} : s;
}

/// Pairs the elements of `index` with those of a tensor of shape `table` that has `index`'s rank: body(i, offset) for
/// every element i of the index, offset being where its line along `axis` starts. Elements of one slab, the dimensions
/// before `axis`, run in order on one thread; slabs are independent.
template <class Body>
void pair_up(const Shape& index, const Shape& table, int axis, Body body) {
  if (index.numel() == 0) return;
  const kernels::View lines = kernels::view_of(table);
  const int last = index.rank() - 1;
  kernels::Odometer slabs;
  kernels::Odometer rows;
  for (int d = 0; d < last; ++d) (d < axis ? slabs : rows).push(index[d], d == axis ? 0 : lines.steps[d]);
  const int64_t count = rows.count();
  const int64_t width = index[last];
  const int64_t step = axis == last ? 0 : 1;
  parallel_range(slabs.count(), count * width * 4, [&](int64_t begin, int64_t end) {
    slabs.walk(begin, end, [&](int64_t slab, int64_t from) {
      rows.walk(0, count, [&](int64_t row, int64_t offset) {
        const int64_t first = (slab * count + row) * width;
        const int64_t line = from + offset;
        for (int64_t i = 0; i < width; ++i) body(first + i, line + i * step);
      });
    });
  });
}

/// Throws unless `index` fits into a table of shape `x` everywhere but along `axis`.
void check_lines(const char* op, const Shape& x, const Tensor& index, int axis) {
  check_index(op, index);
  const Shape s = at_least_1d(index.shape());
  check(s.rank() == x.rank(), op, ": the index ", index.shape(), " needs as many dimensions as ", x);
  if (s.numel() == 0) return;
  for (int d = 0; d < s.rank(); ++d)
    check(d == axis || s[d] <= x[d], op, ": the index ", index.shape(), " is larger than ", x, " in dimension ", d);
  check_range(op, index, 0, x[axis]);
}

int64_t step_of(const Shape& s, int axis) {
  return s.product(axis + 1, s.rank());
}

/// The transpose of `gather`: zeros of `shape`, with g added at the index.
Tensor scattered(const Tensor& g, int64_t dim, const Tensor& index, const Shape& shape) {
  const Shape table = at_least_1d(shape);
  const int axis = table.axis(dim, "scatter_add");
  Tensor y = Tensor::zeros(shape, g.dtype());
  const int64_t step = step_of(table, axis);
  dispatch(g.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.fill<T>();
    pair_up(at_least_1d(index.shape()), table, axis, [=](int64_t i, int64_t line) {
      T& sum = to[line + at[i] * step];
      sum = wrapping_sum(sum, from[i]);
    });
  });
  return record("scattered", y, Edge{g, [dim, index](const Tensor& h) { return gather(h, dim, index); }});
}

/// The first elements of every dimension of x, so many as `index` has: what scattering pairs with the index.
Tensor head(const char* op, const Tensor& x, const Tensor& index) {
  check(x.rank() == index.rank() || (x.numel() == 1 && index.numel() == 1), op, ": the source ", x.shape(),
        " needs as many dimensions as the index ", index.shape());
  if (x.rank() != index.rank()) return reshape(x, index.shape());
  Tensor y = x;
  for (int d = 0; d < x.rank(); ++d) {
    check(index.shape()[d] <= x.shape()[d] || index.numel() == 0, op, ": the index ", index.shape(),
          " is larger than the source ", x.shape(), " in dimension ", d);
    if (index.shape()[d] < x.shape()[d]) y = narrow(y, d, 0, index.shape()[d]);
  }
  return y;
}

}  // namespace

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  const Shape table = at_least_1d(x.shape());
  const int axis = table.axis(dim, "gather");
  check_lines("gather", table, index, axis);
  Tensor y(index.shape(), x.dtype());
  const int64_t step = step_of(table, axis);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.fill<T>();
    pair_up(at_least_1d(index.shape()), table, axis,
            [=](int64_t i, int64_t line) { to[i] = from[line + at[i] * step]; });
  });
  return record("gather", y,
                Edge{x, [dim, index, s = x.shape()](const Tensor& g) { return scattered(g, dim, index, s); }});
}
const auto& gather_row = add_op("gather", "along a dimension, the elements at an index", [](const Tensors& t) {
                           return gather(t[0], 1, Tensor(Shape{2, 3}, std::vector<int64_t>{2, 0, 2, 1, 1, 3}));
                         }).sample({{3, 4}});

Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  check(x.dtype() == source.dtype(), "scatter_add: x is ", x.dtype(), " and the source ", source.dtype());
  const Shape table = at_least_1d(x.shape());
  check_lines("scatter_add", table, index, table.axis(dim, "scatter_add"));
  return x + scattered(head("scatter_add", source, index), dim, index, x.shape());
}
const auto& scatter_add_row =
    add_op("scatter_add", "x with values added at an index along a dimension",
           [](const Tensors& t) {
             return scatter_add(t[0], 0, Tensor(Shape{2, 2}, std::vector<int64_t>{2, 0, 2, 1}), t[1]);
           })
        .sample({{3, 2}, {2, 2}})
        .sample({{3, 3}, {3, 2}});

Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  check(x.dtype() == source.dtype(), "scatter: x is ", x.dtype(), " and the source ", source.dtype());
  const Shape table = at_least_1d(x.shape());
  const int axis = table.axis(dim, "scatter");
  check_lines("scatter", table, index, axis);
  const Tensor part = head("scatter", source, index);
  Tensor y = x.clone();
  const int64_t step = step_of(table, axis);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = part.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.fill<T>();
    pair_up(at_least_1d(index.shape()), table, axis,
            [=](int64_t i, int64_t line) { to[line + at[i] * step] = from[i]; });
  });
  return record(
      "scatter", y,
      Edge{x,
           [dim, index](const Tensor& g) { return scatter(g, dim, index, Tensor::zeros(index.shape(), g.dtype())); }},
      Edge{part, [dim, index](const Tensor& g) { return gather(g, dim, index); }});
}
const auto& scatter_row = add_op("scatter", "x with values put at an index along a dimension", [](const Tensors& t) {
                            return scatter(t[0], 1, Tensor(Shape{2, 2}, std::vector<int64_t>{2, 0, 1, 3}), t[1]);
                          }).sample({{2, 4}, {2, 2}});

namespace {

/// The position in a row of n elements; negative counts from the end.
inline int64_t wrapped(int64_t i, int64_t n) {
  return i < 0 ? i + n : i;
}

}  // namespace

Tensor take(const Tensor& x, const Tensor& index) {
  check_index("take", index);
  const int64_t n = x.numel();
  Tensor y(index.shape(), x.dtype());
  const int64_t* at = index.data<int64_t>();
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    parallel_range(index.numel(), 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        check(at[i] >= -n && at[i] < n, "take: index ", at[i], " is outside [", -n, ", ", n - 1, "], for ", x.shape());
        to[i] = from[wrapped(at[i], n)];
      }
    });
  });
  return record("take", y, Edge{x, [index, s = x.shape()](const Tensor& g) { return put(g, index, s); }});
}
const auto& take_row = add_op("take", "elements at flat positions", [](const Tensors& t) {
                         return take(t[0], Tensor(Shape{2, 2}, std::vector<int64_t>{5, 0, -1, 3}));
                       }).sample({{2, 3}});

Tensor put(const Tensor& g, const Tensor& index, const Shape& shape) {
  check_index("put", index);
  check(g.shape() == index.shape(), "put: values ", g.shape(), " and index ", index.shape(), " differ");
  const int64_t n = shape.numel();
  Tensor y = Tensor::zeros(shape, g.dtype());
  const int64_t* at = index.data<int64_t>();
  dispatch(g.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    T* to = y.fill<T>();
    // One thread: positions may meet, and the order of additions is part of the result.
    for (int64_t i = 0; i < index.numel(); ++i) {
      check(at[i] >= -n && at[i] < n, "put: index ", at[i], " is outside [", -n, ", ", n - 1, "], for ", shape);
      T& sum = to[wrapped(at[i], n)];
      sum = wrapping_sum(sum, from[i]);
    }
  });
  return record("put", y, Edge{g, [index](const Tensor& h) { return take(h, index); }});
}
const auto& put_row = add_op("put", "zeros with values added at flat positions", [](const Tensors& t) {
                        return put(t[0], Tensor(Shape{4}, std::vector<int64_t>{5, 0, -1, 3}), {2, 3});
                      }).sample({{4}});

}  // namespace tarn
