// Rings around the middle of a plane, so that a turned picture gives the same values.
#include <cmath>

#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// The flat positions of each of n rings of equal width, the outermost ending at R = min(H, W) / 2; what lies beyond
/// belongs to it or to none. In whole numbers: twice the distance from the middle is √(a² + b²), so ring i begins where
/// (a² + b²) n² >= (i min(H, W))².
std::vector<std::vector<int64_t>> ring_positions(int64_t height, int64_t width, int64_t n, bool keep_corners) {
  const char* name = "concentric_circle_pool2d";
  const int64_t side = std::min(height, width);
  const int64_t most = std::max<int64_t>(side, 2);  // of more, the middle one or the next would be empty
  check(n > 0 && n <= most, name, ": rings is ", n, "; of more than ", most, " one holds no cell of a plane of ",
        height, " × ", width);
  std::vector<std::vector<int64_t>> rings(static_cast<size_t>(n));
  for (int64_t h = 0; h < height; ++h)
    for (int64_t w = 0; w < width; ++w) {
      const int64_t a = 2 * h - (height - 1);
      const int64_t b = 2 * w - (width - 1);
      int64_t i = n;
      if (a * a + b * b < side * side) {  // squares below are under side⁴
        const int64_t squared = (a * a + b * b) * n * n;
        i = static_cast<int64_t>(std::sqrt(static_cast<double>(squared)) / static_cast<double>(side));
        while (i > 0 && squared < i * i * side * side) --i;
        while (squared >= (i + 1) * (i + 1) * side * side) ++i;
      }
      if (i == n && !keep_corners) continue;
      rings[static_cast<size_t>(std::min(i, n - 1))].push_back(h * width + w);
    }
  for (size_t i = 0; i < rings.size(); ++i)
    check(!rings[i].empty(), name, ": ring ", i, " of ", n, " holds no cell of a plane of ", height, " × ", width,
          "; choose fewer rings");
  return rings;
}

}  // namespace

Tensor concentric_circle_pool2d(const Tensor& x, int64_t rings, const std::string& mode, bool keep_corners) {
  const char* name = "concentric_circle_pool2d";
  check_planes(name, x, 2);
  check(mode == "max" || mode == "avg", name, ": mode is \"", mode, "\"; expected \"max\" or \"avg\"");
  const Tensor flat = flatten(x, -2);
  Tensors values;
  for (const std::vector<int64_t>& cells : ring_positions(x.size(-2), x.size(-1), rings, keep_corners)) {
    const Tensor ring = index_select(flat, -1, Tensor(Shape{static_cast<int64_t>(cells.size())}, cells));
    values.push_back(mode == "max" ? max(ring, -1, true).values : mean(ring, {-1}, true));
  }
  return cat(values, -1);
}

namespace {

struct ConcentricCirclePool {
  int64_t rings = 0;
  std::string mode = "avg";
  std::string corners = "include";
  void fields(Fields& f) {
    f("rings", rings, "how many rings of equal width, up to half the smaller size", {.lo = 1, .required = true});
    f("mode", mode, "what a ring keeps", {.choices = {"avg", "max"}});
    f("corners", corners, "cells beyond the last ring: \"include\" counts them to it, \"drop\" leaves them out",
      {.choices = {"include", "drop"}});
  }
  void validate(const Shape& x) const {
    is_sample(x, 2);
    ring_positions(x[x.rank() - 2], x[x.rank() - 1], rings, corners == "include");
  }
  Tensor pool(const Tensor& x) const { return concentric_circle_pool2d(x, rings, mode, corners == "include"); }
};

const auto& concentric_circle_pool_row =
    add_layer<PlainPool<ConcentricCirclePool>>("ConcentricCirclePool2d",
                                               "The mean, or the maximum, of rings around the middle of each plane.",
                                               R"({"rings": 2})", {spatial_sample(2)})
        .formula(
            "y[i] = mean of x where iR/n <= r < (i + 1)R/n, r from ((H - 1)/2, (W - 1)/2), R = min(H, W)/2; the "
            "last ring takes what lies beyond")
        .source("Qi et al. 2018, concentric circle pooling; the width of the rings is this layer's own choice")
        .pools(PoolGroup::region, "for pictures without an up: microscopy, satellites, sky")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
