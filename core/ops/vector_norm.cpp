// Norms and what is made of them, and the logarithm of a sum of exponentials.
#include <cmath>
#include <limits>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// The norm's value for a finite p, off the tape.
Tensor norm_value(const Tensor& x, double p, const Reduced& r) {
  return dispatch_floating(x.dtype(), "norm", [&](auto t) {
    using T = decltype(t);
    const auto plus = [](T a, T b) { return a + b; };
    if (p == 0)
      return folded<T>(
          x, r, T(0), [](T v) { return v != T(0) ? T(1) : T(0); }, plus);
    if (p == 1)
      return folded<T>(
          x, r, T(0), [](T v) { return std::abs(v); }, plus);
    if (p == 2)
      return map("norm",
                 folded<T>(
                     x, r, T(0), [](T v) { return v * v; }, plus),
                 [](auto v) { return std::sqrt(v); });
    const Tensor total = folded<T>(
        x, r, T(0), [q = static_cast<T>(p)](T v) { return std::pow(std::abs(v), q); }, plus);
    return map("norm", total, [q = 1 / p](auto v) { return std::pow(v, static_cast<decltype(v)>(q)); });
  });
}

Tensor is_zero(const Tensor& x) {
  return eq(x.detach(), Tensor::zeros({}, x.dtype()));
}

/// d norm / d x · g, g and y with the kept dimensions: sign(x) |x|^(p-1) / y^(p-1), and 0 where x or y is 0.
Tensor norm_pullback(const Tensor& g, const Tensor& x, const Tensor& y, double p) {
  if (p == 0) return Tensor::zeros(x.shape(), x.dtype());
  if (p == 1) return g * sign(x);
  const Tensor norms = masked_fill(y, is_zero(y), 1);
  if (p == 2) return x * (g / norms);
  const Tensor zeros = is_zero(x);
  const Tensor sizes = masked_fill(abs(x), zeros, 1);  // at 0 a power may have no derivative
  const Tensor powers = p > 2 ? x * masked_fill(pow(sizes, p - 2), zeros, 0) : sign(x) * pow(sizes, p - 1);
  return powers * (g * pow(norms, 1 - p));
}

}  // namespace

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  check(!std::isnan(p), "norm: p is NaN");
  const Reduced r = reduced("norm", x.shape(), dims, keepdim);
  if (r.count == 0) return sum(abs(x), dims, keepdim);  // 0, also where there is no largest value
  if (std::isinf(p)) return p > 0 ? amax(abs(x), dims, keepdim) : amin(abs(x), dims, keepdim);
  Tensor value = norm_value(x, p, r);
  if (Decisions* watch = p == 1 ? Decisions::current() : nullptr) {
    const Tensor sizes = abs(x.detach());  // reports the signs
    if (watch->follows()) value = sum(sizes, dims, keepdim);
  }
  return record("norm", value, Edge{x, [x, p, kept = r.kept](const Tensor& g, const Tensor& y) {
                                      return norm_pullback(reshape(g, kept), x, reshape(y, kept), p);
                                    }});
}
const auto& norm_row =
    add_op("norm", "p-norm over dimensions", [](const Tensors& t) { return norm(t[0]); })
        .sample({{2, 3}})
        .sample({{2, 3}}, Domain::away_from_zero, [](const Tensors& t) { return norm(t[0], 1, {1}); })
        .sample({{2, 3}}, Domain::away_from_zero, [](const Tensors& t) { return norm(t[0], 3, {0}); })
        .sample({{2, 3}}, Domain::away_from_zero, [](const Tensors& t) { return norm(t[0], 0.5, {-1}, true); })
        .sample({{2, 3}}, Domain::away_from_ties,
                [](const Tensors& t) { return norm(t[0], std::numeric_limits<double>::infinity(), {1}); });

Tensor normalize(const Tensor& x, double p, int64_t dim, double eps) {
  return x / clamp(norm(x, p, {dim}, true), eps, {});
}
const auto& normalize_row = add_op("normalize", "divided by the norm along a dimension", [](const Tensors& t) {
                              return normalize(t[0]);
                            }).sample({{2, 3}});

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int64_t dim, double eps) {
  const Shape both = broadcast(a.shape(), b.shape(), "cosine_similarity");
  both.axis(dim, "cosine_similarity");
  const Tensor left = broadcast_to(a, both);
  const Tensor right = broadcast_to(b, both);
  return sum(normalize(left, 2, dim, eps) * normalize(right, 2, dim, eps), {dim});
}
const auto& cosine_similarity_row = add_op("cosine_similarity", "cosine of the angle between vectors along a dimension",
                                           [](const Tensors& t) { return cosine_similarity(t[0], t[1]); })
                                        .sample({{2, 3}, {2, 3}})
                                        .sample({{2, 3}, {3}});

Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
  const Tensor d = a - b + eps;
  return norm(d, p, d.rank() > 0 ? Dims{-1} : Dims{}, keepdim);
}
const auto& pairwise_distance_row = add_op("pairwise_distance", "norm of the difference along the last dimension",
                                           [](const Tensors& t) { return pairwise_distance(t[0], t[1]); })
                                        .sample({{2, 3}, {2, 3}})
                                        .sample({{2, 2, 3}, {3}}, Domain::any, [](const Tensors& t) {
                                          return pairwise_distance(t[0], t[1], 3, 0, true);
                                        });

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced r = reduced("logsumexp", x.shape(), dims, keepdim);
  if (r.count == 0) {  // the logarithm of nothing
    return record("logsumexp", Tensor::full(r.result, -std::numeric_limits<double>::infinity(), x.dtype()),
                  Edge{x, [s = x.shape(), dtype = x.dtype()](const Tensor&) { return Tensor::zeros(s, dtype); }});
  }
  // Nothing overflows once the largest value is taken out; infinite ones stay, or they would leave NaN.
  const Tensor off = x.detach();
  const Tensor largest = amax(off, dims, true);
  const Tensor shift = map("logsumexp", largest, [](auto v) { return std::isinf(v) ? decltype(v)(0) : v; });
  const Tensor total = sum_to(exp(off - shift), r.kept);
  const Tensor y = map2("logsumexp", total, shift, [](auto s, auto m) { return std::log(s) + m; });
  // In a row of nothing but -inf the derivative is NaN, as in PyTorch.
  return record("logsumexp", y.viewed(r.result), Edge{x, [x, kept = r.kept](const Tensor& g, const Tensor& out) {
                                                        return reshape(g, kept) * exp(x - reshape(out, kept));
                                                      }});
}
const auto& logsumexp_row =
    add_op("logsumexp", "log of the sum of exp over dimensions", [](const Tensors& t) { return logsumexp(t[0], {1}); })
        .sample({{2, 3}})
        .sample({{2, 3, 2}}, Domain::any, [](const Tensors& t) {
          return logsumexp(t[0], {0, -1}, true);
        });

}  // namespace tarn
