// Max unpooling: values go back to the cells that they were taken from.
#include "core/kernels/pool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "core/kernels/kernel.h"
#include "core/ops.h"
#include "core/ops/positions.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

// Calls f(i, cell) for every index i of planes [begin, end), the cell being its place in a tensor of such planes.
template <class F>
void each_index(const int64_t* at, int64_t count, int64_t cells, int64_t begin, int64_t end, F f) {
  for (int64_t plane = begin; plane < end; ++plane)
    for (int64_t i = plane * count; i < (plane + 1) * count; ++i) f(i, plane * cells + at[i]);
}

Tensor added(const Tensor& g, const Tensor& indices, const Windows& w);

// The values of v at the indices, which have been checked.
Tensor picked(const Tensor& v, const Tensor& indices, const Windows& w) {
  Tensor y(indices.shape(), v.dtype());
  const int64_t count = w.output_cells();
  dispatch_floating(v.dtype(), "max_unpool_gather", [&](auto t) {
    using T = decltype(t);
    const T* from = v.data<T>();
    T* to = y.fill<T>();
    kernels::over_planes(w.planes(v.shape()), 4 * count, [&](int64_t begin, int64_t end) {
      each_index(indices.data<int64_t>(), count, w.input_cells(), begin, end,
                 [=](int64_t i, int64_t cell) { to[i] = from[cell]; });
    });
  });
  return record("max_unpool_gather", y, Edge{v, [indices, w](const Tensor& g) { return added(g, indices, w); }});
}

// Zeros, with every value added at its index: the transpose.
Tensor added(const Tensor& g, const Tensor& indices, const Windows& w) {
  Tensor y = Tensor::zeros(w.input_shape("max_unpool", g.shape()), g.dtype());
  const int64_t count = w.output_cells();
  dispatch_floating(g.dtype(), "max_unpool_add", [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    T* to = y.fill<T>();
    kernels::over_planes(w.planes(y.shape()), 4 * count, [&](int64_t begin, int64_t end) {
      each_index(indices.data<int64_t>(), count, w.input_cells(), begin, end,
                 [=](int64_t i, int64_t cell) { to[cell] += from[i]; });
    });
  });
  return record("max_unpool_add", y, Edge{g, [indices, w](const Tensor& v) { return picked(v, indices, w); }});
}

void check_indices(const Tensor& x, const Tensor& indices) {
  check_index("max_unpool", indices);
  check(indices.shape() == x.shape(), "max_unpool: the indices ", indices.shape(), " need the shape of the input, ",
        x.shape());
}

[[noreturn]] void fail_range(const Tensor& indices, const Windows& w) {
  const int64_t* at = indices.data<int64_t>();
  const int64_t cells = w.input_cells();
  const int64_t* wrong = std::find_if(at, at + indices.numel(), [cells](int64_t i) { return i < 0 || i >= cells; });
  fail("max_unpool: index ", *wrong, " is outside [0, ", cells - 1, "], the output plane's ", cells,
       " cells; give the size before pooling as output_size");
}

void check_distinct(const Tensor& indices, const Windows& w) {
  const int64_t count = w.output_cells();
  std::vector<bool> taken(static_cast<size_t>(w.input_cells()));
  for (int64_t i = 0; i < indices.numel(); ++i) {
    if (i % count == 0) std::fill(taken.begin(), taken.end(), false);
    const int64_t at = indices.data<int64_t>()[i];
    check(!taken[static_cast<size_t>(at)], "max_unpool: index ", at, " occurs twice in plane ", i / count,
          "; duplicates \"last\" or \"sum\" would allow it");
    taken[static_cast<size_t>(at)] = true;
  }
}

// Planes [begin, end) of y: zeros, then every value at its index. False where an index is no cell of the plane.
template <class T>
TARN_KERNEL bool place(const T* x, const int64_t* at, T* y, int64_t count, int64_t cells, int64_t begin, int64_t end) {
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t* places = at + plane * count;
    const T* values = x + plane * count;
    T* own = y + plane * cells;
    uint64_t wrong = 0;  // checked before anything is written, in vectors
    for (int64_t i = 0; i < count; ++i)
      wrong |= static_cast<uint64_t>(static_cast<uint64_t>(places[i]) >= static_cast<uint64_t>(cells));
    if (wrong) return false;
    std::memset(own, 0, static_cast<size_t>(cells) * sizeof(T));  // in the cache when the values come
    for (int64_t i = 0; i < count; ++i) own[places[i]] = values[i];
  }
  return true;
}

}  // namespace

Tensor max_unpool(const Tensor& x, const Tensor& indices, const Windows& w, Duplicates duplicates) {
  const Shape shape = w.input_shape("max_unpool", x.shape());
  check_indices(x, indices);
  Tensor y(shape, x.dtype());
  const int64_t count = w.output_cells();
  const int64_t cells = w.input_cells();
  std::atomic<bool> inside = true;
  dispatch_floating(x.dtype(), "max_unpool", [&](auto t) {
    using T = decltype(t);
    T* to = y.fill<T>();
    kernels::over_planes(w.planes(shape), cells + 4 * count, [&](int64_t begin, int64_t end) {
      if (!place(x.data<T>(), indices.data<int64_t>(), to, count, cells, begin, end)) inside = false;
    });
  });
  if (!inside) fail_range(indices, w);
  if (duplicates == Duplicates::error) check_distinct(indices, w);
  if (duplicates == Duplicates::sum) return added(x, indices, w);
  return record("max_unpool", y, Edge{x, [indices, w](const Tensor& g) { return picked(g, indices, w); }});
}

namespace {

// The indices 1, 4, 7, … in each plane, or, where they shall not differ, 1, 4, 1, 4, ….
Tensor unpooled(const Tensors& t, Duplicates duplicates) {
  const Windows w = unpooling_windows("max_unpool", t[0].shape(), t[0].rank() - 2, {.kernel_size = {2}}, {});
  std::vector<int64_t> indices(static_cast<size_t>(t[0].numel()));
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t cell = static_cast<int64_t>(i) % w.output_cells();
    indices[i] = (1 + 3 * (duplicates == Duplicates::sum ? cell % 2 : cell)) % w.input_cells();
  }
  return max_unpool(t[0], Tensor(t[0].shape(), indices), w, duplicates);
}

}  // namespace

const auto& max_unpool_op =
    add_op("max_unpool", "each value at its index in a larger plane, zeros elsewhere",
           [](const Tensors& t) { return unpooled(t, Duplicates::last); })
        .sample({{2, 2, 5}})
        .sample({{2, 2, 4, 2}})
        .sample({{1, 2, 2, 2, 2}}, Domain::any, [](const Tensors& t) { return unpooled(t, Duplicates::error); })
        .sample({{2, 2, 2, 3}}, Domain::any, [](const Tensors& t) { return unpooled(t, Duplicates::sum); });

}  // namespace tarn
