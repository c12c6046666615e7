// Questions to all elements of a dimension: how many are not zero, are all, is any. Results are int64; not
// differentiable.
#include "core/ops.h"
#include "core/ops/reduced.h"

namespace tarn {

namespace {

Tensor nonzeros(const Tensor& x, const Reduced& r) {
  return dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    return folded<T>(
        x, r, int64_t{0}, [](T v) { return int64_t{v != T(0)}; }, [](int64_t a, int64_t b) { return a + b; });
  });
}

Reduced over(const char* op, const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  const int64_t one[] = {dim.value_or(0)};
  return reduced(op, x.shape(), dim ? std::span<const int64_t>(one) : std::span<const int64_t>(), keepdim);
}

/// 1 where the number of non-zeros is at least `least`, else 0.
Tensor at_least(Tensor counts, int64_t least) {
  int64_t* n = counts.fill<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) n[i] = n[i] >= least ? 1 : 0;
  return counts;
}

}  // namespace

Tensor all(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  const Reduced r = over("all", x, dim, keepdim);
  return at_least(nonzeros(x, r), r.count);
}

Tensor any(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return at_least(nonzeros(x, over("any", x, dim, keepdim)), 1);
}

Tensor count_nonzero(const Tensor& x, std::optional<int64_t> dim) {
  return nonzeros(x, over("count_nonzero", x, dim, false));
}

}  // namespace tarn
