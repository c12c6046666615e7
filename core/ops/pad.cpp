// Padding: a constant around a tensor, or its own elements reflected, repeated or wrapped.
#include <algorithm>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

constexpr int64_t huge = int64_t{1} << 46;

/// Elements before and after each dimension, in the order of the dimensions; negative crops.
struct Margins {
  int64_t before[Shape::max_rank] = {};
  int64_t after[Shape::max_rank] = {};
};

Margins margins(const Tensor& x, std::span<const int64_t> sizes) {
  check(sizes.size() % 2 == 0, "pad: ", sizes.size(), " sizes given; needs a pair for each dimension");
  check(sizes.size() <= 2 * static_cast<size_t>(x.rank()), "pad: ", sizes.size(), " sizes are too many for ",
        x.shape());
  Margins m;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int d = x.rank() - 1 - static_cast<int>(i / 2);
    check(sizes[i] >= -huge && sizes[i] <= huge, "pad: size ", sizes[i], " is out of range");
    (i % 2 == 0 ? m.before : m.after)[d] = sizes[i];
  }
  return m;
}

/// Shape after padding; throws when less than `least` would be left of a padded dimension.
Shape padded_shape(const Tensor& x, const Margins& m, int64_t least) {
  int64_t sizes[Shape::max_rank];
  for (int d = 0; d < x.rank(); ++d) {
    sizes[d] = x.shape()[d] + m.before[d] + m.after[d];
    const bool padded = m.before[d] != 0 || m.after[d] != 0;
    check(!padded || sizes[d] >= least, "pad: dimension ", d, " of ", x.shape(), " with ", m.before[d], " and ",
          m.after[d], " would have size ", sizes[d], "; at least ", least, " is needed");
  }
  return Shape(std::span<const int64_t>(sizes, static_cast<size_t>(x.rank())));
}

/// Rows of y along the last dimension: what x has there, between runs of the value.
template <class T>
void fill_rows(const Tensor& x, const Margins& m, T value, Tensor& y) {
  const int last = y.rank() - 1;
  const int64_t width = y.shape()[last];
  const int64_t wide = x.shape()[last];
  const int64_t left = std::min(width, std::max<int64_t>(0, m.before[last]));
  const int64_t skipped = std::max<int64_t>(0, -m.before[last]);
  const int64_t kept = std::max<int64_t>(0, std::min(wide - skipped, width - left));
  const T* from = x.data<T>();
  T* to = y.fill<T>();
  parallel_range(y.numel() / width, width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      // Which row of x this is, if any.
      int64_t rest = r;
      int64_t row = 0;
      int64_t step = 1;
      bool inside = true;
      for (int d = last - 1; d >= 0; --d) {
        const int64_t at = rest % y.shape()[d] - m.before[d];
        rest /= y.shape()[d];
        inside = inside && at >= 0 && at < x.shape()[d];
        row += at * step;
        step *= x.shape()[d];
      }
      T* out = to + r * width;
      std::fill(out, out + (inside ? left : width), value);
      if (!inside) continue;
      std::copy(from + row * wide + skipped, from + row * wide + skipped + kept, out + left);
      std::fill(out + left + kept, out + width, value);
    }
  });
}

Tensor pad_constant(const Tensor& x, const Margins& m, double value) {
  const Shape shape = padded_shape(x, m, 0);
  for (int d = 0; d < x.rank(); ++d) {
    const int64_t crop = std::max(-m.before[d], -m.after[d]);
    check(crop <= x.shape()[d], "pad: cropping ", crop, " from dimension ", d, " of ", x.shape(), " is too much");
  }
  const auto zero = [](int64_t n) { return n == 0; };
  if (std::all_of(m.before, m.before + x.rank(), zero) && std::all_of(m.after, m.after + x.rank(), zero)) return x;
  Tensor y(shape, x.dtype());
  if (y.numel() > 0) {
    dispatch(x.dtype(), [&](auto t) {
      using T = decltype(t);
      fill_rows(x, m, static_cast<T>(value), y);
    });
  }
  return record("pad", y, Edge{x, [m](const Tensor& g) {
                                 Margins back;
                                 for (int d = 0; d < Shape::max_rank; ++d) {
                                   back.before[d] = -m.before[d];
                                   back.after[d] = -m.after[d];
                                 }
                                 return pad_constant(g, back, 0);
                               }});
}

