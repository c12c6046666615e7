// How near two inputs are: the distance of vectors and the cosine of their angle.
#include "core/ops.h"
#include "layers/module.h"

namespace tarn {
namespace {

class PairwiseDistance : public Module {
 public:
  struct Config {
    double p = 2;
    double eps = 1e-6;
    bool keepdim = false;
    void fields(Fields& f) {
      f("p", p, "which norm", {.infinite = true});
      f("eps", eps, "added to every difference");
      f("keepdim", keepdim, "whether the last dimension stays, with size 1");
    }
  };
  PairwiseDistance(const Config& c, Build&) : config_(c) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {pairwise_distance(x[0], x[1], config_.p, config_.eps, config_.keepdim)};
  }

 private:
  Config config_;
};

class CosineSimilarity : public Module {
 public:
  struct Config {
    int64_t dim = 1;
    double eps = 1e-8;
    void fields(Fields& f) {
      f("dim", dim, "dimension of the vectors");
      f("eps", eps, "least length that is divided by", {.lo = 0});
    }
  };
  CosineSimilarity(const Config& c, Build&) : config_(c) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {cosine_similarity(x[0], x[1], config_.dim, config_.eps)};
  }

 private:
  Config config_;
};

const auto& pairwise_distance_row =
    add_layer<PairwiseDistance>("PairwiseDistance", "How far apart two inputs are along the last dimension.", "{}",
                                {{4, 3}, {4, 3}})
        .takes(2, 2)
        .formula("‖x1 - x2 + eps‖_p")
        .source("torch.nn.PairwiseDistance");
const auto& cosine_similarity_row =
    add_layer<CosineSimilarity>("CosineSimilarity", "The cosine of the angle of two inputs along a dimension.", "{}",
                                {{4, 3}, {4, 3}})
        .takes(2, 2)
        .formula("x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps))")
        .source("torch.nn.CosineSimilarity");

}  // namespace
}  // namespace tarn
