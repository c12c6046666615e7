// Sorting and choosing the first few; equal values keep their order, NaN counts as the largest.
#include <algorithm>
#include <vector>

#include "core/decisions.h"
#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/parallel.h"
#include "core/registry.h"

namespace tarn {

namespace {

template <class T>
struct Item {
  T value;
  int64_t at;
};

/// Positions of the first k values of each line along dim.
template <class T>
void order_lines(const Tensor& x, const Around& a, int64_t k, bool descending, Tensor& index) {
  const T* from = x.data<T>();
  int64_t* to = index.fill<int64_t>();
  const auto before = [descending](const Item<T>& p, const Item<T>& q) {
    const T& low = descending ? q.value : p.value;
    const T& high = descending ? p.value : q.value;
    if (low < high || (high != high && low == low)) return true;
    if (high < low || (low != low && high == high)) return false;
    return p.at < q.at;
  };
  parallel_range(a.outer * a.inner, a.size * 100, [&](int64_t begin, int64_t end) {
    std::vector<Item<T>> items(static_cast<size_t>(a.size));
    for (int64_t line = begin; line < end; ++line) {
      const int64_t o = line / a.inner;
      const int64_t i = line % a.inner;
      for (int64_t j = 0; j < a.size; ++j) items[static_cast<size_t>(j)] = {from[(o * a.size + j) * a.inner + i], j};
      std::partial_sort(items.begin(), items.begin() + k, items.end(), before);
      for (int64_t j = 0; j < k; ++j) to[(o * k + j) * a.inner + i] = items[static_cast<size_t>(j)].at;
    }
  });
}

Extreme ordered(const char* op, const Tensor& x, int64_t k, int64_t dim, bool descending) {
  const Around a = around(op, x.shape(), dim);
  Tensor index(x.rank() == 0 ? x.shape() : x.shape().with(x.shape().axis(dim, op), k), Dtype::i64);
  if (index.numel() > 0) dispatch(x.dtype(), [&](auto t) { order_lines<decltype(t)>(x, a, k, descending, index); });
  if (Decisions* watch = x.floating() ? Decisions::current() : nullptr) index = watch->choose(op, index);
  return {gather(x, dim, index), index};
}

}  // namespace

Extreme sort(const Tensor& x, int64_t dim, bool descending) {
  return ordered("sort", x, around("sort", x.shape(), dim).size, dim, descending);
}
const auto& sort_row =
    add_op("sort", "ordered along a dimension", [](const Tensors& t) { return sort(t[0]).values; })
        .sample({{2, 4}}, Domain::away_from_ties)
        .sample({{3, 2}}, Domain::away_from_ties, [](const Tensors& t) { return sort(t[0], 0, true).values; });

Extreme topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  const int64_t size = around("topk", x.shape(), dim).size;
  check(k >= 0 && k <= size, "topk: k = ", k, " is outside [0, ", size, "], the size of dimension ", dim, " of ",
        x.shape());
  check(x.rank() > 0 || k == 1, "topk: a scalar has one value");
  return ordered("topk", x, k, dim, largest);
}
const auto& topk_row = add_op("topk", "the k largest or smallest along a dimension", [](const Tensors& t) {
                         return topk(t[0], 2).values;
                       }).sample({{2, 4}}, Domain::away_from_ties);

}  // namespace tarn
