// Parts of a tensor and their order: slices, flips, rolls, triangles and diagonals.
#include <algorithm>
#include <cstring>

#include "core/kernels/copy.h"
#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// Where a slice lies in its dimension.
struct Steps {
  int64_t start = 0, step = 1, count = 0;
};

kernels::View slice_view(const Shape& s, int axis, const Steps& at) {
  kernels::View v = kernels::view_of(s);
  v.offset = at.start * v.steps[axis];
  v.sizes[axis] = at.count;
  v.steps[axis] *= at.step;
  return v;
}

Tensor sliced(const Tensor& x, int axis, const Steps& at);

/// The transpose of a slice: zeros of `shape`, with g where the slice lies.
Tensor unslice(const Tensor& g, int axis, const Steps& at, const Shape& shape) {
  Tensor y = Tensor::zeros(shape, g.dtype());
  kernels::write_view(g, slice_view(shape, axis, at), y);
  return record("unslice", y, Edge{g, [axis, at](const Tensor& h) { return sliced(h, axis, at); }});
}

Tensor sliced(const Tensor& x, int axis, const Steps& at) {
  if (at.count == x.shape()[axis] && at.step == 1) return x;
  Tensor y(x.shape().with(axis, at.count), x.dtype());
  kernels::read_view(x, slice_view(x.shape(), axis, at), y);
  return record("slice", y, Edge{x, [axis, at, s = x.shape()](const Tensor& g) { return unslice(g, axis, at, s); }});
}

int axis_of(const char* op, const Tensor& x, int64_t dim) {
  check(x.rank() > 0, op, ": a scalar has no dimension to cut");
  return x.shape().axis(dim, op);
}

}  // namespace

Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  const int axis = axis_of("slice", x, dim);
  check(step >= 1, "slice: step ", step, " must be at least 1");
  const int64_t size = x.shape()[axis];
  const auto clipped = [size](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t first = clipped(start);
  const int64_t last = clipped(end);
  const int64_t count = last > first ? (last - first - 1) / step + 1 : 0;
  return sliced(x, axis, {first, count > 1 ? step : 1, count});
}
const auto& slice_row =
    add_op("slice", "every step-th element between two bounds", [](const Tensors& t) { return slice(t[0], 1, 1, 3); })
        .sample({{2, 4}})
        .sample({{5, 3}}, Domain::any, [](const Tensors& t) { return slice(t[0], 0, -4, 100, 2); });

Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  const int axis = axis_of("narrow", x, dim);
  const int64_t size = x.shape()[axis];
  check(start >= -size && start <= size, "narrow: start ", start, " is outside [", -size, ", ", size,
        "], the range of dimension ", dim, " of ", x.shape());
  const int64_t first = start < 0 ? start + size : start;
  check(length >= 0 && length <= size - first, "narrow: ", length, " elements from ", first, " on exceed size ", size,
        " of dimension ", dim, " of ", x.shape());
  return sliced(x, axis, {first, 1, length});
}
const auto& narrow_row = add_op("narrow", "so many elements of a dimension from a start on", [](const Tensors& t) {
                           return narrow(t[0], -1, -3, 2);
                         }).sample({{2, 4}});

Tensor select(const Tensor& x, int64_t dim, int64_t index) {
  const int axis = axis_of("select", x, dim);
  const int64_t size = x.shape()[axis];
  check(index >= -size && index < size, "select: index ", index, " is outside [", -size, ", ", size - 1,
        "], the range of dimension ", dim, " of ", x.shape());
  return squeeze(sliced(x, axis, {index < 0 ? index + size : index, 1, 1}), axis);
}
const auto& select_row = add_op("select", "one index of a dimension, which goes", [](const Tensors& t) {
                           return select(t[0], 1, -1);
                         }).sample({{2, 3, 2}});

Tensor flip(const Tensor& x, const Dims& dims) {
  kernels::View view = kernels::view_of(x.shape());
  uint32_t seen = 0;
  for (const int64_t dim : dims) {
    const int d = x.shape().axis(dim, "flip");
    check((seen >> d & 1) == 0, "flip: dimension ", dim, " is given twice");
    seen |= 1u << d;
    if (x.numel() == 0 || x.rank() == 0) continue;
    view.offset += (view.sizes[d] - 1) * view.steps[d];
    view.steps[d] = -view.steps[d];
  }
  Tensor y(x.shape(), x.dtype());
  kernels::read_view(x, view, y);
  return record("flip", y, Edge{x, [dims](const Tensor& g) { return flip(g, dims); }});
}
const auto& flip_row = add_op("flip", "dimensions in reverse order", [](const Tensors& t) {
                         return flip(t[0], {0, -1});
                       }).sample({{2, 3, 2}});

namespace {

/// y[i + shift] = x[i] along one dimension, around its end; shift in [0, size).
Tensor rolled(const Tensor& x, int64_t dim, int64_t shift) {
  const Around a = around("roll", x.shape(), dim);
  Tensor y(x.shape(), x.dtype());
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    const int64_t row = a.size * a.inner;
    const int64_t head = shift * a.inner;
    parallel_range(a.outer, row, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        std::memcpy(to + o * row, from + (o + 1) * row - head, static_cast<size_t>(head) * sizeof(T));
        std::memcpy(to + o * row + head, from + o * row, static_cast<size_t>(row - head) * sizeof(T));
      }
    });
  });
  return y;
}

}  // namespace

