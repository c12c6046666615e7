// Statistics over time: the mean and the deviation of every channel, of all positions alike or by attention.
#include <cmath>

#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// Means, then deviations, under weights that add up to 1 over the last dimension; variances are `scale` times those.
Tensor mean_and_deviation(const Tensor& x, const Tensor& weights, double eps, const Tensor& scale = {}) {
  const Tensor m = sum(weights * x, {-1}, true);
  Tensor variance = sum(weights * square(x - m), {-1});
  if (scale.defined()) variance = variance * scale;
  const Tensors parts{squeeze(m, -1), sqrt(clamp(variance, eps, {}))};
  return cat(parts, -1);
}

}  // namespace

Tensor stats_pool1d(const Tensor& x, bool unbiased, double eps, const Tensor& mask) {
  const char* name = "stats_pool1d";
  check_planes(name, x, 1);
  check(eps > 0, name, ": eps is ", eps, "; expected a number above 0");
  const int64_t length = x.size(-1);
  Tensor counted = Tensor::ones({1, length}, x.dtype());
  if (mask.defined()) {
    const Shape wanted = x.rank() == 2 ? Shape{length} : Shape{x.size(0), length};
    check(mask.shape() == wanted, name, ": the mask is ", mask.shape(), "; expected ", wanted);
    counted = unsqueeze(ne(mask, Tensor::zeros({}, mask.dtype())).to(x.dtype()), -2);
  }
  const Tensor count = sum(counted, {-1}, true);
  for (int64_t i = 0; i < count.numel(); ++i)
    check(count.at(i) > (unbiased ? 1 : 0), name, ": sample ", i, " has ", count.at(i),
          " positions; expected at least ", unbiased ? 2 : 1);
  const Tensor scale = unbiased ? squeeze(count / (count - 1.0), -1) : Tensor();
  // A masked position may hold anything, NaN too.
  return mean_and_deviation(where(counted, x, Tensor::zeros({}, x.dtype())), counted / count, eps, scale);
}

Tensor attentive_stats_pool1d(const Tensor& x, const Tensor& scores, double eps) {
  check_planes("attentive_stats_pool1d", x, 1);
  return mean_and_deviation(x, softmax(scores, -1), eps);
}

namespace {

class StatsPool1d : public Module {
 public:
  struct Config {
    bool unbiased = false;
    double eps = 1e-5;
    void fields(Fields& f) {
      f("unbiased", unbiased, "divide the sum of squares by L - 1 instead of L");
      f("eps", eps, "smallest variance: below it the deviation is √eps and has no gradient",
        {.lo = 0, .lo_open = true});
    }
  };
  StatsPool1d(const Config& c, Build&) : config_(c) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {stats_pool1d(x[0], config_.unbiased, config_.eps, x.size() > 1 ? x[1] : Tensor())};
  }

 private:
  Config config_;
};

class AttentiveStatsPool1d : public Module {
 public:
  struct Config {
    int64_t hidden = 128;
    bool channelwise = false;
    double eps = 1e-5;
    void fields(Fields& f) {
      f("hidden", hidden, "width of the layer that scores a position", {.lo = 1, .hi = 1 << 24});
      f("channelwise", channelwise, "scores for every channel instead of one for all of them");
      f("eps", eps, "smallest variance: below it the deviation is √eps and has no gradient",
        {.lo = 0, .lo_open = true});
    }
  };
  AttentiveStatsPool1d(const Config& c, Build& build) : eps_(c.eps) {
    const int64_t channels = channels_of(build, 1);
    const Initial inner = init::uniform_within(1 / std::sqrt(static_cast<double>(channels)));
    const Initial outer = init::uniform_within(1 / std::sqrt(static_cast<double>(c.hidden)));
    const int64_t scores = c.channelwise ? channels : 1;
    w_ = build.parameter("W", {c.hidden, channels}, inner);
    b_ = build.parameter("b", {c.hidden}, inner);
    v_ = build.parameter("v", {scores, c.hidden}, outer);
    k_ = build.parameter("k", {scores}, outer);
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes("attentive_stats_pool1d", x, 1);
    check_channels("attentive_stats_pool1d", x, 1, w_.size(1));
    const Tensor scores = linear(tanh(linear(transpose(x, -2, -1), w_, b_)), v_, k_);
    return attentive_stats_pool1d(x, transpose(scores, -2, -1), eps_);
  }
  void parts(Parts& p) override {
    p("W", w_);
    p("b", b_);
    p("v", v_);
    p("k", k_);
  }

 private:
  double eps_;
  Tensor w_, b_, v_, k_;
};

const auto& stats_pool_row =
    add_layer<StatsPool1d>("StatsPool1d", "The mean and the deviation of every channel over time.", "{}", {{2, 4, 6}})
        .takes(1, 2)
        .formula(
            "y = (m, √max(var, eps)), var the mean of (x - m)²; [N, C, L] to [N, 2C]; a second input [N, L] says which "
            "positions count")
        .source("Snyder et al. 2018, x-vectors")
        .pools(PoolGroup::attention, "to sum up speech of any length for speaker recognition");

const auto& attentive_stats_pool_row =
    add_layer<AttentiveStatsPool1d>("AttentiveStatsPool1d", "Means and deviations under learned attention.",
                                    R"({"hidden": 3})", {{2, 4, 6}})
        .formula("a = softmax over t of vᵀ tanh(W h_t + b) + k; m = Σ a_t h_t; y = (m, √max(Σ a_t (h_t - m)², eps))")
        .source(
            "Okabe, Koshinaka, Shinoda 2018 (arXiv 1803.10963); channelwise: Desplanques et al. 2020 (arXiv "
            "2005.07143)")
        .pools(PoolGroup::attention, "as StatsPool1d, where some of the frames say nothing");

}  // namespace
}  // namespace tarn
