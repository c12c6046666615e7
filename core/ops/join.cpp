// Joining tensors along a dimension, and cutting them apart again.
#include <algorithm>
#include <cstring>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

/// PyTorch lets an empty tensor of rank 1 join anything.
bool is_nothing(const Tensor& x) {
  return x.rank() == 1 && x.numel() == 0;
}

/// Copies the rows of every part behind each other.
template <class T>
void join(std::span<const Tensor> parts, int64_t outer, int64_t inner, int axis, Tensor& y) {
  const int64_t row = y.numel() / std::max<int64_t>(outer, 1);
  T* to = y.fill<T>();
  parallel_range(outer, row, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      T* at = to + o * row;
      for (const Tensor& part : parts) {
        if (part.numel() == 0) continue;
        const int64_t run = part.shape()[axis] * inner;
        std::memcpy(at, part.data<T>() + o * run, static_cast<size_t>(run) * sizeof(T));
        at += run;
      }
    }
  });
}

}  // namespace

Tensor cat(std::span<const Tensor> parts, int64_t dim) {
  check(!parts.empty(), "cat: needs at least one tensor");
  const Tensor* model = &parts[0];
  for (const Tensor& part : parts) {
    if (is_nothing(*model)) model = &part;
  }
  const Shape& s = model->shape();
  check(s.rank() > 0, "cat: scalars cannot be joined; stack them");
  const int axis = s.axis(dim, "cat");
  int64_t total = 0;
  Dims starts;
  for (const Tensor& part : parts) {
    check(part.dtype() == model->dtype(), "cat: parts are ", model->dtype(), " and ", part.dtype(),
          "; convert one of them");
    starts.push_back(total);
    if (is_nothing(part)) continue;
    check(part.rank() == s.rank(), "cat: ", s, " and ", part.shape(), " have different numbers of dimensions");
    for (int d = 0; d < s.rank(); ++d)
      check(d == axis || part.shape()[d] == s[d], "cat: ", s, " and ", part.shape(), " differ in dimension ", d,
            ", and only dimension ", axis, " may");
    total += part.shape()[axis];
  }
  Tensor y(s.with(axis, total), model->dtype());
  dispatch(y.dtype(),
           [&](auto t) { join<decltype(t)>(parts, s.product(0, axis), s.product(axis + 1, s.rank()), axis, y); });
  return record_many("cat", y, parts, [&](size_t i) {
    return [axis, start = starts[i], shape = parts[i].shape()](const Tensor& g) {
      if (shape.rank() != g.rank()) return reshape(narrow(flatten(g), 0, 0, 0), shape);
      return narrow(g, axis, start, shape[axis]);
    };
  });
}
const auto& cat_row = add_op("cat", "joined along a dimension", [](const Tensors& t) { return cat(t, 1); })
                          .sample({{2, 3}, {2, 1}, {2, 2}})
                          .sample({{3}, {2}}, Domain::any, [](const Tensors& t) { return cat(t, 0); });

Tensor stack(std::span<const Tensor> parts, int64_t dim) {
  check(!parts.empty(), "stack: needs at least one tensor");
  Tensors raised;
  raised.reserve(parts.size());
  for (const Tensor& part : parts) {
    check(part.shape() == parts[0].shape(), "stack: ", parts[0].shape(), " and ", part.shape(), " differ");
    raised.push_back(unsqueeze(part, dim));
  }
  return cat(raised, dim < 0 ? dim + parts[0].rank() + 1 : dim);
}
const auto& stack_row = add_op("stack", "joined along a new dimension", [](const Tensors& t) {
                          return stack(t, 1);
                        }).sample({{2, 3}, {2, 3}});

Tensors split(const Tensor& x, std::span<const int64_t> sizes, int64_t dim) {
  const int axis = x.shape().axis(dim, "split");
  int64_t total = 0;
  for (const int64_t size : sizes) {
    check(size >= 0 && size <= x.shape()[axis] - total, "split: sizes ", sizes, " do not add up to ", x.shape()[axis],
          ", the size of dimension ", dim, " of ", x.shape());
    total += size;
  }
  check(total == x.shape()[axis], "split: sizes ", sizes, " do not add up to ", x.shape()[axis],
        ", the size of dimension ", dim, " of ", x.shape());
  Tensors parts;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    parts.push_back(narrow(x, axis, start, size));
    start += size;
  }
  return parts;
}

Tensors split(const Tensor& x, int64_t size, int64_t dim) {
  check(x.rank() > 0, "split: a scalar has no dimension to cut");
  const int64_t all = x.size(dim);
  check(size > 0 || (size == 0 && all == 0), "split: parts of size ", size, " of dimension ", dim, " of ", x.shape());
  Dims sizes;
  for (int64_t start = 0; start < all; start += size) {
    sizes.push_back(std::min(size, all - start));
    if (size > all - start) break;  // start + size may overflow
  }
  if (all == 0) sizes.push_back(0);
  return split(x, sizes, dim);
}

Tensors chunk(const Tensor& x, int64_t chunks, int64_t dim) {
  check(chunks > 0, "chunk: needs a positive number of chunks, got ", chunks);
  const int axis = x.shape().axis(dim, "chunk");
  const int64_t size = x.shape()[axis];
  const int64_t each = size == 0 ? 0 : (size - 1) / chunks + 1;
  if (each == 0) {
    check(chunks <= 1024, "chunk: ", chunks, " chunks of an empty dimension");
    return Tensors(static_cast<size_t>(chunks), x);
  }
  Dims sizes;
  for (int64_t start = 0; start < size; start += each) sizes.push_back(std::min(each, size - start));
  return split(x, sizes, axis);
}

Tensors unbind(const Tensor& x, int64_t dim) {
  const int axis = x.shape().axis(dim, "unbind");
  Tensors parts;
  for (int64_t i = 0; i < x.shape()[axis]; ++i) parts.push_back(select(x, axis, i));
  return parts;
}

}  // namespace tarn
