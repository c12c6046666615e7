// LSEPool and GlobalLSEPool: between the mean and the maximum, by the logarithm of a mean of exponentials.
#include <cmath>

#include "layers/alias.h"
#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/lse.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor log_mean_exp_taps(const Tensor& values, const Taps& t, const Tensor& r) {
  const Dtype dtype = values.dtype();
  const Tensor zero = Tensor::zeros({}, dtype);
  const Tensor high = max_taps(values.detach(), t);
  const Tensor low = min_taps(values.detach(), t);
  const double tiny =
      dtype == Dtype::f64 ? 1e-6 : 3e-4;  // below it, 1/r has eaten up more digits than the series lacks
  const Tensor small = lt(abs(r.detach()) * (high - low), Tensor::full({}, tiny, dtype));

  const Tensor anchor = where(gt(r.detach(), zero), high, low).detach();  // r (x - anchor) <= 0
  const Tensor exponents = where(small, zero, r) * masked_taps(values - anchor, t, 0);
  const Tensor exact = anchor + log1p(mean_taps(expm1(exponents), t)) / where(small, Tensor::ones({}, dtype), r);

  const Tensor centre = mean_taps(values, t);
  const Tensor variance = mean_taps(square(where(small, values - centre, zero)), t);
  return where(small, centre + r * variance * 0.5, exact);
}

namespace {

/// Below that, what 1/r magnifies asks for the series that `log_mean_exp_taps` has.
bool all_at_least(const Tensor& r, double least) {
  for (int64_t i = 0; i < r.numel(); ++i)
    if (!(r.at(i) >= least)) return false;
  return true;
}

}  // namespace

Tensor lse_pool(const Tensor& x, const Windows& w, const Tensor& r, bool sum_form) {
  const Tensor rate = along_channels("lse_pool: r", r, x.shape(), w);
  if (all_at_least(rate, 0.05)) {
    const Tensor each = per_channel(rate, w);
    return window_log_sum_exp(each * x, w, !sum_form) / each;
  }
  const Taps t = taps_of(x, w);
  const Tensor mean = log_mean_exp_taps(t.values, t, rate);
  return as_output(sum_form ? mean + log(t.count) / rate : mean, t);
}

namespace {

Rule rate_rule() {
  return {.lo = 0, .lo_open = true};
}

Tensor log_rate(Build& build, double r, const Shape& shape) {
  return build.parameter("rho", shape, init::constant(std::log(r)));
}

struct LsePool {
  double r = 1;
  bool learn_r = false;
  std::string r_scope = "shared";
  std::string form = "mean";
  Tensor rho;

  void fields(Fields& f) {
    f("r", r, "how much the largest values count: 0 the mean, infinity the maximum", rate_rule());
    f("learn_r", learn_r, "r is learned, as e^rho, from there");
    f("r_scope", r_scope, "one learned r for all, or one for each channel", scope_rule());
    f("form", form, "logarithm of the exponentials' mean, or of their sum, which is never below the maximum",
      {.choices = {"mean", "sum"}});
  }
  void build(Build& build, const Shape& x, int rank) {
    if (learn_r) rho = log_rate(build, r, scope_shape(r_scope, x, rank));
  }
  void parts(Parts& p) { p("rho", rho); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return lse_pool(x, w, rho.defined() ? exp(rho) : Tensor::full({1}, r, x.dtype()), form == "sum");
  }
};

/// `rank` 0: any.
template <int rank>
class GlobalLSEPool : public Module {
 public:
  struct Config {
    double r = 5;
    std::string learn_r = "no";
    bool keepdim = true;
    void fields(Fields& f) {
      f("r", r, "how much the largest values count: 0 the mean, infinity the maximum", rate_rule());
      f("learn_r", learn_r, "whether r is learned, as e^rho, from there: one for all, or one for each channel",
        {.choices = {"no", "shared", "per_channel"}});
      keepdim_field(f, keepdim);
    }
  };
  GlobalLSEPool(const Config& c, Build& build) : r_(c.r), keepdim_(c.keepdim) {
    const Shape& x = build.shape();
    if (c.learn_r != "no") rho_ = log_rate(build, c.r, scope_shape(c.learn_r, x, spatial_rank(x, rank)));
  }
  Tensor forward(const Tensor& x, Context&) override {
    const std::string name = with_any_rank("global_lse_pool", rank);
    check_planes(name, x, rank);
    const Windows w = global_windows(name, x.shape(), rank);
    if (rho_.defined() && rho_.numel() > 1) check_channels(name, x, w.rank, rho_.numel());
    const Tensor r = rho_.defined() ? exp(rho_) : Tensor::full({1}, r_, x.dtype());
    return plane_values(lse_pool(x, w, r), w.rank, keepdim_);
  }
  void parts(Parts& p) override { p("rho", rho_); }

 private:
  double r_;
  bool keepdim_;
  Tensor rho_;
};

template <int rank>
LayerInfo& add_global_lse_pool() {
  return add_layer<GlobalLSEPool<rank>>(with_any_rank("GlobalLSEPool", rank),
                                        "The logarithm of the mean exponential of each plane (LogAvgExp).",
                                        R"({"r": 2, "learn_r": "per_channel"})", {spatial_sample(rank == 0 ? 2 : rank)})
      .formula("y[n, c] = log((1/n) Σ e^(r x)) / r over the plane; ∂y/∂x = softmax(r x)")
      .source("Pinheiro and Collobert 2015 (arXiv 1411.6228); Lowe et al. 2021 (arXiv 2111.01742)")
      .pools(PoolGroup::soft,
             "heads for weakly labelled images: as the maximum it finds small things, but every place gets a gradient")
      .samples_from(Domain::away_from_ties);
}

const bool lse_pool_added = add_window_pools<LsePool>(
    "LSEPool",
    {.group = PoolGroup::soft,
     .doc = "The logarithm of the mean exponential of each window: between the mean and the maximum.",
     .formula = "y = log((1/n) Σ e^(r x_i)) / r; ∂y/∂x_i = w_i, w = softmax(r x); ∂y/∂r = (Σ w_i x_i - y) / r",
     .source = "Pinheiro and Collobert 2015 (arXiv 1411.6228); Lowe et al. 2021 (arXiv 2111.01742)",
     .use = "a maximum that hands gradients to all values; r sets, or learns, how close it comes",
     .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "r": 1.5, "learn_r": true,
                              "r_scope": "per_channel", "form": "sum"})"});
const auto& global_lse_row = add_global_lse_pool<0>();
const auto& global_lse1d_row = add_global_lse_pool<1>();
const auto& global_lse2d_row = add_global_lse_pool<2>();
const auto& global_lse3d_row = add_global_lse_pool<3>();
const bool lse_pool_named = add_layer_alias("LogAvgExp", "GlobalLSEPool");

}  // namespace
}  // namespace tarn
