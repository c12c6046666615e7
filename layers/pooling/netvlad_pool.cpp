// NetVLAD: how the vectors of a plane lie around learned centres.
#include <cmath>

#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// Vectors along the last dimension, made of length 1; a zero one stays so, and has no slope.
Tensor unit_or_zero(const Tensor& x) {
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor some = gt(norm(x.detach(), 2, {-1}, true), zero);
  return normalize(where(some, x, zero), 2, -1);
}

}  // namespace

Tensor netvlad_pool2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& centroids,
                      bool normalize_input) {
  return with_batch("netvlad_pool2d", x, 2, [&](const Tensor& t) {
    check_channels("netvlad_pool2d", t, 2, centroids.size(1));
    const Tensor tokens = normalize_input ? normalize(as_tokens(t), 2, -1) : as_tokens(t);
    const Tensor shares = softmax(linear(tokens, weight, bias), -1);
    const Tensor kept = transpose(slice(shares, -1, 0, centroids.size(0)), 1, 2);
    const Tensor residuals = matmul(kept, tokens) - sum(kept, {-1}, true) * centroids;
    return unit_or_zero(flatten(unit_or_zero(residuals), 1));
  });
}

namespace {

class NetVLADPool2d : public Module {
 public:
  struct Config {
    int64_t clusters = 64;
    int64_t ghosts = 0;
    bool normalize_input = true;
    std::optional<double> alpha;
    void fields(Fields& f) {
      f("clusters", clusters, "learned centres", {.lo = 1, .hi = 1 << 24});
      f("ghosts", ghosts, "clusters that take shares and are dropped, for what says nothing (GhostVLAD)",
        {.lo = 0, .hi = 1 << 24});
      f("normalize_input", normalize_input, "make the vector of each position of length 1 first");
      f("alpha", alpha, "start with weight 2αc and bias -α‖c‖² for the centres; left out: as a 1 × 1 convolution",
        {.lo = 0, .lo_open = true});
    }
  };

  NetVLADPool2d(const Config& c, Build& build) : normalize_(c.normalize_input) {
    const int64_t channels = channels_of(build, 2);
    const Initial initial = init::uniform_within(1 / std::sqrt(static_cast<double>(channels)));
    const auto unit = [](const Shape& s, const Stream& stream, Dtype dtype) {
      return init::uniform(s, stream, 0, 1, dtype);
    };
    const int64_t all = c.clusters + c.ghosts;
    centroids_ = build.parameter("centroids", {c.clusters, channels}, unit);
    weight_ = build.parameter("weight", {all, channels}, initial);
    bias_ = build.parameter("bias", {all}, initial);
    if (!c.alpha || build.allocate_only) return;
    const Tensor centres = centroids_.detach();
    const Tensors weights{centres * (2 * *c.alpha), slice(weight_.detach(), 0, c.clusters, all)};
    const Tensors biases{sum(square(centres), {-1}) * -*c.alpha, slice(bias_.detach(), 0, c.clusters, all)};
    assign(weight_, cat(weights, 0));
    assign(bias_, cat(biases, 0));
  }
  Tensor forward(const Tensor& x, Context&) override {
    return netvlad_pool2d(x, weight_, bias_, centroids_, normalize_);
  }
  void parts(Parts& p) override {
    p("weight", weight_);
    p("bias", bias_);
    p("centroids", centroids_);
  }

 private:
  bool normalize_;
  Tensor weight_, bias_, centroids_;
};

const auto& netvlad_pool_row =
    add_layer<NetVLADPool2d>("NetVLADPool2d", "Residuals of all positions to learned centres, softly assigned.",
                             R"({"clusters": 3, "ghosts": 1})", {spatial_sample(2)})
        .formula(
            "a_i = softmax over clusters of w_k · f_i + b_k; V_k = Σ_i a_ik (f_i - c_k), made of length 1; y = all "
            "V_k in a row, made of length 1; [N, clusters · C]")
        .source("Arandjelović et al. 2015 (arXiv 1511.07247); ghosts: Zhong et al. 2018 (arXiv 1810.09951)")
        .pools(PoolGroup::attention,
               "for recognising places and faces: a descriptor of where features lie, not only how strong they are");

}  // namespace
}  // namespace tarn
