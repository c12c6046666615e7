// Ops that give the same elements another shape or order: reshape, permute, expand, repeat, cast.
#include "core/kernels/copy.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// Sizes beyond this are refused before they are multiplied.
constexpr int64_t huge_size = int64_t{1} << 46;

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(x.numel() == shape.numel(), "reshape: ", x.shape(), " has ", x.numel(), " elements, ", shape, " has ",
        shape.numel());
  return record("reshape", x.viewed(shape), Edge{x, [s = x.shape()](const Tensor& g) { return reshape(g, s); }});
}

Tensor reshape(const Tensor& x, std::span<const int64_t> sizes) {
  check(sizes.size() <= static_cast<size_t>(Shape::max_rank), "reshape: ", sizes.size(), " sizes; at most ",
        Shape::max_rank, " dimensions are possible");
  int64_t filled[Shape::max_rank];
  int64_t known = 1;
  size_t inferred = sizes.size();
  for (size_t d = 0; d < sizes.size(); ++d) {
    filled[d] = sizes[d];
    check(sizes[d] >= -1 && sizes[d] <= huge_size && (sizes[d] == 0 || known <= huge_size), "reshape: size ", sizes[d],
          " in ", sizes, " is out of range; one size may be -1");
    if (sizes[d] == -1) {
      check(inferred == sizes.size(), "reshape: ", sizes, " has more than one -1");
      inferred = d;
    } else {
      known = sizes[d] != 0 && known > huge_size / sizes[d] ? huge_size + 1 : known * sizes[d];
    }
  }
  if (inferred < sizes.size()) {
    check(known != 0, "reshape: -1 in ", sizes, " could be any size, since the others hold no elements");
    check(x.numel() % known == 0, "reshape: ", x.shape(), " has ", x.numel(), " elements, which ", sizes,
          " does not divide");
    filled[inferred] = x.numel() / known;
  }
  return reshape(x, Shape(std::span<const int64_t>(filled, sizes.size())));
}
const auto& reshape_row = add_op("reshape", "the same elements in another shape",
                                 [](const Tensors& t) {
                                   return reshape(t[0], Shape{3, 2});
                                 })
                              .sample({{2, 3}})
                              .sample({{2, 3, 2}}, Domain::any, [](const Tensors& t) {
                                return reshape(t[0], Dims{-1, 4});
                              });

Tensor flatten(const Tensor& x, int64_t start_dim, int64_t end_dim) {
  if (x.rank() == 0 && (start_dim == 0 || start_dim == -1) && (end_dim == 0 || end_dim == -1))
    return reshape(x, Shape{1});
  const int first = x.shape().axis(start_dim, "flatten");
  const int last = x.shape().axis(end_dim, "flatten");
  check(first <= last, "flatten: start_dim ", start_dim, " comes after end_dim ", end_dim, " for ", x.shape());
  int64_t sizes[Shape::max_rank];
  size_t rank = 0;
  for (int d = 0; d <= first; ++d) sizes[rank++] = x.shape()[d];
  sizes[rank - 1] = x.shape().product(first, last + 1);
  for (int d = last + 1; d < x.rank(); ++d) sizes[rank++] = x.shape()[d];
  return reshape(x, Shape(std::span<const int64_t>(sizes, rank)));
}
const auto& flatten_row = add_op("flatten", "neighbouring dimensions become one", [](const Tensors& t) {
                            return flatten(t[0], 1);
                          }).sample({{2, 3, 2}});

Tensor squeeze(const Tensor& x, std::optional<int64_t> dim) {
  if (dim && x.rank() == 0 && (*dim == 0 || *dim == -1)) return x;
  const int only = dim ? x.shape().axis(*dim, "squeeze") : -1;
  int64_t sizes[Shape::max_rank];
  size_t rank = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if (x.shape()[d] != 1 || (dim && d != only)) sizes[rank++] = x.shape()[d];
  }
  return reshape(x, Shape(std::span<const int64_t>(sizes, rank)));
}
const auto& squeeze_row = add_op("squeeze", "without the dimensions of size 1", [](const Tensors& t) {
                            return squeeze(t[0]);
                          }).sample({{2, 1, 3}});

