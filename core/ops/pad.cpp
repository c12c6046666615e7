// Padding: a constant around a tensor, or its own elements reflected, repeated or wrapped.
#include "core/kernels/pad.h"

#include <algorithm>
#include <memory>

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

  bool moves_nothing() const {
    const auto zero = [](int64_t n) { return n == 0; };
    return std::all_of(std::begin(before), std::end(before), zero) &&
           std::all_of(std::begin(after), std::end(after), zero);
  }
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

/// Which row of x comes at a row of y, in row-major order of the dimensions in front of `front`; moving on by one row
/// takes no division.
class RowSource {
 public:
  RowSource(const Shape& x, const Shape& y, const Margins& m, int front, int64_t row)
      : x_(x), y_(y), m_(m), front_(front) {
    for (int d = front - 1; d >= 0; --d) {
      at_[d] = row % y[d];
      row /= y[d];
    }
    find();
  }
  bool inside() const { return inside_; }
  int64_t row() const { return row_; }
  void next() {
    int d = front_ - 1;
    while (d >= 0 && ++at_[d] == y_[d]) at_[d--] = 0;
    if (d >= 0 && d == front_ - 1 && inside_ && at_[d] - m_.before[d] < x_[d])
      ++row_;
    else
      find();
  }

 private:
  void find() {
    row_ = 0;
    inside_ = true;
    for (int d = 0; d < front_; ++d) {
      const int64_t at = at_[d] - m_.before[d];
      inside_ = inside_ && at >= 0 && at < x_[d];
      row_ = row_ * x_[d] + at;
    }
  }

  const Shape &x_, &y_;
  const Margins& m_;
  int front_;
  int64_t at_[Shape::max_rank] = {};
  int64_t row_ = 0;
  bool inside_ = true;
};

