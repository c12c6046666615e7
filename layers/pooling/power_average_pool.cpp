// PowerAveragePool and GeM: power means, of windows and of whole planes, whose exponent is learned.
#include <algorithm>
#include <limits>

#include "layers/alias.h"
#include "layers/init.h"
#include "layers/pooling/channel_numbers.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/lse.h"
#include "layers/pooling/power_mean.h"
#include "layers/pooling/whole_plane.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

namespace {

/// Where every window has all of its taps inside, nothing has to be masked.
struct Inside {
  const Taps& taps;
  bool whole = amin(taps.count).item() == static_cast<double>(taps.taps());
  Tensor operator()(const Tensor& x, double outside) const { return whole ? x : masked_taps(x, taps, outside); }
};

/// What the values of each window are divided by: any number will do for the result, so that it counts as constant.
Tensor window_scale(const Tensor& values, const Inside& inside, const Tensor& p) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor zero = Tensor::zeros({}, values.dtype());
  const Tensor one = Tensor::ones({}, values.dtype());
  const Tensor seen = values.detach();
  const Tensor descending = lt(p.detach(), zero);
  Tensor m = amax(inside(seen, -infinity), {-1}, true);
  if (any(descending).item() != 0) m = where(descending, amin(inside(seen, infinity), {-1}, true), m);
  return where(eq(m, zero), one, where(isfinite(m), m, one)).detach();
}

/// shares^p; by logarithms, whose derivatives cost nothing more, unless there are zeros.
Tensor powers_of(const Tensor& shares, const Tensor& p) {
  if (shares.numel() == 0 || amin(shares.detach()).item() == 0) return pow(shares, p);
  return exp(p * log(shares));
}

}  // namespace

Tensor power_mean_taps(const Tensor& values, const Taps& t, const Tensor& p, bool sums) {
  const Dtype dtype = values.dtype();
  const Tensor zero = Tensor::zeros({}, dtype);
  const Tensor one = Tensor::ones({}, dtype);
  const Inside inside{t};
  const Tensor scale = window_scale(values, inside, p);
  const Tensor shares = inside(values / scale, 1);
  // Near 0 the root undoes more digits than the power has; there the logarithms are averaged.
  const Tensor flat = lt(abs(p.detach()), Tensor::full({}, 0.05, dtype));
  const bool some_flat = any(flat).item() != 0;
  const Tensor exponent = some_flat ? where(flat, one, p) : p;
  const Tensor powers = sum_taps(inside(powers_of(shares, exponent), 0));
  const Tensor total = sums ? powers : powers / t.count;
  const Tensor nothing = eq(total.detach(), zero);  // all values are 0
  const Tensor root = where(nothing, zero, scale * pow(where(nothing, one, total), 1.0 / exponent));
  if (sums || !some_flat) return root;
  const Tensor logs = log_mean_exp_taps(log(where(flat, shares, one)), t, where(flat, p, zero));
  return where(flat, scale * exp(logs), root);
}

Tensor power_average_pool(const Tensor& x, const Windows& w, const Tensor& p, const PowerAverage& options) {
  check(x.floating(), "power_average_pool: needs float32 or float64 values, got ", x.dtype());
  const double least = x.dtype() == Dtype::f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  const double eps = std::max(options.eps, least);
  const Taps t = taps_of(threshold(x, eps, eps), w, 1);
  const Tensor bounded = clamp(p, options.p_min, options.p_max);
  return as_output(
      power_mean_taps(t.values, t, along_channels("power_average_pool: p", bounded, x.shape(), w), options.sum), t);
}

Tensor gem_pool(const Tensor& x, const Windows& w, const Tensor& p, double eps) {
  constexpr double any = std::numeric_limits<double>::infinity();
  return power_average_pool(x, w, p, {.sum = false, .eps = eps, .p_min = -any, .p_max = any});
}

namespace {

Rule eps_rule() {
  return {.lo = 0, .lo_open = true};
}

struct PowerAveragePool {
  double p_init = 2;
  bool learn_p = true;
  std::string p_scope = "shared";
  std::string reduction = "sum";
  double eps = 1e-6;
  double p_min = 1;
  double p_max = 32;
  Tensor p;

