// Losses that ask for a margin between right and wrong.
#include "layers/loss_settings.h"

namespace tarn {
namespace {

class HingeEmbeddingLoss : public Loss {
 public:
  struct Config {
    double margin = 1;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("margin", margin, "distance that pairs with target -1 should have at least");
      reduction_field(f, reduction);
    }
  };
  HingeEmbeddingLoss(const Config& c, const LossBuild&) : margin_(c.margin), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return hinge_embedding_loss(prediction, target, margin_, reduction_);
  }

 private:
  double margin_;
  Reduction reduction_;
};

class MultiMarginLoss : public Loss {
 public:
  struct Config {
    int64_t p = 1;
    double margin = 1;
    std::vector<double> weight;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("p", p, "power of what a score lacks: 1 or 2", {.lo = 1, .hi = 2});
      f("margin", margin, "by how much the class's score should exceed every other");
      f("weight", weight, "factor of each class; empty: all 1");
      reduction_field(f, reduction);
    }
  };
  MultiMarginLoss(const Config& c, const LossBuild& build)
      : config_(c), weight_(c.weight), reduction_(reduction_named(c.reduction)) {
    check_class_weights(c.weight, build.classes);
  }
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return multi_margin_loss(prediction, target, config_.p, config_.margin, weight_.like(prediction), reduction_);
  }

 private:
  Config config_;
  Weights weight_;
  Reduction reduction_;
};

/// Its targets are lists of classes, which data of numbers may hold as floating ones.
Tensor multilabel_margin(const Tensor& x, const Tensor& target, Reduction reduction) {
  return multilabel_margin_loss(x, target.to(Dtype::i64), reduction);
}

class MultiLabelSoftMarginLoss : public Loss {
 public:
  struct Config {
    std::vector<double> weight;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("weight", weight, "factor of each class; empty: all 1");
      reduction_field(f, reduction);
    }
  };
  MultiLabelSoftMarginLoss(const Config& c, const LossBuild&)
      : weight_(c.weight), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return multilabel_soft_margin_loss(prediction, target_like(target, prediction), weight_.like(prediction),
                                       reduction_);
  }

 private:
  Weights weight_;
  Reduction reduction_;
};

const auto& hinge_embedding_row =
    add_loss<HingeEmbeddingLoss>("HingeEmbeddingLoss",
                                 "Makes distances small where the target is 1, and at least a margin where it is -1.",
                                 {.prediction = {4, 3}, .target = {4, 3}, .classes = 2})
        .formula("x where t = 1, max(0, margin - x) where t = -1")
        .source("torch.nn.HingeEmbeddingLoss");
const auto& soft_margin_row =
    add_loss<PlainLoss<soft_margin_loss>>("SoftMarginLoss", "How much a score disagrees with a sign.",
                                          {.prediction = {4, 3}, .target = {4, 3}})
        .formula("log(1 + exp(-t x)), t being 1 or -1")
        .source("torch.nn.SoftMarginLoss");
const auto& multi_margin_row =
    add_loss<MultiMarginLoss>("MultiMarginLoss", "What the class's score lacks to be a margin above every other.",
                              {.prediction = {4, 3}, .target = {4}, .classes = 3})
        .formula("Σ_{j ≠ t} weight_t · max(0, margin - x_t + x_j)^p / C")
        .source("torch.nn.MultiMarginLoss; Crammer and Singer 2001");
const auto& multilabel_margin_row =
    add_loss<PlainLoss<multilabel_margin>>(
        "MultiLabelMarginLoss", "The same for samples of several classes, which the target lists up to a -1.",
        {.prediction = {4, 5}, .target = {4, 5}, .classes = 5})
        .formula("Σ max(0, 1 - x_t + x_j) / C over the sample's classes t and all j that are none of them")
        .source("torch.nn.MultiLabelMarginLoss");
const auto& multilabel_soft_margin_row =
    add_loss<MultiLabelSoftMarginLoss>("MultiLabelSoftMarginLoss",
                                       "How surprised sigmoids of the logits are by each class's yes or no.",
                                       {.prediction = {4, 3}, .target = {4, 3}, .target_domain = Domain::probability})
        .formula("-1/C Σ_c weight_c (t_c log σ(x_c) + (1 - t_c) log(1 - σ(x_c)))")
        .source("torch.nn.MultiLabelSoftMarginLoss");

}  // namespace
}  // namespace tarn
