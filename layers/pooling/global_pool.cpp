// GlobalAvgPool, GlobalSumPool, GlobalMaxPool and GlobalMinPool: one value for each plane.
#include "layers/alias.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// Windows over the whole planes of an x that is as it should be.
Windows planes_of(const char* family, const Tensor& x, int rank) {
  const std::string name = with_any_rank(family, rank);
  check_planes(name, x, rank);
  return global_windows(name, x.shape(), rank);
}

Extreme both(const Extreme& found, const Windows& w, bool keepdim) {
  return {plane_values(found.values, w.rank, keepdim), plane_values(found.indices, w.rank, keepdim)};
}

}  // namespace

Tensor global_avg_pool(const Tensor& x, int rank, bool keepdim) {
  const Windows w = planes_of("global_avg_pool", x, rank);
  return plane_values(window_means(x, w), w.rank, keepdim);
}

Tensor global_sum_pool(const Tensor& x, int rank, bool keepdim) {
  const Windows w = planes_of("global_sum_pool", x, rank);
  return plane_values(sum_pool(x, w), w.rank, keepdim);
}

Extreme global_max_pool(const Tensor& x, int rank, bool keepdim) {
  const Windows w = planes_of("global_max_pool", x, rank);
  return both(max_pool_with_indices(x, w), w, keepdim);
}

Extreme global_min_pool(const Tensor& x, int rank, bool keepdim) {
  const Windows w = planes_of("global_min_pool", x, rank);
  return both(min_pool_with_indices(x, w), w, keepdim);
}

namespace {

/// `rank` 0: any.
template <int rank, Tensor (*reduce)(const Tensor&, int, bool)>
class GlobalSum : public Module {
 public:
  struct Config {
    bool keepdim = true;
    void fields(Fields& f) { keepdim_field(f, keepdim); }
  };
  GlobalSum(const Config& c, Build&) : keepdim_(c.keepdim) {}
  Tensor forward(const Tensor& x, Context&) override { return reduce(x, rank, keepdim_); }

 private:
  bool keepdim_;
};

template <int rank, Extreme (*reduce)(const Tensor&, int, bool)>
class GlobalExtreme : public Module {
 public:
  struct Config {
    bool keepdim = true;
    bool return_indices = false;
    void fields(Fields& f) {
      keepdim_field(f, keepdim);
      f("return_indices", return_indices, "gives a second output, \"indices\": where in its plane each value stood");
    }
  };
  GlobalExtreme(const Config& c, Build&) : config_(c) {}
  Tensors apply(const Tensors& inputs, Context&) override {
    const Extreme found = reduce(inputs.at(0), rank, config_.keepdim);
    if (!config_.return_indices) return {found.values};
    return {found.values, found.indices};
  }
  std::vector<std::string> outputs() const override {
    return config_.return_indices ? std::vector<std::string>{"indices"} : std::vector<std::string>{};
  }

 private:
  Config config_;
};

struct GlobalText {
  const char *family, *doc, *formula, *source, *use;
};

template <int rank, class L>
void add_global_pool(const GlobalText& t) {
  add_layer<L>(with_any_rank(t.family, rank), t.doc, "{}", {spatial_sample(rank == 0 ? 2 : rank)})
      .formula(t.formula)
      .source(t.source)
      .pools(PoolGroup::adaptive, t.use)
      .samples_from(Domain::away_from_ties);
}

template <int rank>
bool add_global_pools() {
  add_global_pool<rank, GlobalSum<rank, global_avg_pool>>(
      {"GlobalAvgPool", "The mean of each plane (GAP).", "y[n, c] = mean of x[n, c, …]",
       "Lin, Chen, Yan 2013 (arXiv 1312.4400)", "the usual head of a classifier: takes planes of any size"});
  add_global_pool<rank, GlobalSum<rank, global_sum_pool>>(
      {"GlobalSumPool", "The sum of each plane.", "y[n, c] = Σ x[n, c, …]",
       "Babenko, Lempitsky 2015, SPoC (arXiv 1510.07493)",
       "descriptors of images whose length is normalised behind it, and counts"});
  add_global_pool<rank, GlobalExtreme<rank, global_max_pool>>(
      {"GlobalMaxPool", "The largest value of each plane (MAC).", "y[n, c] = max of x[n, c, …]",
       "Oquab et al. 2015; Tolias, Sicre, Jégou 2015 (arXiv 1511.05879)",
       "where one place of the picture decides, as with small objects and weak labels"});
  add_global_pool<rank, GlobalExtreme<rank, global_min_pool>>(
      {"GlobalMinPool", "The smallest value of each plane.", "y[n, c] = min of x[n, c, …] = -max of -x[n, c, …]",
       "the counterpart of global max pooling", "where the weakest place decides: something must hold everywhere"});
  return true;
}

const bool global_pool_added =
    add_global_pools<0>() && add_global_pools<1>() && add_global_pools<2>() && add_global_pools<3>();
const bool global_pool_named = add_layer_alias("GAP", "GlobalAvgPool");

}  // namespace
}  // namespace tarn
