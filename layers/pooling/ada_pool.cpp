// AdaPool and its kin: means weighed by how much a value is like its window's mean.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {
namespace {

/// Σ w_i x_i.
Tensor weighted(const Taps& t, const Tensor& weights, bool detached) {
  return as_output(sum_taps((detached ? weights.detach() : weights) * t.values), t);
}

Rule grad_mode_rule() {
  return {.choices = {"exact", "detached"}};
}
const char* const grad_mode_doc =
    "\"detached\" takes the weights for constants in derivatives, as the authors' code does";

}  // namespace

Tensor edscw_pool(const Tensor& x, const Windows& w, bool detached) {
  const Taps t = taps_of(x, w);
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor one = Tensor::ones({}, x.dtype());
  // Likeness does not depend on the size of all values; without it no square overflows or vanishes.
  const Tensor largest = amax(abs(t.values.detach()), {-1}, true);
  const Tensor seen = t.values / where(eq(largest, zero), one, largest).detach();
  const Tensor m = mean_taps(seen, t);
  const Tensor size = square(seen) + square(m);
  const Tensor nothing = eq(size.detach(), zero);
  const Tensor likeness = where(nothing, one, 2 * abs(seen * m) / where(nothing, one, size));
  return weighted(t, softmax_taps(likeness, t), detached);
}

Tensor idw_pool(const Tensor& x, const Windows& w, double eps, bool detached) {
  const Taps t = taps_of(x, w);
  const Tensor closeness = masked_taps(1.0 / (abs(t.values - mean_taps(t.values, t)) + eps), t, 0);
  return weighted(t, closeness / sum_taps(closeness), detached);
}

Tensor ada_pool(const Tensor& x, const Windows& w, const Tensor& beta, bool detached) {
  const Tensor share = clamp(beta, 0, 1);
  return share * edscw_pool(x, w, detached) + (1 - share) * soft_pool(x, w, detached);
}

namespace {

struct EdscwPool {
  std::string grad_mode = "exact";
  void fields(Fields& f) { f("grad_mode", grad_mode, grad_mode_doc, grad_mode_rule()); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return edscw_pool(x, w, grad_mode == "detached"); }
};

struct IdwPool {
  double eps = 1e-6;
  std::string grad_mode = "exact";
  void fields(Fields& f) {
    f("eps", eps, "added to each distance", {.lo = 0, .lo_open = true});
    f("grad_mode", grad_mode, grad_mode_doc, grad_mode_rule());
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return idw_pool(x, w, eps, grad_mode == "detached");
  }
};

struct AdaPool {
  double beta = 0.5;
  std::string beta_scope = "map";
  std::string grad_mode = "exact";
  Tensor learned;
  void fields(Fields& f) {
    f("beta", beta, "share of the mean weighed by likeness, initially; kept within 0 and 1 when used");
    f("beta_scope", beta_scope,
      "one learned beta for each output cell, which fixes the input's size, or one for all of them",
      {.choices = {"map", "shared"}});
    f("grad_mode", grad_mode, grad_mode_doc, grad_mode_rule());
  }
  void build(Build& build, const Windows& w) {
    std::vector<int64_t> sizes{1};
    if (beta_scope == "map") {
      sizes.clear();
      for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].output);
    }
    learned = build.parameter("beta", Shape(sizes), init::constant(beta));
  }
  void parts(Parts& p) { p("beta", learned); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    const Shape y = w.output_shape(x.shape());
    const Shape cells(y.span().last(static_cast<size_t>(w.rank)));
    check(beta_scope == "shared" || learned.shape() == cells, "ada_pool: the map beta is ", learned.shape(),
          ", but the input ", x.shape(), " gives ", cells, " output cells; beta_scope \"shared\" fits every size");
    return ada_pool(x, w, learned, grad_mode == "detached");
  }
};

constexpr const char* ada_pool_source = "Stergiou, Poppe 2021 (arXiv 2111.00772)";

const bool edscw_pool_added = add_window_pools<EdscwPool>(
    "EDSCWPool", {.group = PoolGroup::soft,
                  .doc = "The mean of each window, weighed by the softmax of each value's Dice likeness to its mean.",
                  .formula = "y = Σ w_i x_i, w = softmax(s), s_i = 2 |x_i m| / (x_i² + m²), m the mean; 1 for 0/0",
                  .source = ada_pool_source,
                  .use = "a mean that listens less to outliers, in either direction"});
const bool idw_pool_added = add_window_pools<IdwPool>(
    "IDWPool", {.group = PoolGroup::soft,
                .doc = "The mean of each window, weighed by each value's inverse distance to its mean.",
                .formula = "y = Σ w_i x_i, w_i = t_i / Σ t, t_i = 1 / (|x_i - m| + ε), m the mean",
                .source = ada_pool_source,
                .use = "as EDSCWPool, with weights that fall off without bound",
                .sample = R"({"kernel_size": 3, "stride": 2, "padding": 1, "eps": 0.25})",
                .domain = Domain::any});
const bool ada_pool_added = add_window_pools<AdaPool>(
    "AdaPool", {.group = PoolGroup::soft,
                .doc = "A learned mixture of EDSCWPool and SoftPool.",
                .formula = "y = β · EDSCWPool(x) + (1 - β) · SoftPool(x), β within [0, 1], one for each output cell",
                .source = ada_pool_source,
                .use = "downsampling that keeps detail, where all inputs have one size"});

}  // namespace
}  // namespace tarn
