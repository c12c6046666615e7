// AdaptiveAvgMaxPool, AdaptiveCatAvgMaxPool and SelectAdaptivePool: heads that look at means and maxima.
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor avgmax_pool(const Tensor& x, const Windows& w) {
  return 0.5 * (window_means(x, w) + max_pool(x, w));
}

Tensor catavgmax_pool(const Tensor& x, const Windows& w) {
  return cat(Tensors{window_means(x, w), max_pool(x, w)}, channel_axis(x, w));
}

namespace {

void output_size_field(Fields& f, MaybeSizes& output_size, int rank) {
  f("output_size", output_size, "size of the output: one number, or one for each dimension; null keeps the input's",
    {.lo = 0, .hi = 1 << 24, .rank = rank});
}

/// Windows for the output size; `rank` 0: of as many dimensions as x has.
Windows windows_for(const char* family, const Tensor& x, int rank, const MaybeSizes& output_size) {
  const std::string name = with_any_rank(family, rank);
  check_planes(name, x, rank);
  const int spatial = spatial_rank(x.shape(), rank);
  const auto entries = static_cast<int>(output_size.size());
  check(entries == 1 || entries == spatial, name, ": output_size has ", entries, " entries, but the input ", x.shape(),
        " has ", spatial, " spatial dimensions; expected 1 or as many");
  return adaptive_windows(name.c_str(), x.shape(), spatial, output_size);
}

template <int rank, bool concatenated>
class AdaptiveAvgMaxPool : public Module {
 public:
  struct Config {
    MaybeSizes output_size{1};
    void fields(Fields& f) { output_size_field(f, output_size, rank); }
  };
  AdaptiveAvgMaxPool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    const char* name = concatenated ? "adaptive_catavgmax_pool" : "adaptive_avgmax_pool";
    const Windows w = windows_for(name, x, rank, config_.output_size);
    return concatenated ? catavgmax_pool(x, w) : avgmax_pool(x, w);
  }

 private:
  Config config_;
};

template <int rank>
class SelectAdaptivePool : public Module {
 public:
  struct Config {
    MaybeSizes output_size{1};
    std::string pool_type = "avg";
    bool flatten = false;
    void fields(Fields& f) {
      output_size_field(f, output_size, rank);
      f("pool_type", pool_type, "what is taken of each window; \"\" leaves the input as it is",
        {.choices = {"", "avg", "max", "avgmax", "catavgmax"}});
      f("flatten", flatten, "gives [N, values] instead of planes");
    }
  };
  SelectAdaptivePool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    const Windows w = windows_for("select_adaptive_pool", x, rank, config_.output_size);
    const Tensor y = pooled(x, w);
    return config_.flatten ? flatten(y, channel_axis(x, w)) : y;
  }

 private:
  Tensor pooled(const Tensor& x, const Windows& w) const {
    if (config_.pool_type == "avg") return window_means(x, w);
    if (config_.pool_type == "max") return max_pool(x, w);
    if (config_.pool_type == "avgmax") return avgmax_pool(x, w);
    return config_.pool_type == "catavgmax" ? catavgmax_pool(x, w) : x;
  }
  Config config_;
};

template <int rank>
bool add_adaptive_avg_max_pools() {
  constexpr const char* source = "timm.layers.adaptive_avgmax_pool";
  const std::string suffix = rank == 0 ? "" : std::to_string(rank) + "d";
  const std::vector<Shape> sample{spatial_sample(rank == 0 ? 2 : rank)};
  add_layer<AdaptiveAvgMaxPool<rank, false>>("AdaptiveAvgMaxPool" + suffix,
                                             "Half the mean and half the maximum of each window, for a given output "
                                             "size.",
                                             R"({"output_size": 3})", sample)
      .formula("y[o] = (mean + max) / 2 of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1")
      .source(source)
      .pools(PoolGroup::adaptive, "as the head of a classifier, before its linear layer")
      .samples_from(Domain::away_from_ties);
  add_layer<AdaptiveAvgMaxPool<rank, true>>("AdaptiveCatAvgMaxPool" + suffix,
                                            "The mean and the maximum of each window, for a given output size.",
                                            R"({"output_size": 3})", sample)
      .formula("y[n, c, o] = mean and y[n, C + c, o] = max of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1")
      .source(source)
      .pools(PoolGroup::adaptive,
             "as the head of a classifier that is to see both; its linear layer gets twice the channels")
      .samples_from(Domain::away_from_ties);
  add_layer<SelectAdaptivePool<rank>>("SelectAdaptivePool" + suffix,
                                      "Means, maxima or both of each window, for a given output size.",
                                      R"({"output_size": 2, "pool_type": "catavgmax", "flatten": true})", sample)
      .formula("avg: the mean, max: the maximum, avgmax: half of each, catavgmax: both along the channels, \"\": x")
      .source(source)
      .pools(PoolGroup::adaptive, "as a head whose kind is a setting of the experiment")
      .samples_from(Domain::away_from_ties);
  return true;
}

const bool adaptive_avg_max_pool_added = add_adaptive_avg_max_pools<0>() && add_adaptive_avg_max_pools<1>() &&
                                         add_adaptive_avg_max_pools<2>() && add_adaptive_avg_max_pools<3>();

}  // namespace
}  // namespace tarn
