// S3Pool: maxima at every cell, of which rows and columns are drawn; means of them when not training.
#include <algorithm>

#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Windows s3_windows(const char* op, const Shape& x, int rank, const std::vector<int64_t>& kernel_size, bool valid) {
  if (valid) return sliding_windows(op, x, rank, {.kernel_size = kernel_size, .stride = {1}});
  Windows w = adaptive_windows(op, x, rank, {1});
  const Sizes kernel = expand(kernel_size, rank);
  for (int i = 0; i < rank; ++i) {
    Axis& a = w.axes[static_cast<size_t>(3 - rank + i)];
    const int64_t taps = kernel[static_cast<size_t>(i)];
    std::vector<Span> spans;
    for (int64_t o = 0; o < a.input; ++o) {
      const int64_t inside = std::min(taps, a.input - o);
      spans.push_back({.first = o, .taps = inside, .skipped = 0, .extent = inside});
    }
    a = listed_axis(a.input, std::move(spans));
  }
  return w;
}

Tensor s3_pool(const Tensor& x, const Windows& w, std::span<const Tensor> chosen) {
  check(static_cast<int>(chosen.size()) == w.rank, "s3_pool: positions are given for ", chosen.size(),
        " dimensions; expected ", w.rank);
  Tensor y = max_pool(x, w);
  for (int i = 0; i < w.rank; ++i) y = index_select(y, i - w.rank, chosen[static_cast<size_t>(i)]);
  return y;
}

namespace {

/// Of `size` positions in groups of `grid`, the last group taking what is left over: `each` of every group, ascending.
Tensor drawn_positions(int64_t size, int64_t grid, int64_t each, const Stream& stream) {
  std::vector<int64_t> chosen;
  const int64_t groups = size / grid;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t wide = g + 1 < groups ? grid : size - g * grid;
    auto order = permutation(wide, stream.child(static_cast<uint64_t>(g)));
    order.resize(static_cast<size_t>(each));
    std::sort(order.begin(), order.end());
    for (const int64_t at : order) chosen.push_back(g * grid + at);
  }
  return Tensor(Shape{static_cast<int64_t>(chosen.size())}, chosen);
}

template <int rank>
class S3Pool : public Module {
 public:
  struct Config {
    Sizes kernel_size{2};
    std::optional<Sizes> stride;
    std::optional<Sizes> grid_size;
    std::string pad_mode = "clip";
    void fields(Fields& f) {
      f("kernel_size", kernel_size, "size of the windows, of which there is one at every cell", size_rule(rank, 1));
      f("stride", stride, "one of so many rows, columns, … is kept; left out: the kernel's size", size_rule(rank, 1));
      f("grid_size", grid_size,
        "size of the groups in which they are drawn, a multiple of the stride; left out: the stride",
        size_rule(rank, 1));
      f("pad_mode", pad_mode, "windows at the far edge are cut off (\"clip\"), or left out (\"valid\")",
        {.choices = {"clip", "valid"}});
    }
  };
  S3Pool(const Config& c, Build&)
      : kernel_(expand(c.kernel_size, rank)),
        stride_(per_dimension(c.stride.value_or(c.kernel_size), rank)),
        grid_(per_dimension(c.grid_size.value_or(c.stride.value_or(c.kernel_size)), rank)),
        valid_(c.pad_mode == "valid") {
    for (size_t i = 0; i < rank; ++i)
      check(grid_[i] % stride_[i] == 0, name(), ": grid_size is ", grid_[i], "; allowed are multiples of the stride, ",
            stride_[i]);
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(name(), x, rank);
    const Windows w = s3_windows(name().c_str(), x.shape(), rank, kernel_, valid_);
    for (size_t i = 0; i < rank; ++i)
      check(grid_[i] <= cells(w, i), name(), ": grid_size is ", grid_[i], "; allowed are 1 to ", cells(w, i),
            ", the windows along that dimension");
    if (!context.training) return means(max_pool(x, w));
    const Stream stream = context.stream();
    Tensors chosen;
    for (size_t i = 0; i < rank; ++i)
      chosen.push_back(drawn_positions(cells(w, i), grid_[i], grid_[i] / stride_[i], stream.child(i)));
    return s3_pool(x, w, chosen);
  }

 private:
  static std::string name() { return with_rank("s3_pool", rank); }
  static int64_t cells(const Windows& w, size_t i) { return w.axes[3 - rank + i].output; }
  /// The mean of each cell of stride² maxima, for as many cells as training keeps.
  Tensor means(const Tensor& maxima) const {
    const Sizes kernel(stride_.begin(), stride_.begin() + rank);
    Windows w = sliding_windows(name().c_str(), maxima.shape(), rank, {.kernel_size = kernel});
    for (size_t i = 0; i < rank; ++i) {
      Axis& a = w.axes[3 - rank + i];
      a.output = a.input / grid_[i] * (grid_[i] / stride_[i]);
    }
    return window_means(maxima, w);
  }

  Sizes kernel_;
  std::array<int64_t, 3> stride_, grid_;
  bool valid_;
};

template <int rank>
bool add_s3_pool() {
  add_layer<S3Pool<rank>>(with_rank("S3Pool", rank), "Maxima of all windows, of which rows and columns are drawn.",
                          R"({"kernel_size": 3, "stride": 2, "grid_size": 4})", {spatial_sample(rank)})
      .formula(
          "m = max pooling with stride 1; training: y = rows and columns of m, of each group of grid_size so many "
          "at random that one in stride is kept, the same for all samples and channels; otherwise the mean of m "
          "over each cell of stride × stride")
      .source("Zhai et al. 2016 (arXiv 1611.05138); their evaluation pads by half a kernel, which this does not")
      .pools(PoolGroup::random,
             "in place of max pooling in small networks that overfit: it distorts the picture a little, as an "
             "augmentation does")
      .draws_random_numbers()
      .samples_from(Domain::away_from_ties);
  return true;
}

const bool s3_pool_added = add_s3_pool<1>() && add_s3_pool<2>() && add_s3_pool<3>();

}  // namespace
}  // namespace tarn