Tensor unsqueeze(const Tensor& x, int64_t dim) {
  const int64_t rank = x.rank();
  check(dim >= -rank - 1 && dim <= rank, "unsqueeze: dimension ", dim, " is outside [", -rank - 1, ", ", rank, "] for ",
        x.shape());
  check(rank < Shape::max_rank, "unsqueeze: ", x.shape(), " already has ", rank, " dimensions, the most possible");
  const int64_t at = dim < 0 ? dim + rank + 1 : dim;
  int64_t sizes[Shape::max_rank];
  for (int d = 0; d <= x.rank(); ++d) sizes[d] = d == at ? 1 : x.shape()[d < at ? d : d - 1];
  return reshape(x, Shape(std::span<const int64_t>(sizes, static_cast<size_t>(rank + 1))));
}
const auto& unsqueeze_row = add_op("unsqueeze", "a new dimension of size 1", [](const Tensors& t) {
                              return unsqueeze(t[0], 1);
                            }).sample({{2, 3}});

Tensor permute(const Tensor& x, const Dims& dims) {
  check(dims.size() == static_cast<size_t>(x.rank()), "permute: ", dims.size(), " dimensions given for ", x.shape());
  const kernels::View whole = kernels::view_of(x.shape());
  kernels::View view;
  int64_t sizes[Shape::max_rank];
  Dims inverse(dims.size());
  uint32_t seen = 0;
  bool same = true;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int d = x.shape().axis(dims[i], "permute");
    check((seen >> d & 1) == 0, "permute: dimension ", dims[i], " is given twice");
    seen |= 1u << d;
    same = same && d == static_cast<int>(i);
    inverse[static_cast<size_t>(d)] = static_cast<int64_t>(i);
    sizes[i] = x.shape()[d];
    view.push(whole.sizes[d], whole.steps[d]);
  }
  if (same) return x;
  Tensor y(Shape(std::span<const int64_t>(sizes, dims.size())), x.dtype());
  kernels::read_view(x, view, y);
  return record("permute", y, Edge{x, [inverse](const Tensor& g) { return permute(g, inverse); }});
}
const auto& permute_row = add_op("permute", "dimensions in another order",
                                 [](const Tensors& t) {
                                   return permute(t[0], {2, 0, 1});
                                 })
                              .sample({{2, 3, 4}})
                              .sample({{2, 3}}, Domain::any, [](const Tensors& t) {
                                return permute(t[0], {1, 0});
                              });

Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1) {
  if (x.rank() == 0 && dim0 >= -1 && dim0 <= 0 && dim1 >= -1 && dim1 <= 0) return x;
  Dims dims(static_cast<size_t>(x.rank()));
  for (size_t d = 0; d < dims.size(); ++d) dims[d] = static_cast<int64_t>(d);
  const auto first = static_cast<size_t>(x.shape().axis(dim0, "transpose"));
  const auto second = static_cast<size_t>(x.shape().axis(dim1, "transpose"));
  std::swap(dims[first], dims[second]);
  return permute(x, dims);
}
const auto& transpose_row = add_op("transpose", "two dimensions change places", [](const Tensors& t) {
                              return transpose(t[0], 0, 2);
                            }).sample({{2, 3, 4}});

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int extra = shape.rank() - x.rank();
  check(extra >= 0, "broadcast_to: ", x.shape(), " has more dimensions than ", shape);
  const kernels::View whole = kernels::view_of(x.shape());
  kernels::View view;
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t size = d < extra ? 1 : x.shape()[d - extra];
    check(size == shape[d] || size == 1, "broadcast_to: ", x.shape(), " does not broadcast to ", shape);
    view.push(shape[d], size == 1 ? 0 : whole.steps[d - extra]);
  }
  Tensor y(shape, x.dtype());
  kernels::read_view(x, view, y);
  return record("broadcast_to", y, Edge{x, [s = x.shape()](const Tensor& g) { return sum_to(g, s); }});
}
const auto& broadcast_to_row = add_op("broadcast_to", "repeats along dimensions of size 1 and new leading ones",
                                      [](const Tensors& t) {
                                        return broadcast_to(t[0], {2, 3, 4});
                                      })
                                   .sample({{3, 1}})
                                   .sample({{}});

