// Spatial pyramid pooling: planes of any size become a vector whose length follows from the levels alone.
#include <algorithm>

#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// `bins` windows over a dimension as the paper has them, kernel ⌈I/n⌉ and stride ⌊I/n⌋, or as Caffe has, with both
/// ⌈I/n⌉ and padding at the ends.
Axis pyramid_axis(int64_t input, int64_t bins, bool caffe) {
  const char* name = "spatial_pyramid_pool";
  const int64_t kernel = (input + bins - 1) / bins;
  const int64_t stride = caffe ? kernel : input / bins;
  const int64_t padding = caffe ? (kernel * bins - input + 1) / 2 : 0;
  check(stride > 0 && padding < kernel, name, ": ", bins, " bins do not fit a dimension of ", input, " with windows \"",
        caffe ? "caffe" : "paper", "\"; \"adaptive\" fits any number of them");
  const int64_t rounding = caffe ? stride - 1 : 0;
  int64_t output = (input + 2 * padding - kernel + rounding) / stride + 1;
  if (caffe && padding > 0 && (output - 1) * stride >= input + padding) --output;
  std::vector<Span> spans;
  for (int64_t o = 0; o < output; ++o) {
    const int64_t start = o * stride - padding;
    const int64_t first = std::max<int64_t>(start, 0);
    const int64_t taps = std::min(start + kernel, input) - first;
    check(taps > 0, name, ": ", bins, " bins leave a window of windows \"caffe\" empty on a dimension of ", input,
          "; \"adaptive\" fits any number of them");
    spans.push_back({.first = first,
                     .taps = taps,
                     .skipped = first - start,
                     .extent = std::min(start + kernel, input + padding) - start});
  }
  return listed_axis(input, std::move(spans));
}

Windows pyramid_windows(const Shape& x, int rank, const std::vector<int64_t>& bins, const std::string& kind) {
  const char* name = "spatial_pyramid_pool";
  Windows w = adaptive_windows(name, x, rank, {bins.begin(), bins.end()});
  if (kind == "adaptive") return w;
  for (int i = 0; i < rank; ++i) {
    Axis& axis = w.axes[static_cast<size_t>(3 - rank + i)];
    axis = pyramid_axis(x[x.rank() - rank + i], bins[static_cast<size_t>(i)], kind == "caffe");
  }
  return w;
}

}  // namespace

Tensor spatial_pyramid_pool(const Tensor& x, int rank, const std::vector<std::vector<int64_t>>& levels,
                            const std::string& mode, const std::string& windows) {
  const char* name = "spatial_pyramid_pool";
  check_planes(name, x, rank);
  check(mode == "max" || mode == "avg", name, ": mode is \"", mode, "\"; expected \"max\" or \"avg\"");
  check(windows == "adaptive" || windows == "paper" || windows == "caffe", name, ": windows is \"", windows,
        "\"; expected \"adaptive\", \"paper\" or \"caffe\"");
  check(!levels.empty(), name, ": levels is empty; expected at least one");
  Tensors parts;
  for (const std::vector<int64_t>& level : levels) {
    const std::vector<int64_t> bins = expand(level, rank);
    for (const int64_t n : bins) check(n > 0, name, ": levels has ", n, " bins; expected at least 1");
    const Windows w = pyramid_windows(x.shape(), rank, bins, windows);
    const Tensor cells = mode == "max" ? max_pool(x, w) : avg_pool(x, w);
    parts.push_back(flatten(cells, x.rank() - rank - 1));
  }
  return cat(parts, -1);
}

namespace {

template <int rank>
struct SpatialPyramidPool {
  Json levels = Json::Array{1, 2, 4};
  std::string mode = "max";
  std::string windows = "adaptive";

  void fields(Fields& f) {
    f("levels", levels, "a list with the bins of each level: one number, or a list with one for each dimension",
      {.list_of = "numbers of bins", .inside = check_levels});
    f("mode", mode, "what a bin keeps", {.choices = {"max", "avg"}});
    f("windows", windows,
      "\"adaptive\": bins ⌊iI/n⌋ … ⌈(i+1)I/n⌉; \"paper\": kernel ⌈I/n⌉ in steps of ⌊I/n⌋, which may give other numbers "
      "of bins; \"caffe\": kernel and step ⌈I/n⌉, padded",
      {.choices = {"adaptive", "paper", "caffe"}});
  }
  static void check_levels(const Json& levels, Problems& problems) {
    constexpr int64_t most = 1 << 24;
    const auto is_count = [](const Json& n) {
      return n.kind() == Json::Kind::integer && n.as_integer() >= 1 && n.as_integer() <= most;
    };
    for (const Json& level : levels.items()) {
      const bool fits = level.size() == 1 || level.size() == static_cast<size_t>(rank);
      const bool list = level.is_array() && fits && std::ranges::all_of(level.items(), is_count);
      if (!list && !is_count(level))
        problems.add(level.where(), text("expected a number of bins from 1 to ", most, ", or a list of ", rank,
                                         ", found ", level.describe()));
    }
  }
  void validate(const Shape&) const { listed(); }
  std::vector<std::vector<int64_t>> listed() const {
    check(levels.is_array() && levels.size() > 0, "levels is ", levels.describe(),
          "; expected a list with at least one number of bins");
    std::vector<std::vector<int64_t>> all;
    for (const Json& level : levels.items()) {
      std::vector<int64_t> bins;
      if (level.is_array())
        for (const Json& n : level.items()) bins.push_back(n.as_integer());
      else
        bins.push_back(level.as_integer());
      for (const int64_t n : bins) check(n > 0 && n <= 1 << 24, "levels has ", n, " bins; expected 1 to ", 1 << 24);
      all.push_back(expand(bins, rank));
    }
    return all;
  }
  Tensor pool(const Tensor& x) const { return spatial_pyramid_pool(x, rank, listed(), mode, windows); }
};

template <int rank>
bool add_pyramid() {
  add_layer<PlainPool<SpatialPyramidPool<rank>>>(with_rank("SpatialPyramidPool", rank),
                                                 "The maxima, or means, of bins of several sizes, all in a row.",
                                                 R"({"levels": [1, 3], "mode": "avg"})", {spatial_sample(rank)})
      .formula("y = the concatenation over the levels n of max x, or mean x, over each of n bins for each dimension")
      .source("He, Zhang, Ren, Sun 2014 (arXiv 1406.4729); Caffe SPP")
      .pools(PoolGroup::region, "before fully connected layers, for inputs of any size")
      .samples_from(Domain::away_from_ties);
  return true;
}

const bool spatial_pyramid_pool_added = add_pyramid<1>() && add_pyramid<2>() && add_pyramid<3>();

}  // namespace
}  // namespace tarn
