// Sums, means and variances over any dimensions.
#include <algorithm>
#include <cmath>

#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

Reduced reduced(const char* op, const Shape& shape, std::span<const int64_t> dims, bool keepdim) {
  Reduced r;
  if (dims.empty()) {
    for (int d = 0; d < shape.rank(); ++d) r.folds[static_cast<size_t>(d)] = true;
  }
  for (const int64_t dim : dims) {
    if (shape.rank() == 0 && (dim == 0 || dim == -1)) continue;
    const auto d = static_cast<size_t>(shape.axis(dim, op));
    check(!r.folds[d], op, ": dimension ", dim, " is given twice for ", shape);
    r.folds[d] = true;
  }
  int64_t kept[Shape::max_rank];
  int64_t result[Shape::max_rank];
  size_t rank = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const bool fold = r.folds[static_cast<size_t>(d)];
    kept[d] = fold ? 1 : shape[d];
    if (fold) r.count *= shape[d];
    if (!fold || keepdim) result[rank++] = kept[d];
  }
  r.kept = Shape(std::span<const int64_t>(kept, static_cast<size_t>(shape.rank())));
  r.result = Shape(std::span<const int64_t>(result, rank));
  return r;
}

Around around(const char* op, const Shape& shape, int64_t dim) {
  if (shape.rank() == 0 && (dim == 0 || dim == -1)) return {};
  const int d = shape.axis(dim, op);
  return {shape.product(0, d), shape[d], shape.product(d + 1, shape.rank())};
}

namespace {

/// The plain sum, off the tape. Sums of int64 wrap.
Tensor total(const Tensor& x, const Reduced& r) {
  return dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    return folded<T>(
        x, r, T(0), [](T v) { return v; }, [](T a, T b) { return wrapping_sum(a, b); });
  });
}

/// The mean, off the tape; NaN where nothing is averaged.
Tensor average(const Tensor& x, const Reduced& r, const char* op) {
  check(x.floating(), op, ": needs floating-point values, got ", x.dtype());
  return map(op, total(x, r), [n = static_cast<double>(r.count)](auto v) { return static_cast<decltype(v)>(v / n); });
}

/// Squared distances from the mean, summed and divided by count - correction, off the tape.
Tensor spread(const Tensor& x, const Reduced& r, bool unbiased, const char* op) {
  const Tensor center = average(x, r, op).viewed(r.kept);
  const Tensor distances = map2(op, x, center, [](auto v, auto m) { return (v - m) * (v - m); });
  const double divisor = static_cast<double>(std::max<int64_t>(0, r.count - (unbiased ? 1 : 0)));
  return map(op, total(distances, r), [divisor](auto v) { return static_cast<decltype(v)>(v / divisor); });
}

/// d var / d x · g for g with the kept dimensions: 2 (x - mean) / (count - correction).
Tensor spread_pullback(const Tensor& g, const Tensor& x, bool unbiased) {
  Dims dims;
  for (int d = 0; d < x.rank(); ++d) {
    if (g.shape()[d] != x.shape()[d]) dims.push_back(d);
  }
  const Tensor center = dims.empty() ? x : mean(x, dims, true);
  const int64_t count = g.numel() == 0 ? 0 : x.numel() / g.numel();
  const double divisor = static_cast<double>(std::max<int64_t>(0, count - (unbiased ? 1 : 0)));
  return g * (x - center) * (2 / divisor);
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced r = reduced("sum", x.shape(), dims, keepdim);
  return record("sum", total(x, r),
                Edge{x, [kept = r.kept, s = x.shape()](const Tensor& g) { return broadcast_to(reshape(g, kept), s); }});
}
const auto& sum_row = add_op("sum", "sum over dimensions", [](const Tensors& t) { return sum(t[0]); })
                          .sample({{2, 3}})
                          .sample({{2, 3, 4}}, Domain::any,
                                  [](const Tensors& t) {
                                    return sum(t[0], {0, 2});
                                  })
                          .sample({{2, 3, 4}}, Domain::any, [](const Tensors& t) { return sum(t[0], {-2}, true); });

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced r = reduced("mean", x.shape(), dims, keepdim);
  return record("mean", average(x, r, "mean"),
                Edge{x, [kept = r.kept, s = x.shape(), n = static_cast<double>(std::max<int64_t>(r.count, 1))](
                            const Tensor& g) { return broadcast_to(reshape(g * (1 / n), kept), s); }});
}
const auto& mean_row = add_op("mean", "mean over dimensions", [](const Tensors& t) { return mean(t[0]); })
                           .sample({{2, 3}})
                           .sample({{2, 3, 4}}, Domain::any, [](const Tensors& t) {
                             return mean(t[0], {0, 2});
                           });

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int extra = x.rank() - shape.rank();
  check(extra >= 0, "sum_to: ", x.shape(), " has fewer dimensions than ", shape);
  Reduced r;
  for (int d = 0; d < x.rank(); ++d) {
    const int64_t size = d < extra ? 1 : shape[d - extra];
    check(size == 1 || size == x.shape()[d], "sum_to: ", shape, " does not broadcast to ", x.shape());
    r.folds[static_cast<size_t>(d)] = d < extra || size != x.shape()[d];
  }
  r.result = shape;
  return record("sum_to", total(x, r), Edge{x, [s = x.shape()](const Tensor& g) { return broadcast_to(g, s); }});
}
const auto& sum_to_row = add_op("sum_to", "sum down to a shape that broadcasts to the input's",
                                [](const Tensors& t) {
                                  return sum_to(t[0], {3, 1});
                                })
                             .sample({{2, 3, 4}})
                             .sample({{5, 3}}, Domain::any, [](const Tensors& t) { return sum_to(t[0], {3}); });

Tensor var(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim) {
  const Reduced r = reduced("var", x.shape(), dims, keepdim);
  return record("var", spread(x, r, unbiased, "var"), Edge{x, [x, kept = r.kept, unbiased](const Tensor& g) {
                                                             return spread_pullback(reshape(g, kept), x, unbiased);
                                                           }});
}
const auto& var_row = add_op("var", "variance over dimensions", [](const Tensors& t) { return var(t[0]); })
                          .sample({{2, 3}})
                          .sample({{2, 3, 4}}, Domain::any, [](const Tensors& t) {
                            return var(t[0], {0, -1}, false, true);
                          });

Tensor standard_deviation(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim) {
  const Reduced r = reduced("standard_deviation", x.shape(), dims, keepdim);
  const Tensor variance = spread(x, r, unbiased, "standard_deviation");
  return record("standard_deviation", map("sqrt", variance, [](auto v) { return std::sqrt(v); }),
                Edge{x, [x, kept = r.kept, unbiased](const Tensor& g, const Tensor& y) {
                       // Where all values are equal the derivative is taken to be 0, as in PyTorch.
                       const Tensor flat = eq(y.detach(), Tensor::zeros({}, y.dtype()));
                       const Tensor half = masked_fill(g, flat, 0) / (masked_fill(y, flat, 1) * 2);
                       return spread_pullback(reshape(half, kept), x, unbiased);
                     }});
}
const auto& standard_deviation_row =
    add_op("standard_deviation", "square root of the variance over dimensions",
           [](const Tensors& t) { return standard_deviation(t[0]); })
        .sample({{2, 3}})
        .sample({{2, 3, 4}}, Domain::any, [](const Tensors& t) { return standard_deviation(t[0], {1}, false); });

}  // namespace tarn
