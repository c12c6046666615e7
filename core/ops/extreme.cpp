// Largest and smallest values, and where they are. NaN counts as the most extreme.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/reduced.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {

namespace {

/// Whether b goes before a as the extreme; a NaN in a is never replaced, a NaN in b always wins.
struct Larger {
  template <class T>
  static constexpr bool better(T b, T a) {
    return b > a;
  }
  template <class T>
  static constexpr T worst() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::lowest();
  }
};
struct Smaller {
  template <class T>
  static constexpr bool better(T b, T a) {
    return b < a;
  }
  template <class T>
  static constexpr T worst() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
};

/// The extreme values, off the tape.
template <class Order>
Tensor extremes(const char* op, const Tensor& x, const Reduced& r) {
  check(r.count > 0 || r.result.numel() == 0, op, ": no elements to choose from in ", x.shape());
  return dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    return folded<T>(
        x, r, Order::template worst<T>(), [](T v) { return v; },
        [](T a, T b) { return Order::better(b, a) || b != b ? b : a; });
  });
}

/// 1 where x equals its extreme, 0 elsewhere, divided by how often that is. Off the tape. NaN equals NaN where asked;
/// else it equals nothing and the share is NaN.
Tensor shares(const char* op, const Tensor& x, const Tensor& extreme, bool nan_equal) {
  const Tensor ties = map2(op, x, extreme, [nan_equal](auto v, auto e) {
    using T = decltype(v);
    return v == e || (nan_equal && v != v && e != e) ? T(1) : T(0);
  });
  return ties / sum_to(ties, extreme.shape());
}

/// The mean of the elements that were among the extremes in an earlier evaluation.
Tensor mean_of_chosen(const Tensor& x, const Tensor& chosen, const Reduced& r) {
  const Tensor mask = chosen.to(x.dtype());
  return (sum_to(x * mask, r.kept) / sum_to(mask, r.kept)).detach().viewed(r.result);
}

/// As in PyTorch, NaNs share the cotangent of a maximum over everything, but make that of `amax` NaN.
template <class Order>
Tensor extreme_of(const char* op, const Tensor& x, const Reduced& r, bool nan_equal) {
  Tensor y = extremes<Order>(op, x, r);
  if (!x.floating()) return y;
  if (Decisions* watch = Decisions::current()) {
    const Tensor share = shares(op, x.detach(), y.viewed(r.kept), nan_equal);
    const NoRecord quiet;
    const Tensor chosen = watch->choose(op, ne(share, Tensor::zeros({}, share.dtype())));
    if (watch->follows()) y = mean_of_chosen(x.detach(), chosen, r);
  }
  return record(op, y, Edge{x, [x, op, nan_equal, kept = r.kept](const Tensor& g, const Tensor& out) {
                              return reshape(g, kept) * shares(op, x.detach(), out.detach().viewed(kept), nan_equal);
                            }});
}

/// Numbers of rows fit the elements' width, so that compare and choose are vectors of one kind.
template <class T>
using Count = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

/// First positions of the extremes down `size` rows of `width` elements, side by side.
template <class Order, class T>
TARN_KERNEL void positions_across(const T* x, int64_t size, int64_t width, int64_t* at) {
  constexpr int64_t tile = 256;
  T best[tile];
  Count<T> where[tile];
  for (int64_t left = 0; left < width; left += tile) {
    const int64_t w = std::min(tile, width - left);
    for (int64_t i = 0; i < w; ++i) {
      best[i] = x[left + i];
      where[i] = 0;
    }
    for (int64_t k = 1; k < size; ++k) {
      const T* row = x + k * width + left;
      for (int64_t i = 0; i < w; ++i) {
        const T v = row[i];
        const bool replaces = Order::better(v, best[i]) | ((v != v) & (best[i] == best[i]));
        best[i] = replaces ? v : best[i];
        where[i] = replaces ? static_cast<Count<T>>(k) : where[i];
      }
    }
    for (int64_t i = 0; i < w; ++i) at[left + i] = where[i];
  }
}

/// The same for contiguous lines: several short ones are turned into columns first (the call is not inlined, or GCC
/// unrolls it into branches); of a long one the extreme comes first and is then looked for.
template <class Order, class T>
TARN_KERNEL void positions_along(const T* x, int64_t lines, int64_t size, int64_t* at) {
  constexpr int64_t group = 32;
  constexpr int64_t longest = 128;
  int64_t line = 0;
  if (size <= longest) {
    T columns[group * longest];
    for (; line + group <= lines; line += group) {
      for (int64_t l = 0; l < group; ++l) {
        for (int64_t k = 0; k < size; ++k) columns[k * group + l] = x[(line + l) * size + k];
      }
      positions_across<Order>(columns, size, group, at + line);
    }
  }
  for (; line < lines; ++line) {
    const T* row = x + line * size;
    const T best = kernels::fold_lanes<32>(
        row, size, Order::template worst<T>(), [](T v) { return v; },
        [](T a, T b) { return Order::better(b, a) || b != b ? b : a; });
    int64_t k = 0;
    if (best == best)
      while (k + 1 < size && row[k] != best) ++k;
    else
      while (k + 1 < size && row[k] == row[k]) ++k;
    at[line] = k;
  }
}

/// The positions, or, where an earlier evaluation is followed, its positions.
Tensor chosen_positions(const char* op, const Tensor& x, const Tensor& index) {
  Decisions* watch = x.floating() ? Decisions::current() : nullptr;
  return watch ? watch->choose(op, index) : index;
}