  void fields(Fields& f) {
    f("p_init", p_init, "the exponent, initially: 1 the sum or mean, infinity the maximum", {.lo = 0, .lo_open = true});
    f("learn_p", learn_p, "the exponent p is learned from there");
    f("p_scope", p_scope, "one learned p for all, or one for each channel", scope_rule());
    f("reduction", reduction, "what the root is taken of: the \"sum\" of the powers, or their \"mean\"",
      {.choices = {"sum", "mean"}});
    f("eps", eps, "smaller values, and negative ones, count as this, without a derivative", eps_rule());
    f("p_min", p_min, "p counts as at least this; a p below it gets no gradient", {.lo = 0, .lo_open = true});
    f("p_max", p_max, "p counts as at most this; a p above it gets no gradient", {.lo = 0, .lo_open = true});
  }
  void build(Build& build, const Shape& x, int rank) {
    check(p_min <= p_max, "power_average_pool: p_min is ", p_min, ", above p_max, ", p_max);
    check(p_min <= p_init && p_init <= p_max, "power_average_pool: p_init is ", p_init,
          "; allowed are p_min to p_max, ", p_min, " to ", p_max);
    if (learn_p) p = build.parameter("p", scope_shape(p_scope, x, rank), init::constant(p_init));
  }
  void parts(Parts& parts) { parts("p", p); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    const Tensor exponent = p.defined() ? p : Tensor::full({1}, p_init, x.dtype());
    return power_average_pool(x, w, exponent, {.sum = reduction == "sum", .eps = eps, .p_min = p_min, .p_max = p_max});
  }
};

/// `rank` 0: any.
template <int rank>
class GeM : public Module {
 public:
  struct Config {
    double p_init = 3;
    double eps = 1e-6;
    std::string p_scope = "shared";
    bool keepdim = true;
    std::optional<Sizes> kernel_size;
    std::optional<Sizes> stride;
    SizesOrWord padding{.sizes = {0}};
    bool ceil_mode = false;
    void fields(Fields& f) {
      f("p_init", p_init, "the exponent p, initially: 1 the mean, infinity the maximum");
      f("eps", eps, "smaller values, and negative ones, count as this, without a derivative", eps_rule());
      f("p_scope", p_scope, "one learned p for all (GeM), or one for each channel (GeMmp)", scope_rule());
      keepdim_field(f, keepdim);
      f("kernel_size", kernel_size, "size of local windows; left out: one window over the whole plane",
        size_rule(rank, 1));
      f("stride", stride, "steps between local windows; left out: the kernel's size", size_rule(rank, 1));
      f("padding", padding,
        "cells added at both sides of local windows' planes, which do not count; \"same\" adds what gives a window for "
        "each step of the stride",
        {.lo = 0, .hi = 1 << 30, .choices = {"same"}, .rank = rank});
      f("ceil_mode", ceil_mode, "round output sizes up, so that the last local window may reach over the end");
    }
  };
  GeM(Config c, Build& build) : config_(std::move(c)) {
    const Sizes& sizes = config_.padding.sizes;
    const bool padded = same() || std::any_of(sizes.begin(), sizes.end(), [](int64_t p) { return p != 0; });
    check(config_.kernel_size || !(config_.stride || padded || config_.ceil_mode), name(),
          ": stride, padding and ceil_mode are those of local windows; give their kernel_size, or leave them out");
    check(
        !config_.kernel_size || !config_.kernel_size->empty(), name(),
        ": kernel_size is an empty list; expected one number, or one for each dimension, or nothing for whole planes");
    check(same() || !sizes.empty(), name(),
          ": padding is an empty list; expected one number, or one for each dimension");
    check(!config_.stride || !config_.stride->empty(), name(),
          ": stride is an empty list; expected one number, or one for each dimension");
    check(!config_.kernel_size || config_.keepdim, name(),
          ": keepdim false removes the dimensions of whole planes; with kernel_size there are several values a plane");
    const Shape& x = build.shape();
    p_ = build.parameter("p", scope_shape(config_.p_scope, x, spatial_rank(x, rank)), init::constant(config_.p_init));
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes(name(), x, rank);
    const Windows w = windows(x.shape());
    if (p_.numel() > 1) check_channels(name(), x, w.rank, p_.numel());
    return plane_values(gem_pool(x, w, p_, config_.eps), w.rank, config_.keepdim);
  }
  void parts(Parts& p) override { p("p", p_); }

 private:
  static std::string name() { return with_any_rank("gem", rank); }
  bool same() const { return config_.padding.word == "same"; }
  Windows windows(const Shape& x) const {
    if (!config_.kernel_size) return global_windows(name(), x, rank);
    return sliding_windows(name().c_str(), x, spatial_rank(x, rank),
                           {.kernel_size = *config_.kernel_size,
                            .stride = config_.stride.value_or(Sizes{}),
                            .padding = same() ? Sizes{0} : config_.padding.sizes,
                            .ceil_mode = config_.ceil_mode,
                            .same = same()});
  }

  Config config_;
  Tensor p_;
};

template <int rank>
LayerInfo& add_gem() {
  return add_layer<GeM<rank>>(rank == 0 ? "GeM" : with_rank("GeM", rank),
                              "The generalized mean of each plane (GeneralizedMeanPool), its exponent being learned.",
                              R"({"p_scope": "per_channel"})", {spatial_sample(rank == 0 ? 2 : rank)})
      .formula("y[n, c] = ((1/n) Σ max(x_i, ε)^p)^(1/p) over the plane, or over each local window")
      .source("Radenović, Tolias, Chum 2017 (arXiv 1711.02512)")
      .pools(PoolGroup::norm,
             "descriptors of images for retrieval, and heads of classifiers, between the mean and the maximum")
      .samples_from(Domain::positive);
}

const bool power_average_pool_added = add_window_pools<PowerAveragePool>(
    "PowerAveragePool",
    {.group = PoolGroup::norm,
     .doc = "The p-th root of the sum of p-th powers of each window, p being learned.",
     .formula = "y = (Σ max(x_i, ε)^p)^(1/p), or of the mean; ∂y/∂x_i = x_i^(p-1) y^(1-p) where x_i > ε, else 0; "
                "∂y/∂p = (y/p) (Σ q_i log x_i - log y), q = x^p / Σ x^p",
     .source = "Estrach, Szlam, LeCun 2014 (Signal recovery from pooling representations); Gulcehre et al. 2013 (arXiv "
               "1311.1780)",
     .use = "behind a ReLU, where the data should choose between sum and maximum; LPPool where values are negative",
     .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "p_init": 2.5, "p_scope": "per_channel"})",
     .domain = Domain::positive});
const auto& gem_row = add_gem<0>();
const auto& gem1d_row = add_gem<1>();
const auto& gem2d_row = add_gem<2>();
const auto& gem3d_row = add_gem<3>();
const bool power_average_pool_named =
    add_layer_alias("GeneralizedMeanPool", "GeM") && add_layer_aliases("GeneralizedMeanPool", "GeM");

}  // namespace
}  // namespace tarn
