// MedianPool: the middle value of each window.
#include <algorithm>

#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/whole_plane.h"
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
      window.padding_fields(f);
      f("same", same, "the same as padding \"same\", by timm's name");
      f("even", even,
        "of an even number of values: the \"lower\" of the two in the middle, which is biased low, or their \"mean\"",
        {.choices = {"lower", "mean"}});
      f("padding_mode", padding_mode, "what lies outside: nothing (\"clip\"), or the mirrored input (\"reflect\")",
        {.choices = {"clip", "reflect"}});
    }
  };

  MedianPool(Config c, Build&) : config_(std::move(c)) {
    if (config_.same) config_.window.padding.word = "same";
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes(name(), x, rank);
    const bool mean = config_.even == "mean";
    const Windows w = config_.window.windows(name(), x.shape());
    if (config_.padding_mode == "clip") return median_pool(x, w, mean);
    const Tensor wider = pad(x, margins(w), "reflect");
    SlidingOptions inside = config_.window.options();
    inside.padding = {0};
    if (inside.same) inside.same = inside.ceil_mode = false;
    Windows within = sliding_windows(name().c_str(), wider.shape(), rank, inside);
    for (size_t i = 0; i < 3; ++i) within.axes[i].output = w.axes[i].output;  // none begins in what was added behind
    return median_pool(wider, within, mean);
  }

 private:
  static std::string name() { return with_rank("median_pool", rank); }
  /// What padding adds in front of and behind each dimension, as `pad` takes it: the last dimension first.
  std::vector<int64_t> margins(const Windows& w) const {
    std::vector<int64_t> sizes;
    for (size_t i = 3; i-- > 3 - rank;) {
      const Axis& a = w.axes[i];
      const int64_t end = (a.output - 1) * a.stride + a.kernel - a.padding;
      const int64_t behind = config_.window.same() ? std::max<int64_t>(end - a.input, 0) : a.padding;
      const int64_t most = std::max(a.padding, behind);
      check(most < a.input, name(), ": kernel_size is ", a.kernel, ", whose padding of ", most,
            " cells is more than can be reflected of ", a.input, "; use padding_mode \"clip\" or a smaller kernel");
      sizes.insert(sizes.end(), {a.padding, behind});
    }
    return sizes;
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

const bool median_pool_added = add_median_pool<1>() && add_median_pool<2>() && add_median_pool<3>();

}  // namespace
}  // namespace tarn
