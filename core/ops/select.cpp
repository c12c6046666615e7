// Slices of a dimension at positions given by an int64 row: selecting, adding, and tables of rows.
#include <algorithm>
#include <cstring>

#include "core/ops.h"
#include "core/ops/positions.h"
#include "core/ops/reduced.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {

namespace {

/// Throws unless `index` is a row of positions in [0, size).
void check_row(const char* op, const Tensor& index, int64_t size) {
  check_index(op, index);
  check(index.rank() <= 1, op, ": the index must have one dimension, got ", index.shape());
  check_range(op, index, 0, size);
}

/// The transpose of `index_select`: zeros of `shape`, with the slices of g added at the index.
Tensor spread_rows(const Tensor& g, int64_t dim, const Tensor& index, const Shape& shape) {
  const Around a = around("index_add", shape, dim);
  const int64_t count = index.numel();
  Tensor y = Tensor::zeros(shape, g.dtype());
  dispatch(g.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.fill<T>();
    parallel_range(a.outer, count * a.inner * 2, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        for (int64_t k = 0; k < count; ++k) {
          const T* row = from + (o * count + k) * a.inner;
          T* sum = to + (o * a.size + at[k]) * a.inner;
          for (int64_t i = 0; i < a.inner; ++i) sum[i] = wrapping_sum(sum[i], row[i]);
        }
      }
    });
  });
  return record("spread_rows", y, Edge{g, [dim, index](const Tensor& h) { return index_select(h, dim, index); }});
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  const Around a = around("index_select", x.shape(), dim);
  check_row("index_select", index, a.size);
  const int64_t count = index.numel();
  check(x.rank() > 0 || count == 1, "index_select: ", count, " positions of a scalar; one is possible");
  Tensor y(x.rank() == 0 ? x.shape() : x.shape().with(x.shape().axis(dim, "index_select"), count), x.dtype());
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.fill<T>();
    if (y.numel() == 0) return;
    parallel_range(a.outer * count, a.inner + 4, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* row = from + (r / count * a.size + at[r % count]) * a.inner;
        if (a.inner == 1)
          to[r] = *row;
        else
          std::memcpy(to + r * a.inner, row, static_cast<size_t>(a.inner) * sizeof(T));
      }
    });
  });
  return record("index_select", y,
                Edge{x, [dim, index, s = x.shape()](const Tensor& g) { return spread_rows(g, dim, index, s); }});
}
const auto& index_select_row =
    add_op("index_select", "the slices of a dimension at an index",
           [](const Tensors& t) {
             return index_select(t[0], 0, Tensor(Shape{4}, std::vector<int64_t>{2, 0, 2, 1}));
           })
        .sample({{3, 2}})
        .sample({{2, 3}}, Domain::any, [](const Tensors& t) {
          return index_select(t[0], -1, Tensor(Shape{2}, std::vector<int64_t>{1, 1}));
        });

Tensor repeat_interleave(const Tensor& x, int64_t repeats, int64_t dim) {
  check(repeats >= 0, "repeat_interleave: ", repeats, " repeats");
  const Around a = around("repeat_interleave", x.shape(), dim);
  check(a.size == 0 || repeats <= (int64_t{1} << 46) / a.size, "repeat_interleave: ", repeats, " repeats of size ",
        a.size, " are out of range");
  Tensor index(Shape{a.size * repeats}, Dtype::i64);
  int64_t* at = index.fill<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) at[i] = i / repeats;
  return index_select(x.rank() == 0 ? reshape(x, Shape{1}) : x, dim, index);
}
const auto& repeat_interleave_row =
    add_op("repeat_interleave", "each slice of a dimension several times in a row", [](const Tensors& t) {
      return repeat_interleave(t[0], 2, 0);
    }).sample({{3, 2}});

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, double alpha) {
  const Around a = around("index_add", x.shape(), dim);
  check_row("index_add", index, a.size);
  check(x.dtype() == source.dtype(), "index_add: x is ", x.dtype(), " and the source ", source.dtype());
  const Shape want = x.rank() == 0 ? index.shape() : x.shape().with(x.shape().axis(dim, "index_add"), index.numel());
  check(source.shape() == want || (source.numel() == 1 && want.numel() == 1), "index_add: the source is ",
        source.shape(), "; ", index.numel(), " positions in ", x.shape(), " need ", want);
  const Tensor sums = spread_rows(source, dim, index, x.shape());
  return x + (alpha == 1 ? sums : sums * alpha);
}
const auto& index_add_row = add_op("index_add", "x with slices added at an index of a dimension", [](const Tensors& t) {
                              return index_add(t[0], 0, Tensor(Shape{3}, std::vector<int64_t>{1, 0, 1}), t[1], -2);
                            }).sample({{2, 3}, {3, 3}});