/// For each padded position of a dimension, the position that it takes its value from.
Tensor sources(const std::string& mode, int64_t size, int64_t before, int64_t after) {
  Tensor index(Shape{size + before + after}, Dtype::i64);
  int64_t* to = index.fill<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) {
    const int64_t at = i - before;
    if (mode == "replicate")
      to[i] = std::clamp<int64_t>(at, 0, size - 1);
    else if (mode == "circular")
      to[i] = (at % size + size) % size;
    else
      to[i] = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
  }
  return index;
}

/// Reflect, replicate, circular: one dimension after the other.
Tensor pad_own(const Tensor& x, const Margins& m, const std::string& mode, int dims) {
  check(x.rank() == dims + 1 || x.rank() == dims + 2, "pad: mode ", mode, " pads the last ", x.rank() - 2, " or ",
        x.rank() - 1, " dimensions of ", x.shape(), ", got sizes for ", dims);
  check(dims >= 1 && dims <= 3, "pad: mode ", mode, " pads 1 to 3 dimensions, got ", dims);
  padded_shape(x, m, 1);
  Tensor y = x;
  for (int d = x.rank() - dims; d < x.rank(); ++d) {
    const int64_t size = x.shape()[d];
    const int64_t most = std::max(m.before[d], m.after[d]);
    check(size > 0, "pad: mode ", mode, " has nothing to take from dimension ", d, " of ", x.shape());
    check(mode != "reflect" || most < size, "pad: reflecting ", most, " needs more than that in dimension ", d, " of ",
          x.shape());
    check(mode != "circular" || most <= size, "pad: ", most, " wraps around dimension ", d, " of ", x.shape(),
          " more than once");
    if (m.before[d] == 0 && m.after[d] == 0) continue;
    if (mode == "circular") {
      // What is cropped does not come back at the other end.
      const int64_t left = std::max<int64_t>(0, -m.before[d]);
      const int64_t kept = size - left - std::max<int64_t>(0, -m.after[d]);
      check(kept > 0, "pad: cropping ", -m.before[d], " and ", -m.after[d], " leaves nothing of dimension ", d, " of ",
            x.shape(), " to wrap around");
      y = narrow(y, d, left, kept);
      y = index_select(
          y, d, sources(mode, y.shape()[d], std::max<int64_t>(0, m.before[d]), std::max<int64_t>(0, m.after[d])));
    } else {
      y = index_select(y, d, sources(mode, size, m.before[d], m.after[d]));
    }
  }
  return y;
}

}  // namespace

Tensor pad(const Tensor& x, std::span<const int64_t> sizes, const std::string& mode, double value) {
  const Margins m = margins(x, sizes);
  if (mode == "constant") return pad_constant(x, m, value);
  check(mode == "reflect" || mode == "replicate" || mode == "circular", "pad: unknown mode '", mode,
        "'; expected constant, reflect, replicate or circular");
  return pad_own(x, m, mode, static_cast<int>(sizes.size() / 2));
}
const auto& pad_row = add_op("pad", "elements around a tensor",
                             [](const Tensors& t) {
                               return pad(t[0], Dims{1, 2, -1, 1});
                             })
                          .sample({{3, 2}})
                          .sample({{1, 2, 4}}, Domain::any,
                                  [](const Tensors& t) {
                                    return pad(t[0], Dims{3, 1}, "reflect");
                                  })
                          .sample({{1, 2, 3}}, Domain::any,
                                  [](const Tensors& t) {
                                    return pad(t[0], Dims{2, -1}, "replicate");
                                  })
                          .sample({{1, 2, 2, 3}}, Domain::any, [](const Tensors& t) {
                            return pad(t[0], Dims{-1, 2, 1, 2}, "circular");
                          });

}  // namespace tarn