/// Rows of y along the last padded dimension and what lies behind it: what x has there, between runs of the value.
template <class T>
void fill_rows(const Tensor& x, const Margins& m, T value, Tensor& y) {
  int last = y.rank() - 1;
  while (m.before[last] == 0 && m.after[last] == 0) --last;
  const int64_t unit = y.shape().product(last + 1, y.rank());
  const int64_t width = y.shape()[last] * unit;
  const int64_t wide = x.shape()[last] * unit;
  const int64_t left = std::min(width, std::max<int64_t>(0, m.before[last] * unit));
  const int64_t skipped = std::max<int64_t>(0, -m.before[last] * unit);
  const int64_t kept = std::max<int64_t>(0, std::min(wide - skipped, width - left));
  const T* from = x.data<T>();
  T* to = y.fill<T>();
  parallel_range(y.numel() / width, width, [&](int64_t begin, int64_t end) {
    RowSource source(x.shape(), y.shape(), m, last, begin);
    for (int64_t r = begin; r < end; ++r, source.next()) {
      T* out = to + r * width;
      std::fill(out, out + (source.inside() ? left : width), value);
      if (!source.inside()) continue;
      const T* row = from + source.row() * wide + skipped;
      std::copy(row, row + kept, out + left);
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
  if (m.moves_nothing()) return x;
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

/// For each padded position of a dimension, the position that it takes its value from. What circular padding crops does
/// not come back at the other end.
std::vector<int64_t> sources(const std::string& mode, int64_t size, int64_t before, int64_t after) {
  const int64_t left = std::max<int64_t>(0, -before);
  const int64_t kept = size - left - std::max<int64_t>(0, -after);
  std::vector<int64_t> from;
  from.reserve(static_cast<size_t>(size + before + after));
  for (int64_t at = -before; at < size + after; ++at) {
    if (mode == "replicate")
      from.push_back(std::clamp<int64_t>(at, 0, size - 1));
    else if (mode == "circular")
      from.push_back(left + ((at - left) % kept + kept) % kept);
    else
      from.push_back(at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at);
  }
  return from;
}

using Plan = std::shared_ptr<const kernels::PadPlan>;

/// The last three dimensions of `shape`, or fewer, at one end of the plan.
Shape with_sizes(Shape shape, const kernels::PadPlan& plan, bool padded) {
  for (int i = 1; i <= std::min(shape.rank(), 3); ++i) {
    const kernels::PadSources& s = plan[static_cast<size_t>(3 - i)];
    if (s.input != 1 || s.output() != 1) shape = shape.with(shape.rank() - i, padded ? s.output() : s.input);
  }
  return shape;
}

Tensor unpad_own(const Tensor& g, const Plan& plan);

Tensor pad_by(const Tensor& x, const Plan& plan) {
  Tensor y(with_sizes(x.shape(), *plan, true), x.dtype());
  const int64_t cells = (*plan)[0].input * (*plan)[1].input * (*plan)[2].input;
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    kernels::pad_from(*plan, x.numel() / cells, x.data<T>(), y.fill<T>());
  });
  return record("pad", std::move(y), Edge{x, [plan](const Tensor& g) { return unpad_own(g, plan); }});
}

/// The transpose: adds the copies up.
Tensor unpad_own(const Tensor& g, const Plan& plan) {
  Tensor x(with_sizes(g.shape(), *plan, false), g.dtype());
  const int64_t cells = (*plan)[0].output() * (*plan)[1].output() * (*plan)[2].output();
  dispatch_floating(g.dtype(), "unpad", [&](auto t) {
    using T = decltype(t);
    kernels::pad_back(*plan, g.numel() / cells, g.data<T>(), x.fill<T>());
  });
  return record("unpad", std::move(x), Edge{g, [plan](const Tensor& h) { return pad_by(h, plan); }});
}

/// Throws unless dimension `d` has the cells that the mode needs.
void check_own(const Shape& x, int d, int64_t before, int64_t after, const std::string& mode) {
  const int64_t size = x[d];
  const int64_t most = std::max(before, after);
  check(size > 0, "pad: mode ", mode, " has nothing to take from dimension ", d, " of ", x);
  check(mode != "reflect" || most < size, "pad: reflecting ", most, " needs more than that in dimension ", d, " of ",
        x);
  if (mode != "circular") return;
  check(most <= size, "pad: ", most, " wraps around dimension ", d, " of ", x, " more than once");
  check(std::max<int64_t>(0, -before) + std::max<int64_t>(0, -after) < size, "pad: cropping ", -before, " and ", -after,
        " leaves nothing of dimension ", d, " of ", x, " to wrap around");
}

/// Reflect, replicate, circular.
Tensor pad_own(const Tensor& x, const Margins& m, const std::string& mode, int dims) {
  check(x.rank() == dims + 1 || x.rank() == dims + 2, "pad: mode ", mode, " pads the last ", x.rank() - 2, " or ",
        x.rank() - 1, " dimensions of ", x.shape(), ", got sizes for ", dims);
  check(dims >= 1 && dims <= 3, "pad: mode ", mode, " pads 1 to 3 dimensions, got ", dims);
  const Shape shape = padded_shape(x, m, 1);
  for (int d = x.rank() - dims; d < x.rank(); ++d) check_own(x.shape(), d, m.before[d], m.after[d], mode);
  if (m.moves_nothing()) return x;
  if (shape.numel() == 0) return reshape(x, shape);
  { const Tensor room(shape, x.dtype()); }  // what is too large is refused before any table is made
  const kernels::PadSources one(1, {0});
  kernels::PadPlan plan{one, one, one};
  for (int d = x.rank() - dims; d < x.rank(); ++d) {
    const int64_t size = x.shape()[d];
    plan[static_cast<size_t>(3 - x.rank() + d)] = {size, sources(mode, size, m.before[d], m.after[d])};
  }
  return pad_by(x, std::make_shared<const kernels::PadPlan>(std::move(plan)));
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
