// OrdinalPool: values weighed by their rank, with weights that each channel learns.
#include "layers/init.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/ranks.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor ordinal_weights(const Tensor& weight) {
  const Tensor part = clamp(weight, 0, std::nullopt);
  const Tensor total = sum(part, {-1}, true);
  const Tensor none = eq(total, Tensor::zeros({}, weight.dtype()));
  const Tensor equal = Tensor::full({}, 1 / static_cast<double>(weight.size(-1)), weight.dtype());
  return where(none, equal, part / where(none, Tensor::ones({}, weight.dtype()), total));
}

Tensor ordinal_pool(const Tensor& x, const Windows& w, const Tensor& weight) {
  check_whole_windows("ordinal_pool", w);
  const int64_t channels = x.size(channel_axis(x, w));
  check(weight.shape() == Shape{channels, w.taps()}, "ordinal_pool: the weight is ", weight.shape(), "; ",
        Shape{channels, w.taps()}, " is needed, a row for each channel and in it a number for each cell of a window");
  const Ranks r = ranked(x, w);
  return as_output(sum_taps(r.values * unsqueeze(ordinal_weights(weight), 1)), r.taps);
}

namespace {

struct OrdinalPool {
  static constexpr bool whole_windows = true;
  std::string weight_init = "avg";
  Tensor weight;

  void fields(Fields& f) {
    f("weight_init", weight_init,
      "the first weights: \"avg\" all alike, \"max\" 1 for the largest value and 0 for others, \"random\"",
      {.choices = {"avg", "max", "random"}});
  }
  void build(Build& build, const Windows& w) {
    const Shape& x = build.shape();
    const Initial initial = [this](const Shape& shape, const Stream& stream, Dtype dtype) -> Tensor {
      if (weight_init == "avg") return Tensor::full(shape, 1 / static_cast<double>(shape[1]), dtype);
      if (weight_init == "random") return ordinal_weights(init::uniform(shape, stream, 0, 1, dtype));
      const Tensor rank = broadcast_to(Tensor::arange(shape[1]), shape);
      return eq(rank, Tensor::zeros({}, Dtype::i64)).to(dtype);
    };
    weight = build.parameter("weight", {x[x.rank() - w.rank - 1], w.taps()}, initial);
  }
  void parts(Parts& p) { p("weight", weight); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return ordinal_pool(x, w, weight); }
};

/// One window over the whole plane, whose size is fixed by that of the weights.
class GlobalOrdinalPool2d : public Module {
 public:
  struct Config {
    OrdinalPool ordinal;
    bool keepdim = true;
    void fields(Fields& f) {
      ordinal.fields(f);
      keepdim_field(f, keepdim);
    }
  };
  GlobalOrdinalPool2d(Config c, Build& build) : config_(std::move(c)) {
    config_.ordinal.build(build, global_windows("global_ordinal_pool2d", build.shape(), 2));
  }
  Tensor forward(const Tensor& x, Context& context) override {
    const char* name = "global_ordinal_pool2d";
    check_planes(name, x, 2);
    const Windows w = global_windows(name, x.shape(), 2);
    check_channels(name, x, 2, config_.ordinal.weight.size(0));
    check(w.taps() == config_.ordinal.weight.size(1), name, ": the input ", x.shape(), " has planes of ", w.taps(),
          " cells; one of ", config_.ordinal.weight.size(1), ", for which the layer was built, is needed");
    return plane_values(config_.ordinal.pool(x, w, context), 2, config_.keepdim);
  }
  void parts(Parts& p) override { config_.ordinal.parts(p); }

 private:
  Config config_;
};

constexpr const char* ordinal_pool_formula =
    "y = Σ_r ŵ_r x_(r), ŵ = max(w, 0) / Σ max(w, 0), or all alike where no w is positive; x_(1) ≥ x_(2) ≥ … the values "
    "of the window; weight [C, taps]";
constexpr const char* ordinal_pool_source =
    "Deliège, Istasse, Kumar, De Vleeschouwer, Van Droogenbroeck 2021 (arXiv 2109.01561); Kumar 2018 (arXiv "
    "1804.02702)";

const bool ordinal_pool_added = add_window_pools<OrdinalPool>(
    "OrdinalPool", {.group = PoolGroup::rank,
                    .doc = "The values of each window, weighed by their rank with weights that each channel learns.",
                    .formula = ordinal_pool_formula,
                    .source = ordinal_pool_source,
                    .use = "in place of max and average pooling, both of which it can become, channel by channel",
                    .sample = R"({"kernel_size": 2, "stride": 1})"});

const auto& global_ordinal_row =
    add_layer<GlobalOrdinalPool2d>("GlobalOrdinalPool2d",
                                   "The values of each plane, weighed by their rank with weights that each channel "
                                   "learns.",
                                   "{}", {{2, 4, 3, 2}})
        .formula(ordinal_pool_formula)
        .source(ordinal_pool_source)
        .pools(PoolGroup::rank, "as the head of a classifier of small planes of one size")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
