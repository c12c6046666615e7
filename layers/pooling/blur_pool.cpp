// BlurPool and MaxBlurPool: subsampling after a binomial filter, so that shifts of the input alias less.
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// The outer product of binomial rows of `size` values, one for each dimension, with sum 1: [1, 1, size, …].
Tensor binomial_filter(int64_t size, int rank, Dtype dtype) {
  std::vector<double> row(static_cast<size_t>(size), 1);
  for (size_t j = 1; j < row.size(); ++j)
    row[j] = row[j - 1] * static_cast<double>(row.size() - j) / static_cast<double>(j);
  const double total = static_cast<double>(int64_t{1} << (size - 1));
  std::vector<double> filter{1};
  for (int i = 0; i < rank; ++i) {
    std::vector<double> wider;
    for (const double a : filter)
      for (const double b : row) wider.push_back(a * b / total);
    filter = std::move(wider);
  }
  std::vector<int64_t> sizes(static_cast<size_t>(rank), size);
  sizes.insert(sizes.begin(), {1, 1});
  return Tensor(Shape(sizes), filter).to(dtype);
}

/// `blur_pool` for the layer of that name.
Tensor blurred(const std::string& name, const Tensor& x, int rank, int64_t filt_size, const Sizes& stride,
               const std::string& pad_mode) {
  check(filt_size >= 1 && filt_size <= 7, name, ": filt_size is ", filt_size, "; expected 1 to 7");
  check(pad_mode == "reflect" || pad_mode == "replicate" || pad_mode == "zero", name, ": pad_mode is '", pad_mode,
        "'; expected reflect, replicate or zero");
  check_planes(name, x, rank);
  const int64_t before = (filt_size - 1) / 2;
  const int64_t after = filt_size - 1 - before;
  const bool sample = is_sample(x.shape(), rank);
  const Sizes step = expand(stride, rank);
  ConvGeometry geometry;
  std::vector<int64_t> planes{x.shape().product(0, sample ? 1 : 2), 1};
  std::vector<int64_t> padding;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = x.size(i - rank);
    check(pad_mode != "reflect" || size > after, name, ": filt_size ", filt_size, " means reflecting ", after,
          " cells, which needs more than that, but the input is ", x.shape(),
          "; use a smaller filt_size, or pad_mode replicate");
    const size_t d = static_cast<size_t>(i);
    check(step[d] >= 1, name, ": stride is ", step[d], "; expected at least 1");
    geometry.stride[d] = step[d];
    planes.push_back(size);
    padding.insert(padding.end(), {before, after});
  }
  Tensor plane = reshape(x, Shape(planes));
  if (filt_size > 1) plane = pad(plane, padding, pad_mode == "zero" ? "constant" : pad_mode);
  const Tensor y = conv(plane, binomial_filter(filt_size, rank, x.dtype()), {}, geometry);
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().end() - rank);
  sizes.insert(sizes.end(), y.shape().begin() + 2, y.shape().end());
  return reshape(y, Shape(sizes));
}

}  // namespace

Tensor blur_pool(const Tensor& x, int rank, int64_t filt_size, const Sizes& stride, const std::string& pad_mode) {
  return blurred(with_rank("blur_pool", rank), x, rank, filt_size, stride, pad_mode);
}

namespace {

/// What a blur is, with its step.
template <int rank>
struct Blur {
  int64_t filt_size = 3;
  Sizes stride{2};
  std::string pad_mode = "reflect";
  void fields(Fields& f) {
    f("filt_size", filt_size, "size of the binomial filter; 1: plain subsampling", {.lo = 1, .hi = 7});
    f("stride", stride, "steps between the values that are kept", size_rule(rank, 1));
    f("pad_mode", pad_mode, "how the filter sees over the edge", {.choices = {"reflect", "replicate", "zero"}});
  }
  Tensor pool(const char* family, const Tensor& x) const {
    return blurred(with_rank(family, rank), x, rank, filt_size, stride, pad_mode);
  }
};

template <int rank>
class BlurPool : public Module {
 public:
  using Config = Blur<rank>;
  BlurPool(Config c, Build&) : blur_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override { return blur_.pool("blur_pool", x); }

 private:
  Config blur_;
};

template <int rank>
class MaxBlurPool : public Module {
 public:
  struct Config {
    Sizes kernel_size;
    Sizes padding{0};
    Blur<rank> blur;
    void fields(Fields& f) {
      f("kernel_size", kernel_size, "size of the maximum's window, which moves in steps of 1",
        size_rule(rank, 1, true));
      f("padding", padding, "cells added at both sides for the maximum, at most half the kernel; they never win",
        size_rule(rank, 0));
      blur.fields(f);
    }
  };
  MaxBlurPool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    check_planes(with_rank("max_blur_pool", rank), x, rank);
    const Windows& w = windows_.get(x.shape(), rank, [this](const Shape& s) {
      const SlidingOptions options{.kernel_size = config_.kernel_size, .stride = {1}, .padding = config_.padding};
      return sliding_windows(with_rank("max_blur_pool", rank).c_str(), s, rank, options);
    });
    return config_.blur.pool("max_blur_pool", max_pool(x, w));
  }

 private:
  Config config_;
  KeptWindows windows_;
};

template <int rank>
LayerInfo& add_blur_pool() {
  return add_layer<BlurPool<rank>>(with_rank("BlurPool", rank),
                                   "Blurs by a binomial filter, then keeps every other value.", R"({"filt_size": 4})",
                                   {spatial_sample(rank)})
      .formula(
          "y[o] = Σ_j b_j x[o · stride + j - ⌊(f-1)/2⌋] along each dimension, b_j = C(f-1, j) / 2^(f-1), f = filt_size")
      .source("Zhang 2019 (arXiv 1904.11486); the same filter for all channels, not learned")
      .pools(PoolGroup::filter,
             "in place of strides and pooling, where a shift of the image must not change the result")
      .samples_from(Domain::any);
}

template <int rank>
LayerInfo& add_max_blur_pool() {
  return add_layer<MaxBlurPool<rank>>(with_rank("MaxBlurPool", rank), "A maximum in steps of 1, then BlurPool.",
                                      R"({"kernel_size": 3, "padding": 1})", {spatial_sample(rank)})
      .formula("y = BlurPool(MaxPool(x)), the maximum with stride 1")
      .source("Zhang 2019 (arXiv 1904.11486)")
      .pools(PoolGroup::filter,
             "in place of max pooling with a stride, where a shift of the image must not change the result")
      .samples_from(Domain::away_from_ties);
}

const auto& blur1d_row = add_blur_pool<1>();
const auto& blur2d_row = add_blur_pool<2>();
const auto& blur3d_row = add_blur_pool<3>();
const auto& max_blur1d_row = add_max_blur_pool<1>();
const auto& max_blur2d_row = add_max_blur_pool<2>();
const auto& max_blur3d_row = add_max_blur_pool<3>();

}  // namespace
}  // namespace tarn
