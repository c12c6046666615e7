// Max and average pooling, sliding and adaptive, over 1, 2 and 3 dimensions: each is a geometry and a reduction.
#include "core/ops.h"
#include "layers/pooling.h"

namespace tarn {
namespace {

/// The largest value of each window.
struct Max {
  static constexpr bool averages = false;
  bool return_indices = false;
  void fields(Fields& f) {
    f("return_indices", return_indices, "gives a second output, \"indices\": where in its plane each value stood");
  }
};

/// The mean of each window.
struct Mean {
  static constexpr bool averages = true;
  void fields(Fields&) {}
};

/// Windows of one size in equal steps. Means may count padded cells or have a divisor of their own; only maxima may be
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
    if constexpr (Reduction::averages && rank > 1)
      f("divisor_override", divisor_override, "divide by this, which is not 0, instead of the number of cells");
  }
  Windows windows(const Shape& x) const {
    SlidingOptions options = settings.options();
    options.count_include_pad = count_include_pad;
    options.divisor_override = divisor_override;
    return sliding_windows(with_rank(Reduction::averages ? "avg_pool" : "max_pool", rank).c_str(), x, rank, options);
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
  Windows windows(const Shape& x) const {
    const std::string name = with_rank(Reduction::averages ? "adaptive_avg_pool" : "adaptive_max_pool", rank);
    return adaptive_windows(name.c_str(), x, rank, expand(output_size, rank));
  }
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

  Tensor forward(const Tensor& x, Context&) override {
    if constexpr (Reduction::averages)
      return avg_pool(x, windows_for(x.shape()));
    else
      return max_pool(x, windows_for(x.shape()));
  }
  Tensors apply(const Tensors& inputs, Context& context) override {
    if (outputs().empty()) return Module::apply(inputs, context);
    Extreme found = max_pool_with_indices(inputs.at(0), windows_for(inputs[0].shape()));
    return {std::move(found.values), std::move(found.indices)};
  }
  std::vector<std::string> outputs() const override {
    if constexpr (!Reduction::averages)
      if (reduction_.return_indices) return {"indices"};
    return {};
  }

 private:
  const Windows& windows_for(const Shape& x) {
    return windows_.get(x, rank, [this](const Shape& s) { return geometry_.windows(s); });
  }

  Geometry<rank, Reduction> geometry_;
  Reduction reduction_;
  KeptWindows windows_;
};

template <int rank, template <int, class> class Geometry, class Reduction>
void add_pool(const char* family, const char* doc, const char* formula, const char* use, const char* sample) {
  add_layer<Pool<rank, Geometry, Reduction>>(with_rank(family, rank), doc, sample, {spatial_sample(rank)})
      .formula(formula)
      .source("torch.nn." + with_rank(family, rank))
      .pools(Geometry<rank, Reduction>::group, use)
      .samples_from(Domain::away_from_ties);
}

template <int rank>
bool add_pools() {
  constexpr const char* sliding = R"({"kernel_size": 3, "stride": 2, "padding": 1})";
  constexpr const char* adaptive = R"({"output_size": 3})";
  add_pool<rank, Sliding, Max>("MaxPool", "The largest value of each window.",
                               "y[o] = max of x over the window that starts at o · stride - padding",
                               "between convolutions, where it matters that a feature is there and not where exactly",
                               sliding);
  add_pool<rank, Sliding, Mean>(
      "AvgPool", "The mean of each window.", "y[o] = mean of x over the window that starts at o · stride - padding",
      "where all values count: smooth downsampling, transitions between dense blocks", sliding);
  add_pool<rank, Adaptive, Max>("AdaptiveMaxPool", "The largest value of each window, for a given output size.",
                                "y[o] = max of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1",
                                "as a head that must give one size for inputs of any size, and is to find things",
                                adaptive);
  add_pool<rank, Adaptive, Mean>("AdaptiveAvgPool", "The mean of each window, for a given output size.",
                                 "y[o] = mean of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1",
                                 "as a head that must give one size for inputs of any size; with 1, the global mean",
                                 adaptive);
  return true;
}

const bool added = add_pools<1>() && add_pools<2>() && add_pools<3>();

}  // namespace
}  // namespace tarn
