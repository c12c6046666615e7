// LpUnit: groups of channels become one by a norm whose exponent and centre are learned.
#include <cmath>

#include "layers/alias.h"
#include "layers/init.h"
#include "layers/module.h"
#include "layers/pooling/functions.h"

namespace tarn {

Tensor lp_unit(const Tensor& x, const Tensor& rho, const Tensor& centre, int64_t channels) {
  const int64_t units = rho.numel();
  check(x.floating(), "lp_unit: the input is int64; needs float32 or float64 values");
  check(x.rank() < Shape::max_rank, "lp_unit: the input ", x.shape(), " has ", x.rank(),
        " dimensions; expected at most ", Shape::max_rank - 1);
  for (int i = 1; i < x.rank(); ++i)
    check(x.shape()[i] > 0, "lp_unit: the input ", batch_text(x.shape()), " is empty; only the batch may be empty");
  check(channels < x.rank() && units > 0 && centre.shape() == Shape{x.size(channels)} && centre.numel() % units == 0,
        "lp_unit: ", units, " exponents and ", centre.numel(), " centres do not fit the input ", x.shape());
  std::vector<int64_t> grouped(x.shape().begin(), x.shape().end());
  grouped[static_cast<size_t>(channels)] = units;
  std::vector<int64_t> result = grouped;
  grouped.insert(grouped.begin() + channels + 1, centre.numel() / units);
  std::vector<int64_t> along(static_cast<size_t>(x.rank() - channels), 1);  // [units or channels, 1, …]
  along[0] = centre.numel();
  const Tensor from_centre = reshape(abs(x - reshape(centre, Shape(along))), Shape(grouped));
  along[0] = units;
  const Tensor p = reshape(softplus(rho) + 1, Shape(along));

  const Tensor one = Tensor::ones({}, x.dtype());
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor largest = max(from_centre.detach(), channels + 1, true).values.detach();
  const Tensor nothing = eq(largest, zero);
  const Tensor shares = from_centre / where(nothing, one, largest);  // no power of one overflows
  const Tensor mean_power = mean(pow(shares, unsqueeze(p, 1)), {channels + 1});
  const Tensor none = reshape(nothing, mean_power.shape());
  const Tensor norm = reshape(largest, mean_power.shape()) * pow(where(none, one, mean_power), 1.0 / p);
  return reshape(where(none, zero, norm), Shape(result));
}

namespace {

class LpUnit : public Module {
 public:
  struct Config {
    int64_t group_size = 0;
    std::optional<int64_t> num_features;
    void fields(Fields& f) {
      f("group_size", group_size, "neighbouring features that become one; divides their number",
        {.lo = 1, .required = true});
      f("num_features", num_features, "features or channels of the input; taken from it where left out",
        {.lo = 1, .inferred = true});
    }
  };
  LpUnit(const Config& c, Build& build) {
    const int64_t features = build.inferred("num_features", c.num_features, 1);
    check(features % c.group_size == 0, "group_size ", c.group_size, " does not divide the input's ", features,
          " features");
    const double three = std::log(std::expm1(2.0));  // p = 3
    rho_ = build.parameter("rho", {features / c.group_size}, init::constant(three));
    centre_ = build.parameter("c", {features}, init::constant(0));
  }
  Tensor forward(const Tensor& x, Context&) override { return lp_unit(x, rho_, centre_); }
  void parts(Parts& p) override {
    p("rho", rho_);
    p("c", centre_);
  }

 private:
  Tensor rho_, centre_;
};

const auto& lp_unit_row =
    add_layer<LpUnit>("LpUnit", "Each group of features becomes its normalised p-norm around learned centres.",
                      R"({"group_size": 2})", {{2, 4, 3}})
        .formula("y_j = ((1/k) Σ |x_i - c_i|^p_j)^(1/p_j) over the k features of group j, p_j = 1 + log(1 + e^ρ_j)")
        .source("Gulcehre, Cho, Pascanu, Bengio 2013 (arXiv 1311.1780)")
        .pools(PoolGroup::channels, "as an activation, in place of Maxout: its p learns how much of a maximum it is")
        .samples_from(Domain::away_from_zero);
const bool lp_unit_named = add_layer_alias("LearnedNormPool", "LpUnit");

}  // namespace
}  // namespace tarn
