// MedianPool: the middle value of each window.
#include <algorithm>

#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

namespace {

/// `index` [..., cells, 1], but the first NaN in windows that have one.
Tensor or_first_nan(const Tensor& index, const Ranks& r) {
  const Tensor bad = isnan(r.taps.values.detach());
  if (!any(bad).item()) return index;
  return where(amax(bad, {-1}, true), argmax(bad, -1, true), index);
}

/// The value of rank `at` [cells, 1] of each window.
Tensor value_at(const Tensor& at, const Ranks& r) {
  std::vector<int64_t> sizes(r.index.shape().begin(), r.index.shape().end());
  sizes.back() = 1;
  const Tensor rank = broadcast_to(at.to(Dtype::i64), Shape(sizes));
  return gather(r.taps.values, -1, or_first_nan(gather(r.index, -1, rank), r));
}

}  // namespace

Tensor median_pool(const Tensor& x, const Windows& w, bool even_mean) {
  const Ranks r = ranked(x, w, false);
  const Tensor lower = value_at(floor((r.taps.count - 1.0) * 0.5), r);
  if (!even_mean) return as_output(lower, r.taps);
  return as_output((lower + value_at(floor(r.taps.count * 0.5), r)) * 0.5, r.taps);
}

namespace {

template <int rank>
class MedianPool : public Module {
 public:
  struct Config {
    SlidingSettings<rank> window{.kernel_size = {3}, .stride = Sizes{1}};
    bool same = false;
    std::string even = "lower";
    std::string padding_mode = "clip";
    void fields(Fields& f) {
      f("kernel_size", window.kernel_size, "size of the window", size_rule(rank, 1));
      f("stride", window.stride, "steps between windows; null: the kernel's size", size_rule(rank, 1));
      f("padding", window.padding, "cells added at both sides, at most half the kernel", size_rule(rank, 0));
      f("ceil_mode", window.ceil_mode, "round output sizes up, so that the last window may reach over the end");
      f("same", same,
        "pads so that there is a window for every step of the stride, the larger half behind; takes the place of "
        "padding");
      f("even", even,
        "of an even number of values: the \"lower\" of the two in the middle, which is biased low, or their \"mean\"",
        {.choices = {"lower", "mean"}});
      f("padding_mode", padding_mode, "what lies outside: nothing (\"clip\"), or the mirrored input (\"reflect\")",
        {.choices = {"clip", "reflect"}});
    }
  };

  MedianPool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    const bool mean = config_.even == "mean";
    const Windows w = config_.same ? same_windows(x.shape()) : config_.window.windows(name(), x.shape());
    if (config_.padding_mode == "clip") return median_pool(x, w, mean);
    const Tensor wider = reflected(x, w);
    SlidingOptions inside = config_.window.options();
    inside.padding = {0};
    if (config_.same) inside.ceil_mode = false;
    return median_pool(wider, sliding_windows(name().c_str(), wider.shape(), rank, inside), mean);
  }

 private:
  static std::string name() { return with_rank("median_pool", rank); }
  /// Cells that "same" adds to a dimension, the smaller half before it.
  static int64_t added(int64_t input, int64_t kernel, int64_t stride) {
    return std::max((input - 1) / stride * stride + kernel - input, int64_t{0});
  }
  Windows same_windows(const Shape& x) const {
    const auto kernel = per_dimension(config_.window.kernel_size, rank);
    const auto stride = per_dimension(config_.window.stride.value_or(config_.window.kernel_size), rank);
    Windows w = adaptive_windows(name().c_str(), x, rank, {1});
    for (size_t i = 0; i < rank; ++i) {
      Axis& a = w.axes[3 - rank + i];
      const int64_t before = added(a.input, kernel[i], stride[i]) / 2;
      std::vector<Span> spans;
      for (int64_t start = 0; start < a.input; start += stride[i]) {
        Span s;
        s.skipped = std::max(before - start, int64_t{0});
        s.first = start - before + s.skipped;
        s.taps = std::min(start - before + kernel[i], a.input) - s.first;
        s.extent = s.taps;
        spans.push_back(s);
      }
      a = listed_axis(a.input, std::move(spans));
    }
    return w;
  }
  Tensor reflected(const Tensor& x, const Windows& w) const {
    const auto kernel = per_dimension(config_.window.kernel_size, rank);
    const auto stride = per_dimension(config_.window.stride.value_or(config_.window.kernel_size), rank);
    std::vector<int64_t> sizes;
    for (size_t i = rank; i-- > 0;) {
      const Axis& a = w.axes[3 - rank + i];
      const int64_t both = config_.same ? added(a.input, kernel[i], stride[i]) : 2 * a.padding;
      sizes.insert(sizes.end(), {both / 2, both - both / 2});
    }
    return pad(x, sizes, "reflect");
  }

  Config config_;
};

template <int rank>
bool add_median_pool() {
  add_layer<MedianPool<rank>>(with_rank("MedianPool", rank), "The median of each window.",
                              R"({"kernel_size": 3, "stride": 2, "padding": 1, "even": "mean"})",
                              {spatial_sample(rank)})
      .formula(
          "y = x_(r), r = ⌊(n - 1) / 2⌋, x_(0) ≤ x_(1) ≤ … the n values of the window; with even \"mean\" half of "
          "that and half of x_(⌊n / 2⌋)")
      .source("Tukey 1971; timm.layers.MedianPool2d, whose padding is always \"reflect\"")
      .pools(PoolGroup::rank,
             "to remove single wrong values, such as salt and pepper in an image; strides of 1 keep the size with same")
      .samples_from(Domain::away_from_ties);
  return true;
}

const bool added = add_median_pool<1>() && add_median_pool<2>() && add_median_pool<3>();

}  // namespace
}  // namespace tarn
