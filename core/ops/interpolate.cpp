// Interpolation: signals, images and volumes resized, as weighted sums along one dimension after the other.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "core/kernels/resample.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

using kernels::TapRow;
using kernels::Taps;

constexpr int64_t size_limit = (int64_t{1} << 31) - 1;

/// One map for each spatial dimension; those that change nothing are left out.
using Maps = std::vector<std::optional<Taps>>;

/// A pass over `x` [planes, height, width], of which the last two are resampled.
Tensor pass(const Tensor& x, const Shape& shape, int64_t planes, int64_t height, int64_t width, const Taps* down,
            const Taps* across) {
  Tensor y(shape, x.dtype());
  dispatch_floating(x.dtype(), "interpolate", [&](auto t) {
    using T = decltype(t);
    kernels::resample<T>({planes, height, width, down, across}, x.data<T>(), y.fill<T>());
  });
  return y;
}

const Taps* pointer(const std::optional<Taps>& map) {
  return map ? &*map : nullptr;
}

/// Resamples the last one or two spatial dimensions.
Tensor resample_plane(const Tensor& x, const Maps& maps) {
  const Taps* across = pointer(maps.back());
  const Taps* down = maps.size() > 1 ? pointer(maps[maps.size() - 2]) : nullptr;
  if (!across && !down) return x;
  const int last = x.rank() - 1;
  Shape shape = x.shape();
  if (across) shape = shape.with(last, across->output);
  if (down) shape = shape.with(last - 1, down->output);
  return pass(x, shape, x.shape().product(0, last - 1), x.shape()[last - 1], x.shape()[last], down, across);
}

/// Resamples the first of three spatial dimensions; its "rows" are whole planes.
Tensor resample_depth(const Tensor& x, const Maps& maps) {
  if (maps.size() < 3 || !maps[0]) return x;
  const Shape& s = x.shape();
  return pass(x, s.with(2, maps[0]->output), s[0] * s[1], s[2], s[3] * s[4], &*maps[0], nullptr);
}

Tensor resample(const Tensor& x, const std::shared_ptr<const Maps>& maps);

/// The op is linear, so that its pullback is itself with the transposed maps.
struct Back {
  std::shared_ptr<const Maps> maps;
  Tensor operator()(const Tensor& g) const {
    Maps back;
    for (const auto& map : *maps) back.push_back(map ? std::optional(kernels::transposed(*map)) : std::nullopt);
    return resample(g, std::make_shared<const Maps>(std::move(back)));
  }
  /// For tape reports.
  void visit(VisitTensor see, void* visitor) const {
    for (const auto& map : *maps)
      if (map)
        for (const Tensor* held : {&map->first, &map->count, &map->weights}) see(*held, visitor);
  }
};

// The depth goes first where it shrinks.
Tensor resample(const Tensor& x, const std::shared_ptr<const Maps>& maps) {
  const bool depth_first = maps->size() == 3 && maps->front() && maps->front()->output < maps->front()->input;
  const Tensor in = x.detach();
  const Tensor y =
      depth_first ? resample_plane(resample_depth(in, *maps), *maps) : resample_depth(resample_plane(in, *maps), *maps);
  return record("interpolate", y, Edge{x, Back{maps}});
}

// ---- which cells an output sees, and their weights ----

/// One spatial dimension: its sizes, and how far apart in the input two neighbours of the output are.
struct Line {
  int64_t input = 0, output = 0;
  std::optional<double> scale;  ///< given by the caller, and to be used as it is
  bool align_corners = false;

  /// In the arithmetic of T.
  template <class T>
  T step() const {
    if (align_corners) return output > 1 ? static_cast<T>(input - 1) / static_cast<T>(output - 1) : T(0);
    if (scale) return static_cast<T>(1 / *scale);
    return static_cast<T>(input) / static_cast<T>(output);
  }
  /// Where the centre of output `o` lies between the centres of input cells.
  double position(int64_t o) const {
    const double at = static_cast<double>(o);
    return align_corners ? step<double>() * at : step<double>() * (at + 0.5) - 0.5;
  }
};

/// Adds weights for the cells first, first + 1, …; those that lie outside go to the border's cell.
void set_row(TapRow& row, int64_t first, std::span<const double> weights, int64_t size) {
  row.first = std::clamp<int64_t>(first, 0, size - 1);
  const int64_t last = std::clamp<int64_t>(first + static_cast<int64_t>(weights.size()) - 1, 0, size - 1);
  row.weights.assign(static_cast<size_t>(last - row.first + 1), 0);
  for (size_t k = 0; k < weights.size(); ++k) {
    const int64_t cell = std::clamp<int64_t>(first + static_cast<int64_t>(k), 0, size - 1);
    row.weights[static_cast<size_t>(cell - row.first)] += weights[k];
  }
}