Tensor roll(const Tensor& x, std::span<const int64_t> shifts, const Dims& dims) {
  if (dims.empty()) {
    check(shifts.size() == 1, "roll: ", shifts.size(), " shifts without dimensions; one is possible");
    return reshape(roll(flatten(x), shifts, {0}), x.shape());
  }
  check(shifts.size() == dims.size(), "roll: ", shifts.size(), " shifts for ", dims.size(), " dimensions");
  Tensor y = x.detach();
  Dims back;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t size = around("roll", x.shape(), dims[i]).size;
    const int64_t shift = size == 0 ? 0 : (shifts[i] % size + size) % size;
    back.push_back(-shift);
    if (x.numel() > 0) y = rolled(y, dims[i], shift);
  }
  return record("roll", y, Edge{x, [back, dims](const Tensor& g) { return roll(g, back, dims); }});
}
const auto& roll_row = add_op("roll", "shifted around the end",
                              [](const Tensors& t) {
                                return roll(t[0], Dims{1, -2}, {0, 1});
                              })
                           .sample({{3, 4}})
                           .sample({{2, 3}}, Domain::any, [](const Tensors& t) { return roll(t[0], Dims{4}); });

namespace {

/// x where keep(column - row) and 0 elsewhere, for each matrix in the last two dimensions.
template <class Keep>
Tensor triangle(const char* op, const Tensor& x, Keep keep) {
  check(x.rank() >= 2, op, ": needs at least 2 dimensions, got ", x.shape());
  const int64_t rows = x.size(-2);
  const int64_t columns = x.size(-1);
  Tensor y(x.shape(), x.dtype());
  if (x.numel() == 0) return y;
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    parallel_range(x.numel() / columns, columns, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t c = 0; c < columns; ++c) to[r * columns + c] = keep(c - r % rows) ? from[r * columns + c] : T(0);
      }
    });
  });
  return y;
}

}  // namespace

Tensor tril(const Tensor& x, int64_t diagonal) {
  return record("tril", triangle("tril", x, [diagonal](int64_t right) { return right <= diagonal; }),
                Edge{x, [diagonal](const Tensor& g) { return tril(g, diagonal); }});
}
const auto& tril_row = add_op("tril", "the lower triangle of matrices", [](const Tensors& t) {
                         return tril(t[0], 1);
                       }).sample({{2, 3, 4}});

Tensor triu(const Tensor& x, int64_t diagonal) {
  return record("triu", triangle("triu", x, [diagonal](int64_t right) { return right >= diagonal; }),
                Edge{x, [diagonal](const Tensor& g) { return triu(g, diagonal); }});
}
const auto& triu_row = add_op("triu", "the upper triangle of matrices", [](const Tensors& t) {
                         return triu(t[0], -1);
                       }).sample({{2, 3, 4}});

namespace {

/// Which elements a diagonal picks: the other dimensions stay, the diagonal comes last.
struct Diagonal {
  kernels::View view;
  Shape shape;
};
Diagonal diagonal_of(const Shape& s, int64_t offset, int dim1, int dim2) {
  kernels::View whole = kernels::view_of(s);
  Diagonal result;
  int64_t sizes[Shape::max_rank];
  size_t rank = 0;
  for (int d = 0; d < s.rank(); ++d) {
    if (d == dim1 || d == dim2) continue;
    result.view.push(s[d], whole.steps[d]);
    sizes[rank++] = s[d];
  }
  const int64_t down = offset < 0 ? (offset < -s[dim1] ? s[dim1] : -offset) : 0;
  const int64_t right = offset > 0 ? std::min(offset, s[dim2]) : 0;
  const int64_t length = std::min(s[dim1] - down, s[dim2] - right);
  result.view.push(length, whole.steps[dim1] + whole.steps[dim2]);
  result.view.offset = down * whole.steps[dim1] + right * whole.steps[dim2];
  sizes[rank++] = length;
  result.shape = Shape(std::span<const int64_t>(sizes, rank));
  return result;
}

/// The transpose of `diagonal`: zeros of `shape`, with g on the diagonal.
Tensor put_diagonal(const Tensor& g, int64_t offset, int dim1, int dim2, const Shape& shape) {
  Tensor y = Tensor::zeros(shape, g.dtype());
  kernels::write_view(g, diagonal_of(shape, offset, dim1, dim2).view, y);
  return record("put_diagonal", y,
                Edge{g, [offset, dim1, dim2](const Tensor& h) { return diagonal(h, offset, dim1, dim2); }});
}

}  // namespace

Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  check(x.rank() >= 2, "diagonal: needs at least 2 dimensions, got ", x.shape());
  const int first = x.shape().axis(dim1, "diagonal");
  const int second = x.shape().axis(dim2, "diagonal");
  check(first != second, "diagonal: dimensions ", dim1, " and ", dim2, " of ", x.shape(), " are the same");
  const Diagonal picked = diagonal_of(x.shape(), offset, first, second);
  Tensor y(picked.shape, x.dtype());
  kernels::read_view(x, picked.view, y);
  return record("diagonal", y, Edge{x, [offset, first, second, s = x.shape()](const Tensor& g) {
                                      return put_diagonal(g, offset, first, second, s);
                                    }});
}
const auto& diagonal_row =
    add_op("diagonal", "a diagonal of two dimensions, as the last one",
           [](const Tensors& t) { return diagonal(t[0], 0, 0, 1); })
        .sample({{3, 3, 2}})
        .sample({{2, 4, 3}}, Domain::any, [](const Tensors& t) { return diagonal(t[0], -1, 1, -1); });

}  // namespace tarn