Tensor expand(const Tensor& x, std::span<const int64_t> sizes) {
  check(sizes.size() <= static_cast<size_t>(Shape::max_rank) && sizes.size() >= static_cast<size_t>(x.rank()),
        "expand: ", sizes.size(), " sizes for ", x.shape(), "; from ", x.rank(), " to ", Shape::max_rank,
        " are possible");
  int64_t filled[Shape::max_rank];
  const int extra = static_cast<int>(sizes.size()) - x.rank();
  for (int d = 0; d < static_cast<int>(sizes.size()); ++d) {
    const int64_t size = sizes[static_cast<size_t>(d)];
    check(size >= 0 || (size == -1 && d >= extra), "expand: size ", size, " in ", sizes,
          " is not possible; -1 keeps the size of a dimension that exists");
    filled[d] = size == -1 ? x.shape()[d - extra] : size;
    check(d < extra || x.shape()[d - extra] == filled[d] || x.shape()[d - extra] == 1, "expand: ", x.shape(),
          " does not broadcast to ", sizes);
  }
  return broadcast_to(x, Shape(std::span<const int64_t>(filled, sizes.size())));
}
const auto& expand_row = add_op("expand", "repeats along dimensions of size 1; -1 keeps a size", [](const Tensors& t) {
                           return expand(t[0], Dims{2, -1, 4});
                         }).sample({{3, 1}});

Tensor repeat(const Tensor& x, std::span<const int64_t> repeats) {
  check(repeats.size() <= static_cast<size_t>(Shape::max_rank) && repeats.size() >= static_cast<size_t>(x.rank()),
        "repeat: ", repeats.size(), " repeats for ", x.shape(), "; from ", x.rank(), " to ", Shape::max_rank,
        " are possible");
  const int rank = static_cast<int>(repeats.size());
  const int extra = rank - x.rank();
  const kernels::View whole = kernels::view_of(x.shape());
  kernels::View view;
  int64_t sizes[Shape::max_rank];
  for (int d = 0; d < rank; ++d) {
    const int64_t times = repeats[static_cast<size_t>(d)];
    const int64_t size = d < extra ? 1 : x.shape()[d - extra];
    check(times >= 0 && times <= huge_size && (size == 0 || times <= huge_size / size), "repeat: ", times,
          " repeats of size ", size, " are out of range");
    sizes[d] = times * size;
    view.push(times, 0);
    view.push(size, d < extra ? 0 : whole.steps[d - extra]);
  }
  Tensor y(Shape(std::span<const int64_t>(sizes, repeats.size())), x.dtype());
  kernels::read_view(x, view, y);
  // Backwards: each dimension is [times, size], and the copies add up.
  return record(
      "repeat", y,
      Edge{
          x, [s = x.shape(), times = Dims(repeats.begin(), repeats.end())](const Tensor& g) {
            Tensor sums = g;
            const int added = static_cast<int>(times.size()) - s.rank();
            for (int d = 0; d < static_cast<int>(times.size()); ++d) {
              const int64_t size = d < added ? 1 : s[d - added];
              const Shape now = sums.shape();
              const Shape split{now.product(0, d), times[static_cast<size_t>(d)], size, now.product(d + 1, now.rank())};
              sums = reshape(sum(reshape(sums, split), {1}), now.with(d, size));
            }
            return reshape(sums, s);
          }});
}
const auto& repeat_row = add_op("repeat", "copies side by side along every dimension",
                                [](const Tensors& t) {
                                  return repeat(t[0], Dims{2, 3});
                                })
                             .sample({{2, 3}})
                             .sample({{3}});

Tensor cast(const Tensor& x, Dtype dtype) {
  if (x.dtype() == dtype) return x;
  if (!x.floating() || dtype == Dtype::i64) return x.to(dtype);
  return record("cast", x.to(dtype), Edge{x, [from = x.dtype()](const Tensor& g) { return cast(g, from); }});
}
const auto& cast_row =
    add_op("cast", "another dtype", [](const Tensors& t) { return cast(t[0], Dtype::f64); }).sample({{2, 3}});

}  // namespace tarn