// The arithmetic decides which cell is nearest where the position is a whole number but for rounding. As in PyTorch, it
// is that of the tensor's dtype, and the floor is that of a float32.
template <class T>
int64_t nearest_cell(const Line& line, int64_t o, bool exact) {
  const T step = line.step<T>();
  T position = step * static_cast<T>(o);
  if (exact) position = std::max(T(0), step * (static_cast<T>(o) + T(0.5)) - T(0.5)) + T(0.5);
  return std::min(static_cast<int64_t>(std::floor(static_cast<float>(position))), line.input - 1);
}

Taps nearest_taps(const Line& line, Dtype dtype, bool exact) {
  return kernels::make_taps(line.input, line.output, 1, dtype, [&](int64_t o, TapRow& row) {
    row.weights = {1};
    row.first = dtype == Dtype::f32 ? nearest_cell<float>(line, o, exact) : nearest_cell<double>(line, o, exact);
  });
}

Taps linear_taps(const Line& line, Dtype dtype) {
  return kernels::make_taps(line.input, line.output, 2, dtype, [&](int64_t o, TapRow& row) {
    // A scale that is not quite the sizes' ratio does not blur what keeps its size.
    const double position = line.input == line.output ? static_cast<double>(o) : line.position(o);
    const double cell = std::min(std::floor(position), static_cast<double>(line.input - 1));
    const double rest = std::min(position - cell, 1.0);
    set_row(row, static_cast<int64_t>(cell), std::array{1 - rest, rest}, line.input);
  });
}

/// The cubic convolution kernel at distance x (Keys 1981): a is its slope at 1.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

Taps cubic_taps(const Line& line, Dtype dtype) {
  constexpr double a = -0.75;
  return kernels::make_taps(line.input, line.output, 4, dtype, [&](int64_t o, TapRow& row) {
    const double position = line.position(o);
    const double cell = std::min(std::floor(position), static_cast<double>(line.input - 1));
    const double rest = std::min(position - cell, 1.0);
    const std::array weights{cubic(rest + 1, a), cubic(rest, a), cubic(1 - rest, a), cubic(2 - rest, a)};
    set_row(row, static_cast<int64_t>(cell) - 1, weights, line.input);
  });
}

/// Antialiased: the filter, `reach` cells to both sides, is widened by the step where the output is smaller, and its
/// weights are made to add up to 1. Here align_corners changes the step alone, as in PyTorch.
Taps smooth_taps(const Line& line, Dtype dtype, double reach, double (*filter)(double)) {
  const double step = line.step<double>();
  const double widening = std::max(step, 1.0);
  const double support = reach * widening;
  const auto widest = std::min(line.input, static_cast<int64_t>(std::ceil(support)) * 2 + 1);
  return kernels::make_taps(line.input, line.output, widest, dtype, [&](int64_t o, TapRow& row) {
    const double centre = step * (static_cast<double>(o) + 0.5);
    row.first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const int64_t end = std::min(static_cast<int64_t>(centre + support + 0.5), line.input);
    for (int64_t i = row.first; i < end; ++i)
      row.weights.push_back(filter((static_cast<double>(i) - centre + 0.5) / widening));
    const double total = std::accumulate(row.weights.begin(), row.weights.end(), 0.0);
    for (double& w : row.weights) w /= total;
  });
}

Taps taps_of(const Line& line, Dtype dtype, const InterpolateOptions& options) {
  if (options.antialias && options.mode == "bilinear")
    return smooth_taps(line, dtype, 1, [](double x) { return std::max(0.0, 1 - std::abs(x)); });
  if (options.antialias) return smooth_taps(line, dtype, 2, [](double x) { return cubic(x, -0.5); });
  if (options.mode == "bicubic") return cubic_taps(line, dtype);
  if (options.mode == "nearest" || options.mode == "nearest-exact")
    return nearest_taps(line, dtype, options.mode == "nearest-exact");
  return linear_taps(line, dtype);
}

// ---- arguments ----

void check_mode(const Shape& x, const InterpolateOptions& options) {
  struct Mode {
    const char* name;
    int spatial;  // 0: any
    bool corners;
  };
  constexpr Mode modes[] = {{"nearest", 0, false}, {"nearest-exact", 0, false}, {"area", 0, false},
                            {"linear", 1, true},   {"bilinear", 2, true},       {"bicubic", 2, true},
                            {"trilinear", 3, true}};
  const auto* mode =
      std::find_if(std::begin(modes), std::end(modes), [&](const Mode& m) { return m.name == options.mode; });
  check(mode != std::end(modes), "interpolate: unknown mode '", options.mode,
        "'; expected nearest, nearest-exact, area, linear, bilinear, bicubic or trilinear");
  check(x.rank() >= 3 && x.rank() <= 5, "interpolate: input ", x, " is not [N,C,L], [N,C,H,W] or [N,C,D,H,W]");
  check(mode->spatial == 0 || mode->spatial == x.rank() - 2, "interpolate: mode ", options.mode, " is for ",
        mode->spatial, " spatial dimensions, but input ", x, " has ", x.rank() - 2);
  check(mode->corners || !options.align_corners, "interpolate: align_corners has no meaning for mode ", options.mode,
        "; leave it out");
  check(!options.antialias || options.mode == "bilinear" || options.mode == "bicubic",
        "interpolate: antialias is for bilinear and bicubic, not for ", options.mode);
}

