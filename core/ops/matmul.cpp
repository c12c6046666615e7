// Matrix products: one family, the batched product, whose pullbacks are products again.
#include <algorithm>

#include "core/kernels/gemm.h"
#include "core/ops.h"
#include "core/ops/product.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

Tensor product(const char* op, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check(a.dtype() == b.dtype(), op, ": operands are ", a.dtype(), " and ", b.dtype(), "; convert one of them");
  const int r = a.rank();
  const int64_t rows_a = a.shape()[r - 2];
  const int64_t columns_a = a.shape()[r - 1];
  const int64_t rows_b = b.shape()[r - 2];
  const int64_t columns_b = b.shape()[r - 1];
  const int64_t m = transpose_a ? columns_a : rows_a;
  const int64_t k = transpose_a ? rows_a : columns_a;
  const int64_t n = transpose_b ? rows_b : columns_b;
  const int64_t inner_b = transpose_b ? columns_b : rows_b;
  check(k == inner_b, op, ": ", a.shape(), transpose_a ? "ᵀ" : "", " x ", b.shape(), transpose_b ? "ᵀ" : "",
        ": inner sizes ", k, " and ", inner_b, " differ");
  const int64_t batch_a = r == 3 ? a.shape()[0] : 1;
  const int64_t batch_b = r == 3 ? b.shape()[0] : 1;
  check(batch_a == batch_b || batch_a == 1 || batch_b == 1, op, ": ", a.shape(), " x ", b.shape(), ": batch sizes ",
        batch_a, " and ", batch_b, " differ");
  const int64_t batch = batch_a == 1 ? batch_b : batch_a;
  Tensor y(r == 3 ? Shape{batch, m, n} : Shape{m, n}, a.dtype());
  dispatch_floating(a.dtype(), op, [&](auto t) {
    using T = decltype(t);
    kernels::matrix_products<T>(batch, transpose_a, transpose_b, m, n, k, 1, a.data<T>(), columns_a,
                                batch_a == 1 ? 0 : m * k, b.data<T>(), columns_b, batch_b == 1 ? 0 : k * n, 0,
                                y.fill<T>(), n, m * n);
  });
  return record(op, y,
                Edge{a,
                     [b, op, transpose_a, transpose_b](const Tensor& g) {
                       if (transpose_a) return product(op, b, g, transpose_b, true);
                       return product(op, g, b, false, !transpose_b);
                     }},
                Edge{b, [a, op, transpose_a, transpose_b](const Tensor& g) {
                       if (transpose_b) return product(op, g, a, true, transpose_a);
                       return product(op, a, g, !transpose_a, false);
                     }});
}

Tensor bmm(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check(a.rank() == 3 && b.rank() == 3, "bmm: needs 3 dimensions each, got ", a.shape(), " and ", b.shape());
  check(a.shape()[0] == b.shape()[0], "bmm: ", a.shape(), " x ", b.shape(), ": batch sizes differ");
  return product("bmm", a, b, transpose_a, transpose_b);
}
const auto& bmm_row =
    add_op("bmm", "batched matrix product", [](const Tensors& t) { return bmm(t[0], t[1]); })
        .sample({{2, 3, 4}, {2, 4, 5}})
        .sample({{2, 4, 3}, {2, 5, 4}}, Domain::any, [](const Tensors& t) { return bmm(t[0], t[1], true, true); })
        .sample({{2, 4, 3}, {2, 4, 2}}, Domain::any, [](const Tensors& t) { return bmm(t[0], t[1], true, false); })
        .sample({{2, 3, 4}, {2, 2, 4}}, Domain::any, [](const Tensors& t) { return bmm(t[0], t[1], false, true); });

Tensor mm(const Tensor& a, const Tensor& b) {
  check(a.rank() == 2 && b.rank() == 2, "mm: needs two matrices, got ", a.shape(), " and ", b.shape());
  return product("mm", a, b, false, false);
}
const auto& mm_row =
    add_op("mm", "matrix product", [](const Tensors& t) { return mm(t[0], t[1]); }).sample({{2, 3}, {3, 4}});

Tensor mv(const Tensor& a, const Tensor& b) {
  check(a.rank() == 2 && b.rank() == 1, "mv: needs a matrix and a vector, got ", a.shape(), " and ", b.shape());
  return reshape(product("mv", a, reshape(b, Shape{b.numel(), 1}), false, false), Shape{a.shape()[0]});
}
const auto& mv_row =
    add_op("mv", "matrix times vector", [](const Tensors& t) { return mv(t[0], t[1]); }).sample({{2, 3}, {3}});

Tensor dot(const Tensor& a, const Tensor& b) {
  check(a.rank() == 1 && b.rank() == 1, "dot: needs two vectors, got ", a.shape(), " and ", b.shape());
  const int64_t n = a.numel();
  return reshape(product("dot", reshape(a, Shape{1, n}), reshape(b, Shape{b.numel(), 1}), false, false), Shape{});
}
const auto& dot_row =
    add_op("dot", "inner product of two vectors", [](const Tensors& t) { return dot(t[0], t[1]); }).sample({{4}, {4}});