/// First positions of the extremes along `dim`, which keeps size 1.
template <class Order>
Tensor positions(const char* op, const Tensor& x, int64_t dim) {
  const Around a = around(op, x.shape(), dim);
  const Shape shape = x.rank() == 0 ? x.shape() : x.shape().with(x.shape().axis(dim, op), 1);
  check(a.size > 0 || shape.numel() == 0, op, ": no elements to choose from in dimension ", dim, " of ", x.shape());
  Tensor index(shape, Dtype::i64);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    int64_t* to = index.fill<int64_t>();
    check(a.inner == 1 || a.size <= std::numeric_limits<Count<T>>::max(), op, ": dimension ", dim, " of ", x.shape(),
          " is too large");
    parallel_range(a.outer, a.size * a.inner * 2, [&](int64_t begin, int64_t end) {
      if (a.inner == 1) {
        positions_along<Order>(from + begin * a.size, end - begin, a.size, to + begin);
        return;
      }
      for (int64_t o = begin; o < end; ++o)
        positions_across<Order>(from + o * a.size * a.inner, a.size, a.inner, to + o * a.inner);
    });
  });
  return chosen_positions(op, x, index);
}

/// Without the dimension of size 1, unless it is kept.
Tensor dropped(const Tensor& x, int64_t dim, bool keepdim) {
  return keepdim || x.rank() == 0 ? x : squeeze(x, dim);
}

template <class Order>
Extreme along(const char* op, const Tensor& x, int64_t dim, bool keepdim) {
  const Tensor index = positions<Order>(op, x, dim);
  return {dropped(gather(x, dim, index), dim, keepdim), dropped(index, dim, keepdim)};
}

template <class Order>
Tensor argument(const char* op, const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  if (dim) return dropped(positions<Order>(op, x, *dim), *dim, keepdim);
  check(x.numel() > 0, op, ": no elements to choose from in ", x.shape());
  const Tensor flat = positions<Order>(op, x.detach().viewed({x.numel()}), 0);
  return flat.viewed(keepdim ? reduced(op, x.shape(), {}, true).result : Shape{});
}

}  // namespace

Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme_of<Larger>("amax", x, reduced("amax", x.shape(), dims, keepdim), false);
}
const auto& amax_row =
    add_op("amax", "largest value over dimensions; ties share", [](const Tensors& t) { return amax(t[0]); })
        .sample({{2, 3}}, Domain::away_from_ties)
        .sample({{2, 3, 4}}, Domain::away_from_ties, [](const Tensors& t) {
          return amax(t[0], {0, 2});
        });

Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme_of<Smaller>("amin", x, reduced("amin", x.shape(), dims, keepdim), false);
}
const auto& amin_row =
    add_op("amin", "smallest value over dimensions; ties share", [](const Tensors& t) { return amin(t[0]); })
        .sample({{2, 3}}, Domain::away_from_ties)
        .sample({{2, 3, 4}}, Domain::away_from_ties, [](const Tensors& t) { return amin(t[0], {1}, true); });

Tensor max(const Tensor& x) {
  return extreme_of<Larger>("max", x, reduced("max", x.shape(), {}, false), true);
}
Tensor min(const Tensor& x) {
  return extreme_of<Smaller>("min", x, reduced("min", x.shape(), {}, false), true);
}

Extreme max(const Tensor& x, int64_t dim, bool keepdim) {
  return along<Larger>("max", x, dim, keepdim);
}
const auto& max_row = add_op("max", "largest value along a dimension; the first one gets the gradient",
                             [](const Tensors& t) { return max(t[0], 1).values; })
                          .sample({{3, 4}}, Domain::away_from_ties)
                          .sample({{2, 3}}, Domain::away_from_ties, [](const Tensors& t) { return max(t[0]); });

Extreme min(const Tensor& x, int64_t dim, bool keepdim) {
  return along<Smaller>("min", x, dim, keepdim);
}
const auto& min_row = add_op("min", "smallest value along a dimension; the first one gets the gradient",
                             [](const Tensors& t) { return min(t[0], 0, true).values; })
                          .sample({{3, 4}}, Domain::away_from_ties)
                          .sample({{2, 3}}, Domain::away_from_ties, [](const Tensors& t) { return min(t[0]); });

Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return argument<Larger>("argmax", x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return argument<Smaller>("argmin", x, dim, keepdim);
}

Extreme cummax(const Tensor& x, int64_t dim) {
  const Around a = around("cummax", x.shape(), dim);
  Tensor index(x.shape(), Dtype::i64);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    int64_t* to = index.fill<int64_t>();
    if (x.numel() == 0) return;
    parallel_range(a.outer * a.inner, a.size * 2, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t first = line / a.inner * a.size * a.inner + line % a.inner;
        int64_t best = 0;
        for (int64_t k = 0; k < a.size; ++k) {
          const T v = from[first + k * a.inner];
          const T so_far = from[first + best * a.inner];
          if (v != v || v >= so_far) best = k;  // of equals the last, as in PyTorch
          to[first + k * a.inner] = best;
        }
      }
    });
  });
  index = chosen_positions("cummax", x, index);
  return {gather(x, dim, index), index};
}
const auto& cummax_row = add_op("cummax", "largest value so far along a dimension", [](const Tensors& t) {
                           return cummax(t[0], 1).values;
                         }).sample({{3, 4}}, Domain::away_from_ties);

}  // namespace tarn