int64_t scaled(int64_t size, double scale) {
  check(scale > 0 && std::isfinite(scale), "interpolate: scale_factor ", scale, " is not positive and finite");
  const double output = std::floor(static_cast<double>(size) * scale);
  check(output >= 1 && output <= static_cast<double>(size_limit), "interpolate: scale_factor ", scale,
        " would make a size of ", output, " from ", size, "; allowed are 1 to ", size_limit);
  return static_cast<int64_t>(output);
}

/// The spatial dimensions, with their output sizes.
std::vector<Line> lines_of(const Shape& x, const InterpolateOptions& options) {
  const auto spatial = static_cast<size_t>(x.rank() - 2);
  const bool sized = !options.size.empty();
  check(sized || !options.scale_factor.empty(), "interpolate: either size or scale_factor must be given");
  check(!sized || options.scale_factor.empty(), "interpolate: size and scale_factor cannot both be given");
  check(!sized || !options.recompute_scale_factor,
        "interpolate: recompute_scale_factor has no meaning where size is given");
  const size_t given = sized ? options.size.size() : options.scale_factor.size();
  check(given == spatial, "interpolate: ", sized ? "size" : "scale_factor", " has ", given, " entries; input ", x,
        " has ", spatial, " spatial dimensions");
  check(x[1] > 0, "interpolate: input ", x, " has no channels");
  std::vector<Line> lines(spatial);
  for (size_t i = 0; i < spatial; ++i) {
    Line& line = lines[i];
    line.input = x[2 + static_cast<int>(i)];
    check(line.input >= 1 && line.input <= size_limit, "interpolate: input ", x, " has a spatial size of ", line.input,
          "; only the batch may be empty");
    line.output = sized ? options.size[i] : scaled(line.input, options.scale_factor[i]);
    check(line.output >= 1 && line.output <= size_limit, "interpolate: size is ", line.output, "; allowed are 1 to ",
          size_limit);
    if (!sized && !options.recompute_scale_factor) line.scale = options.scale_factor[i];
    line.align_corners = options.align_corners.value_or(false);
  }
  return lines;
}

}  // namespace

Tensor interpolate(const Tensor& x, const InterpolateOptions& options) {
  check_mode(x.shape(), options);
  check(x.floating(), "interpolate: needs floating-point values, got ", x.dtype());
  const std::vector<Line> lines = lines_of(x.shape(), options);
  Shape shape = x.shape();
  for (size_t i = 0; i < lines.size(); ++i) shape = shape.with(2 + static_cast<int>(i), lines[i].output);
  if (options.mode == "area") {
    std::vector<std::optional<int64_t>> sizes;
    for (const Line& line : lines) sizes.emplace_back(line.output);
    return avg_pool(x, adaptive_windows("interpolate", x.shape(), x.rank() - 2, sizes));
  }
  if (shape.numel() == 0) return reshape(x, shape);
  { const Tensor room(shape, x.dtype()); }  // what is too large is refused before any table is made
  auto maps = std::make_shared<Maps>();
  for (const Line& line : lines) {
    Taps taps = taps_of(line, x.dtype(), options);
    maps->push_back(taps.identity() ? std::nullopt : std::optional(std::move(taps)));
  }
  return resample(x, maps);
}

namespace {

auto resized(const InterpolateOptions& options) {
  return [options](const Tensors& t) { return interpolate(t[0], options); };
}

const auto& interpolate_op =
    add_op("interpolate", "signals, images or volumes in another size", resized({.size = {4, 7}, .mode = "bilinear"}))
        .sample({{2, 2, 3, 5}})
        .sample({{1, 2, 5}}, Domain::any, resized({.scale_factor = {1.7}, .mode = "nearest"}))
        .sample({{1, 2, 5}}, Domain::any, resized({.size = {3}, .mode = "nearest-exact"}))
        .sample({{1, 2, 4}}, Domain::any, resized({.size = {7}, .mode = "linear", .align_corners = true}))
        .sample({{1, 1, 4, 3}}, Domain::any, resized({.scale_factor = {2, 0.7}, .mode = "bicubic"}))
        .sample({{1, 2, 7, 5}}, Domain::any, resized({.size = {3, 4}, .mode = "bicubic", .antialias = true}))
        .sample({{1, 1, 2, 3, 4}}, Domain::any, resized({.size = {3, 5, 2}, .mode = "trilinear"}))
        .sample({{1, 2, 5, 4}}, Domain::any, resized({.scale_factor = {1.5, 0.5}, .mode = "area"}));

}  // namespace

}  // namespace tarn
