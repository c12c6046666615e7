// Strips of a plane: whole rows and whole columns.
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor strip_pool2d(const Tensor& x, const std::string& axis, const std::string& mode) {
  const char* name = "strip_pool2d";
  check_planes(name, x, 2);
  check(axis == "w" || axis == "h", name, ": axis is \"", axis, "\"; expected \"w\" or \"h\"");
  check(mode == "max" || mode == "avg", name, ": mode is \"", mode, "\"; expected \"max\" or \"avg\"");
  const std::optional<int64_t> all;
  const Windows w =
      axis == "w" ? adaptive_windows(name, x.shape(), 2, {all, 1}) : adaptive_windows(name, x.shape(), 2, {1, all});
  return mode == "max" ? max_pool(x, w) : avg_pool(x, w);
}

Tensor coord_pool2d(const Tensor& x) {
  check_planes("coord_pool2d", x, 2);
  const Tensors strips{strip_pool2d(x, "w"), transpose(strip_pool2d(x, "h"), -2, -1)};
  return cat(strips, -2);
}

namespace {

struct StripPool {
  std::string axis = "w";
  std::string mode = "avg";
  void fields(Fields& f) {
    f("axis", axis, "\"w\": one value for each row, [N, C, H, 1]; \"h\": one for each column, [N, C, 1, W]",
      {.choices = {"w", "h"}});
    f("mode", mode, "what a strip keeps", {.choices = {"avg", "max"}});
  }
  Tensor pool(const Tensor& x) const { return strip_pool2d(x, axis, mode); }
};

struct CoordPool {
  void fields(Fields&) {}
  Tensor pool(const Tensor& x) const { return coord_pool2d(x); }
};

const auto& strip_pool_row =
    add_layer<PlainPool<StripPool>>("StripPool2d", "The mean, or the maximum, of every row or every column.",
                                    R"({"axis": "h"})", {spatial_sample(2)})
        .formula("y[h, 1] = mean of x[h, :] for axis \"w\", y[1, w] = mean of x[:, w] for axis \"h\"")
        .source("Hou, Zhang, Cheng, Feng 2020 (arXiv 2003.13328)")
        .pools(PoolGroup::region, "for long thin things: lanes, poles, rows of text")
        .samples_from(Domain::away_from_ties);

const auto& coord_pool_row =
    add_layer<PlainPool<CoordPool>>("CoordPool2d", "The means of all rows, then those of all columns.", "{}",
                                    {spatial_sample(2)})
        .formula("y[h] = mean of x[h, :], then y[H + w] = mean of x[:, w]; [N, C, H + W, 1]")
        .source("Hou, Zhou, Feng 2021 (arXiv 2103.02907)")
        .pools(PoolGroup::region, "inside coordinate attention, which needs to know where in a plane something is");

}  // namespace
}  // namespace tarn
