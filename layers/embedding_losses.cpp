// Losses of three inputs, that compare or rank vectors; being no function of a prediction and a target, they are
// layers.
#include "layers/loss_settings.h"
#include "layers/module.h"

namespace tarn {
namespace {

/// MarginRankingLoss and CosineEmbeddingLoss: two inputs, a target, a margin.
template <Tensor (*function)(const Tensor&, const Tensor&, const Tensor&, double, Reduction)>
class PairLoss : public Module {
 public:
  struct Config {
    double margin = 0;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("margin", margin, "how far apart is far enough");
      reduction_field(f, reduction);
    }
  };
  PairLoss(const Config& c, Build&) : margin_(c.margin), reduction_(reduction_named(c.reduction)) {}
  Tensors apply(const Tensors& x, Context&) override { return {function(x[0], x[1], x[2], margin_, reduction_)}; }

 private:
  double margin_;
  Reduction reduction_;
};

class TripletMarginLoss : public Module {
 public:
  struct Config {
    double margin = 1;
    double p = 2;
    double eps = 1e-6;
    bool swap = false;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("margin", margin, "by how much the negative should be farther away than the positive");
      f("p", p, "the distance is the p-norm of a difference", {.infinite = true});
      f("eps", eps, "added to every difference");
      f("swap", swap, "whether to take the distance of negative and positive where that is smaller");
      reduction_field(f, reduction);
    }
  };
  TripletMarginLoss(const Config& c, Build&) : config_(c), reduction_(reduction_named(c.reduction)) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {triplet_margin_loss(x[0], x[1], x[2], config_.margin, config_.p, config_.eps, config_.swap, reduction_)};
  }

 private:
  Config config_;
  Reduction reduction_;
};

const auto& margin_ranking_row =
    add_layer<PairLoss<margin_ranking_loss>>("MarginRankingLoss",
                                             "Makes the first input larger than the second where the third is 1, and "
                                             "smaller where it is -1.",
                                             R"({"margin": 0.5, "reduction": "none"})", {{4}, {4}, {4}})
        .takes(3, 3)
        .reads_labels(2, {1, -1})
        .formula("max(0, margin - t (x1 - x2))")
        .source("torch.nn.MarginRankingLoss");
const auto& cosine_embedding_row =
    add_layer<PairLoss<cosine_embedding_loss>>("CosineEmbeddingLoss",
                                               "Turns pairs of vectors towards each other where the third input is 1, "
                                               "and away where it is -1.",
                                               R"({"margin": -0.2, "reduction": "none"})", {{4, 3}, {4, 3}, {4}})
        .takes(3, 3)
        .reads_labels(2, {1, -1})
        .formula("1 - cos(x1, x2) where t = 1, max(0, cos(x1, x2) - margin) where t = -1")
        .source("torch.nn.CosineEmbeddingLoss");
const auto& triplet_margin_row =
    add_layer<TripletMarginLoss>("TripletMarginLoss",
                                 "Brings an anchor nearer to the second input, the positive, than to the third, the "
                                 "negative.",
                                 R"({"reduction": "none"})", {{4, 3}, {4, 3}, {4, 3}})
        .takes(3, 3)
        .formula("max(0, margin + d(a, p) - d(a, n)), d(x, y) = ‖x - y + eps‖_p")
        .source("torch.nn.TripletMarginLoss; Balntas et al. 2016");

}  // namespace
}  // namespace tarn
