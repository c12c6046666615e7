// Max, min and average pooling, sliding and adaptive, over 1, 2 and 3 dimensions: each is a geometry and a reduction.
#include "core/ops.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {
void check_floating(const char* op, const Tensor& x) {
  check(x.floating(), op, ": needs float32 or float64 values, got ", x.dtype());
}
}  // namespace

Tensor min_pool(const Tensor& x, const Windows& w) {
  check_floating("min_pool", x);
  return neg(max_pool(neg(x), w));
}

Extreme min_pool_with_indices(const Tensor& x, const Windows& w) {
  check_floating("min_pool", x);
  const Extreme found = max_pool_with_indices(neg(x), w);
  return {neg(found.values), found.indices};
}

namespace {

/// The largest or smallest value of each window.
template <bool largest>
struct Chosen {
  static constexpr bool averages = false;
  static constexpr const char* name = largest ? "max_pool" : "min_pool";
  bool return_indices = false;
  void fields(Fields& f) {
    f("return_indices", return_indices, "gives a second output, \"indices\": where in its plane each value stood");
  }
  static Tensor pool(const Tensor& x, const Windows& w) { return largest ? max_pool(x, w) : min_pool(x, w); }
  static Extreme with_indices(const Tensor& x, const Windows& w) {
    return largest ? max_pool_with_indices(x, w) : min_pool_with_indices(x, w);
  }
};
using Max = Chosen<true>;
using Min = Chosen<false>;

/// The mean of each window.
struct Mean {
  static constexpr bool averages = true;
  static constexpr const char* name = "avg_pool";
  void fields(Fields&) {}
  static Tensor pool(const Tensor& x, const Windows& w) { return avg_pool(x, w); }
};

/// Windows of one size in equal steps. Means may count padded cells or have a divisor of their own; the others may be
/// dilated.
template <int rank, class Reduction>
struct Sliding {
  static constexpr PoolGroup group = PoolGroup::sliding;
  SlidingSettings<rank> settings;
  bool count_include_pad = true;
  std::optional<int64_t> divisor_override;

  void fields(Fields& f) {
    settings.fields(f, !Reduction::averages);
    if constexpr (Reduction::averages) f("count_include_pad", count_include_pad, "padded cells count in the divisor");
    if constexpr (Reduction::averages)
      f("divisor_override", divisor_override, "divide by this, which is not 0, instead of the number of cells");
  }
  static std::string name() { return with_rank(Reduction::name, rank); }
  Windows windows(const Shape& x) const {
    SlidingOptions options = settings.options();
    options.count_include_pad = count_include_pad;
    options.divisor_override = divisor_override;
    return sliding_windows(name().c_str(), x, rank, options);
  }
};

/// Windows that divide the plane as evenly as they can into a given number of cells.
template <int rank, class Reduction>
struct Adaptive {
  static constexpr PoolGroup group = PoolGroup::adaptive;
  MaybeSizes output_size;

  void fields(Fields& f) {
    f("output_size", output_size, "size of the output: one number, or one for each dimension; null keeps the input's",
      {.lo = 0, .hi = 1 << 24, .required = true, .rank = rank});
  }
  static std::string name() { return with_rank(text("adaptive_", Reduction::name), rank); }
  Windows windows(const Shape& x) const { return adaptive_windows(name().c_str(), x, rank, expand(output_size, rank)); }
};

/// A pooling layer.
template <int rank, template <int, class> class Geometry, class Reduction>
class Pool : public Module {
 public:
  struct Config {
    Geometry<rank, Reduction> geometry;
    Reduction reduction;
    void fields(Fields& f) {
      geometry.fields(f);
      reduction.fields(f);
    }
  };
  Pool(Config c, Build&) : geometry_(std::move(c.geometry)), reduction_(c.reduction) {}

  Tensor forward(const Tensor& x, Context&) override { return Reduction::pool(x, windows_for(x)); }
  Tensors apply(const Tensors& inputs, Context& context) override {
    if constexpr (!Reduction::averages)
      if (reduction_.return_indices) {
        Extreme found = Reduction::with_indices(inputs.at(0), windows_for(inputs[0]));
        return {std::move(found.values), std::move(found.indices)};
      }
    return Module::apply(inputs, context);
  }
  std::vector<std::string> outputs() const override {
    if constexpr (!Reduction::averages)
      if (reduction_.return_indices) return {"indices"};
    return {};
  }

 private:
  const Windows& windows_for(const Tensor& x) {
    check_planes(geometry_.name(), x, rank);
    return windows_.get(x.shape(), rank, [this](const Shape& s) { return geometry_.windows(s); });
  }

  Geometry<rank, Reduction> geometry_;
  Reduction reduction_;
  KeptWindows windows_;
};

/// What the manual says of one.
struct PoolRow {
  const char *family, *doc, *formula, *source, *use, *sample;
};

template <int rank, template <int, class> class Geometry, class Reduction>
void add_pool(const PoolRow& row) {
  const std::string name = with_rank(row.family, rank);
  const std::string source = *row.source ? row.source : "torch.nn." + name;
  add_layer<Pool<rank, Geometry, Reduction>>(name, row.doc, row.sample, {spatial_sample(rank)})
      .formula(row.formula)
      .source(source)
      .pools(Geometry<rank, Reduction>::group, row.use)
      .samples_from(Domain::away_from_ties);
}

template <int rank>
bool add_pools() {
  constexpr const char* sliding = R"({"kernel_size": 3, "stride": 2, "padding": 1})";
  constexpr const char* adaptive = R"({"output_size": 3})";
  add_pool<rank, Sliding, Max>({"MaxPool", "The largest value of each window.",
                                "y[o] = max of x over the window that starts at o · stride - padding", "",
                                "to halve planes and keep what was found, wherever in the window it was", sliding});
  add_pool<rank, Sliding, Min>({"MinPool", "The smallest value of each window.",
                                "y[o] = min of x over the window that starts at o · stride - padding",
                                "morphological erosion with a flat structuring element",
                                "to keep dark or weak places; with max pooling behind it, an opening", sliding});
  add_pool<rank, Sliding, Mean>({"AvgPool", "The mean of each window.",
                                 "y[o] = mean of x over the window that starts at o · stride - padding", "",
                                 "to shrink planes smoothly, where all values matter alike", sliding});
  add_pool<rank, Adaptive, Max>({"AdaptiveMaxPool", "The largest value of each window, for a given output size.",
                                 "y[o] = max of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1", "",
                                 "before layers that want one size, whatever the input's", adaptive});
  add_pool<rank, Adaptive, Mean>({"AdaptiveAvgPool", "The mean of each window, for a given output size.",
                                  "y[o] = mean of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1", "",
                                  "before layers that want one size, whatever the input's; 1 for a classifier's head",
                                  adaptive});
  return true;
}

const bool pool_added = add_pools<1>() && add_pools<2>() && add_pools<3>();

}  // namespace
}  // namespace tarn