namespace {

/// The index's shape with one more dimension.
Shape with_last(const char* op, const Shape& s, int64_t size) {
  check(s.rank() < Shape::max_rank, op, ": the index ", s, " has too many dimensions; at most ", Shape::max_rank - 1);
  int64_t sizes[Shape::max_rank];
  std::copy(s.begin(), s.end(), sizes);
  sizes[s.rank()] = size;
  return Shape(std::span<const int64_t>(sizes, static_cast<size_t>(s.rank()) + 1));
}

/// One over how often each position occurs in the row, as [n, 1].
Tensor one_over_occurrences(const Tensor& flat, int64_t rows, Dtype dtype) {
  std::vector<int64_t> counts(static_cast<size_t>(rows));
  const int64_t* at = flat.data<int64_t>();
  for (int64_t i = 0; i < flat.numel(); ++i) ++counts[static_cast<size_t>(at[i])];
  std::vector<double> scale;
  for (int64_t i = 0; i < flat.numel(); ++i)
    scale.push_back(1.0 / static_cast<double>(counts[static_cast<size_t>(at[i])]));
  return Tensor(Shape{flat.numel(), 1}, scale).to(dtype);
}

}  // namespace

Tensor one_hot(const Tensor& index, int64_t classes) {
  check_index("one_hot", index);
  const int64_t* at = index.data<int64_t>();
  const int64_t n = index.numel();
  if (classes < 0) {
    check(n > 0, "one_hot: the number of classes cannot be told from an empty tensor");
    const int64_t most = *std::max_element(at, at + n);
    check(most < int64_t{1} << 46, "one_hot: class ", most, " is out of range");
    classes = most + 1;
  }
  check(classes > 0 || n == 0, "one_hot: ", classes, " classes; at least 1 is needed");
  check_range("one_hot", index, 0, classes);
  Tensor y = Tensor::zeros(with_last("one_hot", index.shape(), classes), Dtype::i64);
  int64_t* to = y.fill<int64_t>();
  for (int64_t i = 0; i < n; ++i) to[i * classes + at[i]] = 1;
  return y;
}

Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<int64_t> padding_idx,
                 bool scale_grad_by_freq) {
  check_index("embedding", index);
  check(weight.rank() == 2, "embedding: the table needs 2 dimensions, got ", weight.shape());
  const int64_t rows = weight.shape()[0];
  const int64_t width = weight.shape()[1];
  check(!padding_idx || (*padding_idx >= -rows && *padding_idx < rows), "embedding: padding_idx ",
        padding_idx.value_or(0), " is outside [", -rows, ", ", rows - 1, "]");
  check_range("embedding", index, 0, rows);
  const Shape shape = with_last("embedding", index.shape(), width);
  const Tensor flat = index.detach().viewed({index.numel()});
  // -1 stands for no padding: no position is negative.
  const int64_t skipped = padding_idx ? (*padding_idx + rows) % rows : -1;
  return record("embedding", index_select(weight.detach(), 0, flat).viewed(shape),
                Edge{weight, [flat, skipped, scale_grad_by_freq, s = weight.shape()](const Tensor& g) {
                       Tensor slices = reshape(g, Shape{flat.numel(), s[1]});
                       const Shape column{flat.numel(), 1};
                       if (skipped >= 0)
                         slices =
                             masked_fill(slices, eq(flat.viewed(column), Tensor(Shape{}, std::vector{skipped})), 0);
                       if (scale_grad_by_freq) slices = slices * one_over_occurrences(flat, s[0], g.dtype());
                       return spread_rows(slices, 0, flat, s);
                     }});
}
const auto& embedding_row = add_op("embedding", "rows of a table", [](const Tensors& t) {
                              return embedding(Tensor(Shape{2, 2}, std::vector<int64_t>{1, 0, 1, 2}), t[0]);
                            }).sample({{3, 2}});

Tensor embedding_renorm(const Tensor& weight, const Tensor& index, double max_norm, double norm_type) {
  check_index("embedding_renorm", index);
  check(weight.rank() == 2, "embedding_renorm: the table needs 2 dimensions, got ", weight.shape());
  check_range("embedding_renorm", index, 0, weight.shape()[0]);
  const NoRecord off;
  Tensor factors = Tensor::ones({weight.shape()[0], 1}, weight.dtype());
  const Tensor norms = norm(weight, norm_type, {1});
  dispatch_floating(weight.dtype(), "embedding_renorm", [&](auto t) {
    using T = decltype(t);
    const int64_t* at = index.data<int64_t>();
    T* factor = factors.fill<T>();
    for (int64_t i = 0; i < index.numel(); ++i) {
      const T length = norms.data<T>()[at[i]];
      if (length > static_cast<T>(max_norm)) factor[at[i]] = static_cast<T>(max_norm) / (length + T(1e-7));
    }
  });
  return weight * factors;
}

}  // namespace tarn
