// AdaptivePolyphasePool (APS): of the grids that subsampling can keep, the one with the largest norm.
#include <limits>

#include "layers/alias.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Extreme aps_pool(const Tensor& x, int rank, const Sizes& stride, const std::string& criterion) {
  const std::string name = with_rank("adaptive_polyphase_pool", rank);
  check(criterion == "l1" || criterion == "l2" || criterion == "linf", name, ": criterion is '", criterion,
        "'; expected l1, l2 or linf");
  check_planes(name, x, rank);
  const Tensor batch = is_sample(x.shape(), rank) ? unsqueeze(x, 0) : x;
  const Sizes step = expand(stride, rank);
  Tensors components{batch};  // in the end, one for each grid
  for (int i = 0; i < rank; ++i) {
    const int64_t size = batch.size(i - rank);
    const int64_t s = step[static_cast<size_t>(i)];
    check(s > 0 && size % s == 0, name, ": stride ", s, " does not divide the size ", size, " of the input ", x.shape(),
          "; pad it first");
    Tensors finer;
    for (const Tensor& part : components)
      for (int64_t first = 0; first < s; ++first) finer.push_back(slice(part, i - rank, first, size, s));
    components = std::move(finer);
  }
  const Shape result = components[0].shape();
  const int64_t values = result.product(1, result.rank());
  for (Tensor& part : components) part = reshape(part, Shape{result[0], values});
  const Tensor all = stack(components, 1);
  const double p = criterion == "l1" ? 1 : criterion == "l2" ? 2 : std::numeric_limits<double>::infinity();
  const Tensor best = argmax(norm(all.detach(), p, {2}).detach(), 1, true);  // [N, 1]
  const Tensor index = expand(unsqueeze(best, 2), std::vector<int64_t>{result[0], 1, values});
  const Tensor kept = reshape(gather(all, 1, index), result);
  return is_sample(x.shape(), rank) ? Extreme{squeeze(kept, 0), reshape(best, Shape{})}
                                    : Extreme{kept, reshape(best, Shape{result[0]})};
}

namespace {

template <int rank>
class AdaptivePolyphasePool : public Module {
 public:
  struct Config {
    Sizes stride{2};
    std::string criterion = "l2";
    bool return_indices = false;
    void fields(Fields& f) {
      f("stride", stride, "steps between the values that are kept; divides the input's sizes", size_rule(rank, 1));
      f("criterion", criterion, "the norm, over all channels of a sample, that chooses the grid",
        {.choices = {"l2", "l1", "linf"}});
      f("return_indices", return_indices,
        "gives a second output, \"indices\": which grid each sample keeps, i · s + j");
    }
  };
  AdaptivePolyphasePool(Config c, Build&) : config_(std::move(c)) {}
  Tensors apply(const Tensors& inputs, Context&) override {
    Extreme kept = aps_pool(inputs.at(0), rank, config_.stride, config_.criterion);
    if (!config_.return_indices) return {std::move(kept.values)};
    return {std::move(kept.values), std::move(kept.indices)};
  }
  std::vector<std::string> outputs() const override {
    if (config_.return_indices) return {"indices"};
    return {};
  }

 private:
  Config config_;
};

template <int rank>
LayerInfo& add_aps() {
  return add_layer<AdaptivePolyphasePool<rank>>(
             with_rank("AdaptivePolyphasePool", rank),
             "Subsampling (APS) that keeps, for each sample, the grid with the largest norm.", R"({"stride": 2})",
             {even_sample(rank)})
      .formula("y = x[…, i::s, j::s] with the i, j of the largest ‖y‖; the first of equals")
      .source("Chaman, Dokmanić 2021 (arXiv 2011.14214)")
      .pools(PoolGroup::filter,
             "in place of strides, where a shift of the image must not change the result at all; blur before it")
      .samples_from(Domain::away_from_ties);
}

const auto& aps1d_row = add_aps<1>();
const auto& aps2d_row = add_aps<2>();
const auto& aps3d_row = add_aps<3>();
const bool adaptive_polyphase_pool_named = add_layer_alias("APS", "AdaptivePolyphasePool2d");

}  // namespace
}  // namespace tarn
