// R-MAC: maxima of overlapping regions of several sizes, as one descriptor of an image.
#include <cmath>

#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// How many more regions the longer side gets: the number of steps whose regions overlap by nearly 40 %.
int64_t extra_regions(int64_t height, int64_t width) {
  const auto side = static_cast<double>(std::min(height, width));
  const auto longer = static_cast<double>(std::max(height, width));
  if (height == width) return 0;
  int64_t best = 0;
  double least = 0;
  for (int64_t m = 2; m <= 7; ++m) {
    const double step = (longer - side) / static_cast<double>(m - 1);
    const double distance = std::abs((side * side - side * step) / (side * side) - 0.4);
    if (best == 0 || distance < least) {
      best = m - 1;
      least = distance;
    }
  }
  return best;
}

/// `count` regions of `side` cells, evenly over a dimension.
Axis region_axis(int64_t input, int64_t side, int64_t count) {
  const double before = std::floor(static_cast<double>(side) / 2 - 1);
  const double step = count > 1 ? static_cast<double>(input - side) / static_cast<double>(count - 1) : 0;
  std::vector<Span> spans;
  for (int64_t i = 0; i < count; ++i) {
    const double start = std::floor(before + static_cast<double>(i) * step) - before;
    spans.push_back({.first = static_cast<int64_t>(start), .taps = side, .extent = side});
  }
  return listed_axis(input, std::move(spans));
}

/// The sum over all regions of their vectors of maxima, each divided by its length plus eps. [..., C].
Tensor normalised_maxima(const Tensor& x, const Windows& w, double eps) {
  const Tensor regions = flatten(max_pool(x, w), -2);
  return sum(regions / (norm(regions, 2, {-2}, true) + eps), {-1});
}

}  // namespace

Tensor rmac_pool2d(const Tensor& x, int64_t levels, double eps) {
  check_planes("rmac_pool2d", x, 2);
  check(levels > 0, "rmac_pool2d: levels is ", levels, "; expected at least 1");
  Windows w = adaptive_windows("rmac_pool2d", x.shape(), 2, {1});
  Tensor y = normalised_maxima(x, w, eps);
  const int64_t height = x.size(-2);
  const int64_t width = x.size(-1);
  const int64_t extra = extra_regions(height, width);
  for (int64_t level = 1; level <= levels; ++level) {
    const int64_t side = 2 * std::min(height, width) / (level + 1);
    if (side == 0) continue;
    w.axes[1] = region_axis(height, side, level + (height > width ? extra : 0));
    w.axes[2] = region_axis(width, side, level + (width > height ? extra : 0));
    y = y + normalised_maxima(x, w, eps);
  }
  return y;
}

namespace {

struct Rmac {
  int64_t levels = 3;
  double eps = 1e-6;
  void fields(Fields& f) {
    f("levels", levels, "sizes of regions: level l has l × l of them, more along the longer side", {.lo = 1, .hi = 64});
    f("eps", eps, "added to the length that a region's vector is divided by", {.lo = 0});
  }
  Tensor pool(const Tensor& x) const { return rmac_pool2d(x, levels, eps); }
};

const auto& rmac_row =
    add_layer<PlainPool<Rmac>>("RMAC", "The maxima of regions of several sizes, normalised and added up.", "{}",
                               {spatial_sample(2)})
        .formula(
            "y = Σ over regions of m / (‖m‖ + eps), m the maximum of each channel; first the whole plane, then "
            "level l = 1 … L with squares of side ⌊2 min(H, W) / (l + 1)⌋")
        .source("Tolias, Sicre, Jégou 2015 (arXiv 1511.05879); regions as in cirtorch")
        .pools(PoolGroup::region, "for image retrieval, as a descriptor that knows of parts")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
