// Pooling over channels: Maxout, MaxFeatureMap and ChannelPool.
#include "core/ops.h"
#include "layers/alias.h"
#include "layers/module.h"
#include "layers/pooling/functions.h"

namespace tarn {

namespace {

/// x with dimension `axis` as the sizes given, one of which may be -1.
Tensor split_axis(const Tensor& x, int axis, std::initializer_list<int64_t> into) {
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().begin() + axis);
  sizes.insert(sizes.end(), into);
  sizes.insert(sizes.end(), x.shape().begin() + axis + 1, x.shape().end());
  return reshape(x, Shape(sizes));
}

/// The dimension of the channels, whose number must be a multiple of `groups`.
int channel_dimension(const char* op, const Tensor& x, int64_t dim, int64_t groups) {
  check(x.floating(), op, ": needs float32 or float64 values, got ", x.dtype());
  const int axis = x.shape().axis(dim, (std::string(op) + ": dim").c_str());
  for (int i = 1; i < x.rank(); ++i)
    check(x.shape()[i] > 0, op, ": the input ", batch_text(x.shape()), " is empty; only the batch may be empty");
  check(x.rank() < Shape::max_rank, op, ": the input ", x.shape(), " has ", x.rank(), " dimensions; expected at most ",
        Shape::max_rank - 1);
  const int64_t channels = x.shape()[axis];
  check(channels > 0 && channels % groups == 0, op, ": the input ", batch_text(x.shape()), " has ", channels,
        " channels, which is no multiple of ", groups);
  return axis;
}

}  // namespace

Tensor maxout(const Tensor& x, int64_t k, int64_t dim) {
  check(k >= 1, "maxout: k is ", k, "; it must be at least 1");
  const int axis = channel_dimension("maxout", x, dim, k);
  return max(split_axis(x, axis, {x.shape()[axis] / k, k}), axis + 1).values;
}

Tensor max_feature_map(const Tensor& x, bool thirds, int64_t dim) {
  const int64_t parts = thirds ? 3 : 2;
  const int axis = channel_dimension("max_feature_map", x, dim, parts);
  const int64_t channels = x.shape()[axis] / parts;
  const Tensor apart = split_axis(x, axis, {parts, channels});
  if (!thirds) return max(apart, axis).values;
  const Tensor two = narrow(sort(apart, axis, true).values, axis, 0, 2);
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().end());
  sizes[static_cast<size_t>(axis)] = 2 * channels;
  return reshape(two, Shape(sizes));
}

namespace {

constexpr const char* dim_doc = "dimension of the channels; 0 for one sample without a batch";

class Maxout : public Module {
 public:
  struct Config {
    int64_t k = 0;
    int64_t dim = 1;
    void fields(Fields& f) {
      f("k", k, "how many neighbouring channels become one", {.lo = 1, .required = true});
      f("dim", dim, dim_doc);
    }
  };
  Maxout(const Config& c, Build&) : config_(c) {}
  Tensor forward(const Tensor& x, Context&) override { return maxout(x, config_.k, config_.dim); }