Tensor outer(const Tensor& a, const Tensor& b) {
  check(a.rank() == 1 && b.rank() == 1, "outer: needs two vectors, got ", a.shape(), " and ", b.shape());
  return reshape(a, Shape{a.numel(), 1}) * reshape(b, Shape{1, b.numel()});
}
const auto& outer_row = add_op("outer", "outer product of two vectors", [](const Tensors& t) {
                          return outer(t[0], t[1]);
                        }).sample({{2}, {3}});

namespace {

/// Leading sizes of both operands broadcast, with the given last ones behind.
Shape leading(const Shape& a, const Shape& b, int64_t rows, int64_t columns) {
  const auto batch = [](const Shape& s) {
    return Shape(std::span<const int64_t>(s.begin(), static_cast<size_t>(std::max(0, s.rank() - 2))));
  };
  const Shape both = broadcast(batch(a), batch(b), "matmul");
  int64_t sizes[Shape::max_rank];
  std::copy(both.begin(), both.end(), sizes);
  sizes[both.rank()] = rows;
  sizes[both.rank() + 1] = columns;
  return Shape(std::span<const int64_t>(sizes, static_cast<size_t>(both.rank()) + 2));
}

/// x [..., r, c] as [batch, r, c] or, where its leading sizes are all 1, as [1, r, c].
Tensor batched(const Tensor& x, const Shape& result) {
  const int64_t r = x.size(-2);
  const int64_t c = x.size(-1);
  if (x.shape().product(0, x.rank() - 2) == 1) return reshape(x, Shape{1, r, c});
  const int lead = result.rank() - 2;
  const Tensor full = broadcast_to(x, result.with(lead, r).with(lead + 1, c));
  return reshape(full, Shape{result.product(0, lead), r, c});
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check(a.rank() > 0 && b.rank() > 0, "matmul: ", a.shape(), " x ", b.shape(), ": scalars are not matrices; use mul");
  if (a.rank() == 1 && b.rank() == 1) return dot(a, b);
  if (a.rank() == 1) {
    const Tensor y = matmul(reshape(a, Shape{1, a.numel()}), b);
    return squeeze(y, -2);
  }
  if (b.rank() == 1) return squeeze(matmul(a, reshape(b, Shape{b.numel(), 1})), -1);
  if (a.rank() == 2 && b.rank() == 2) return product("matmul", a, b, false, false);
  const int64_t m = a.size(-2);
  const int64_t k = a.size(-1);
  const int64_t n = b.size(-1);
  check(k == b.size(-2), "matmul: ", a.shape(), " x ", b.shape(), ": inner sizes ", k, " and ", b.size(-2), " differ");
  if (b.rank() == 2) {  // one large product
    const Tensor rows = reshape(a, Shape{a.shape().product(0, a.rank() - 1), k});
    return reshape(product("matmul", rows, b, false, false), a.shape().with(a.rank() - 1, n));
  }
  const Shape result = leading(a.shape(), b.shape(), m, n);
  const Tensor y = product("matmul", batched(a, result), batched(b, result), false, false);
  return reshape(y, result);
}
const auto& matmul_row = add_op("matmul", "torch.matmul: products of every pairing of ranks",
                                [](const Tensors& t) { return matmul(t[0], t[1]); })
                             .sample({{3}, {3}})
                             .sample({{2, 3}, {3}})
                             .sample({{3}, {2, 3, 4}})
                             .sample({{2, 3, 4}, {4, 2}})
                             .sample({{3, 4}, {2, 4, 3}})
                             .sample({{2, 1, 2, 3}, {3, 3, 2}});

namespace {

/// beta · c + alpha · ab, where c broadcasts to ab; with beta 0 nothing of c counts, NaN neither.
Tensor scaled_sum(const char* op, const Tensor& c, const Tensor& ab, double beta, double alpha) {
  check(broadcast(c.shape(), ab.shape(), op) == ab.shape(), op, ": ", c.shape(), " does not broadcast to ", ab.shape());
  const Tensor left = beta == 0 ? masked_fill(c, Tensor::ones({}, c.dtype()), 0) : beta == 1 ? c : c * beta;
  return left + (alpha == 1 ? ab : ab * alpha);
}

}  // namespace

Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, double beta, double alpha) {
  check(a.rank() == 2 && b.rank() == 2, "addmm: needs two matrices, got ", a.shape(), " and ", b.shape());
  return scaled_sum("addmm", c, product("addmm", a, b, false, false), beta, alpha);
}
const auto& addmm_row =
    add_op("addmm", "beta · c + alpha · a b", [](const Tensors& t) { return addmm(t[0], t[1], t[2], 0.5, -2); })
        .sample({{3, 2}, {3, 4}, {4, 2}})
        .sample({{2}, {3, 4}, {4, 2}});

Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, double beta, double alpha) {
  return scaled_sum("baddbmm", c, bmm(a, b), beta, alpha);
}
const auto& baddbmm_row = add_op("baddbmm", "beta · c + alpha · a b in batches", [](const Tensors& t) {
                            return baddbmm(t[0], t[1], t[2], 0.3, 1.5);
                          }).sample({{2, 3, 2}, {2, 3, 4}, {2, 4, 2}});

}  // namespace tarn
