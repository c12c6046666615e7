// A pooling over whole planes, for 1, 2, 3 and any number of dimensions at once: a variant gives its settings and what
// a plane becomes.
#pragma once

#include <string>
#include <utility>

#include "layers/pooling.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

/// The layer of a variant R, which is as one of `WindowPool`; its windows are one over each plane. `rank` 0: of any
/// number of dimensions.
template <int rank, class R>
class PlanePool : public Module {
 public:
  struct Config {
    std::string name;
    R variant;
    bool keepdim = true;
    void fields(Fields& f) {
      variant.fields(f);
      keepdim_field(f, keepdim);
    }
  };

  PlanePool(Config c, Build& build) : config_(std::move(c)) {
    if constexpr (requires(const Windows& w) { config_.variant.build(build, w); })
      config_.variant.build(build, global_windows(config_.name, build.shape(), rank));
  }
  Tensor forward(const Tensor& x, Context& context) override {
    check_planes(config_.name, x, rank);
    const Windows w = global_windows(config_.name, x.shape(), rank);
    return plane_values(config_.variant.pool(x, w, context), w.rank, config_.keepdim);
  }
  void parts(Parts& p) override {
    if constexpr (requires { config_.variant.parts(p); }) config_.variant.parts(p);
  }

 private:
  Config config_;
};

template <int rank, class R>
bool add_plane_pool(const std::string& name, const PoolText& t) {
  add_named_layer<PlanePool<rank, R>>(name, t.doc, t.sample, {spatial_sample(rank == 0 ? 2 : rank)})
      .formula(t.formula)
      .source(t.source)
      .pools(t.group, t.use)
      .samples_from(t.domain);
  return true;
}

/// Registers a variant as FAMILY, for any number of dimensions, FAMILY1d, FAMILY2d and FAMILY3d.
template <class R>
bool add_plane_pools(const char* family, const PoolText& t) {
  return add_plane_pool<0, R>(family, t) && add_plane_pool<1, R>(with_rank(family, 1), t) &&
         add_plane_pool<2, R>(with_rank(family, 2), t) && add_plane_pool<3, R>(with_rank(family, 3), t);
}

}  // namespace tarn
