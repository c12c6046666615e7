// NoisyOrPool and NoisyAndPool: the chance that any, or that enough, of a plane's instances are positive.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/plane_pool.h"

namespace tarn {

Tensor noisy_or_pool(const Tensor& x, const Windows& w) {
  const Taps t = taps_of(x, w);
  return as_output(1 - prod(1 - t.values, -1, true), t);
}

Tensor noisy_and_pool(const Tensor& x, const Windows& w, const Tensor& b, double a) {
  const int64_t channels = x.size(channel_axis(x, w));
  check(b.shape() == Shape{channels}, "noisy_and_pool: b is ", b.shape(), "; the input ", x.shape(), " needs ",
        Shape{channels});
  const Tensor m = window_means(x, w);
  const Tensor level = per_channel(b, w);
  const Tensor least = sigmoid(-a * level);
  return (sigmoid(a * (m - level)) - least) / (sigmoid(a * (1 - level)) - least);
}

namespace {

struct NoisyOrPool {
  void fields(Fields&) {}
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return noisy_or_pool(x, w); }
};

struct NoisyAndPool {
  double a = 10;
  Tensor b;
  void fields(Fields& f) { f("a", a, "how sharp the threshold is", {.lo = 0, .lo_open = true}); }
  void build(Build& build, const Windows& w) {
    const Shape& x = build.shape();
    b = build.parameter("b", {x[x.rank() - w.rank - 1]}, init::constant(0.5));
  }
  void parts(Parts& p) { p("b", b); }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    return noisy_and_pool(x, w, clamp(b, 1e-3, 1 - 1e-3), a);
  }
};

const bool noisy_or_pool_added = add_plane_pools<NoisyOrPool>(
    "NoisyOrPool", {.group = PoolGroup::adaptive,
                    .doc = "The chance that any of a plane's instances is positive, each being a probability.",
                    .formula = "y = 1 - Π_i (1 - x_i)",
                    .source = "Zhang, Platt, Viola 2005",
                    .use = "for bags of instances that are positive where one of these is",
                    .sample = "{}",
                    .domain = Domain::probability});

const bool noisy_and_pool_added = add_plane_pools<NoisyAndPool>(
    "NoisyAndPool",
    {.group = PoolGroup::adaptive,
     .doc = "The chance that enough of a plane's instances are positive, by a threshold that each channel learns.",
     .formula = "y = (σ(a (m - b)) - σ(-a b)) / (σ(a (1 - b)) - σ(-a b)), m = mean(x); b [C], initially 0.5, is kept "
                "in [0.001, 0.999]",
     .source = "Kraus, Ba, Frey 2016 (arXiv 1511.05286)",
     .use = "for bags of instances of which a part, not known before, must be positive",
     .sample = "{}",
     .domain = Domain::probability});

}  // namespace
}  // namespace tarn