 private:
  Config config_;
};

class MaxFeatureMap : public Module {
 public:
  struct Config {
    std::string ratio = "2/1";
    int64_t dim = 1;
    void fields(Fields& f) {
      f("ratio", ratio, "\"2/1\" keeps the maximum of two, \"3/2\" the maximum and the median of three",
        {.choices = {"2/1", "3/2"}});
      f("dim", dim, dim_doc);
    }
  };
  MaxFeatureMap(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override { return max_feature_map(x, config_.ratio == "3/2", config_.dim); }

 private:
  Config config_;
};

/// Maxima and means over channels, all of them or windows of them.
class ChannelPool : public Module {
 public:
  struct Config {
    std::string pool = "both";
    std::optional<int64_t> kernel_size;
    std::optional<int64_t> stride;
    std::optional<int64_t> out_channels;
    int64_t dim = 1;
    void fields(Fields& f) {
      f("pool", pool, "\"max\", \"avg\", or \"both\", the maxima first", {.choices = {"both", "max", "avg"}});
      f("kernel_size", kernel_size, "channels of a window; left out: all", {.lo = 1});
      f("stride", stride, "steps between windows; left out: the kernel's size", {.lo = 1});
      f("out_channels", out_channels,
        "in place of a kernel: so many windows, of which window j has channels j, j + out_channels, …", {.lo = 1});
      f("dim", dim, dim_doc);
    }
  };
  ChannelPool(Config c, Build&) : config_(std::move(c)) {
    check(!config_.out_channels || (!config_.kernel_size && !config_.stride),
          "channel_pool: out_channels takes the place of kernel_size and stride; give one or the other");
  }
  Tensor forward(const Tensor& x, Context&) override {
    const int axis = channel_dimension("channel_pool", x, config_.dim, config_.out_channels.value_or(1));
    Tensors found;
    if (config_.pool != "avg") found.push_back(pooled(x, axis, true));
    if (config_.pool != "max") found.push_back(pooled(x, axis, false));
    return found.size() == 1 ? found[0] : cat(found, axis);
  }

 private:
  Tensor pooled(const Tensor& x, int axis, bool maxima) const {
    // Channels are the height of planes whose width is all that follows them.
    const int64_t before = x.shape().product(0, axis);
    const int64_t behind = x.shape().product(axis + 1, x.rank());
    const Tensor planes = reshape(x, Shape{before, 1, x.shape()[axis], behind});
    const Windows w = windows_for(planes.shape());
    const Tensor y = maxima ? max_pool(planes, w) : avg_pool(planes, w);
    return reshape(y, x.shape().with(axis, y.size(2)));
  }
  Windows windows_for(const Shape& planes) const {
    const int64_t channels = planes[2];
    if (const auto apart = config_.out_channels)
      return channel_windows("channel_pool", planes, channels / *apart, 1, *apart);
    const int64_t kernel = config_.kernel_size.value_or(channels);
    return channel_windows("channel_pool", planes, kernel, config_.stride.value_or(kernel));
  }

  Config config_;
};

const auto& maxout_row =
    add_layer<Maxout>("Maxout", "The largest of every k neighbouring channels.", R"({"k": 2})", {{2, 4, 3}})
        .formula("y[n, j] = max of x[n, jk … jk + k - 1]")
        .source("Goodfellow et al. 2013 (arXiv 1302.4389)")
        .pools(PoolGroup::channels, "in place of an activation function, behind a layer with k times the channels")
        .samples_from(Domain::away_from_ties);
const auto& max_feature_map_row =
    add_layer<MaxFeatureMap>("MaxFeatureMap", "The largest of channels that lie half of them apart.",
                             R"({"ratio": "3/2"})", {{2, 6, 3}})
        .formula(
            "2/1: y[n, c] = max(x[n, c], x[n, c + C/2]); 3/2: of x[n, c], x[n, c + C/3], x[n, c + 2C/3] first all "
            "maxima, then all medians")
        .source("Wu, He, Sun, Tan 2015 (arXiv 1511.02683), LightCNN's MFM")
        .pools(PoolGroup::channels, "in place of an activation function, which also halves what the next layer sees")
        .samples_from(Domain::away_from_ties);
const auto& channel_pool_row =
    add_layer<ChannelPool>("ChannelPool", "The maximum and the mean over channels, at each place.",
                           R"({"kernel_size": 3, "stride": 1})", {{2, 4, 3, 2}})
        .formula("y[n, 0] = max_c x[n, c], y[n, 1] = mean_c x[n, c]; with kernel_size over windows of channels")
        .source("Woo et al. 2018 (arXiv 1807.06521), CBAM; Darknet's maxpool_depth is pool \"max\" with out_channels")
        .pools(PoolGroup::channels, "as the first step of spatial attention")
        .samples_from(Domain::away_from_ties);
const bool channel_pool_named = add_layer_alias("MFM", "MaxFeatureMap");

}  // namespace
}  // namespace tarn
