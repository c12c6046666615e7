// PyTorch's losses over classes and over numbers, as rows of the registry.
#include <vector>

#include "layers/loss_settings.h"

namespace tarn {
namespace {

/// Settings that the losses over classes share.
struct ClassSettings {
  std::vector<double> weight;
  int64_t ignore_index = -100;
  std::string reduction = "mean";
  void fields(Fields& f) {
    f("weight", weight, "factor of each class; empty: all 1", {.lo = 0});
    f("ignore_index", ignore_index, "targets of this value do not count");
    reduction_field(f, reduction);
  }
};

class CrossEntropyLoss : public Loss {
 public:
  struct Config : ClassSettings {
    double label_smoothing = 0;
    void fields(Fields& f) {
      ClassSettings::fields(f);
      f("label_smoothing", label_smoothing, "share of the target that is spread over all classes", {.lo = 0, .hi = 1});
    }
  };
  CrossEntropyLoss(const Config& c, const LossBuild& build)
      : config_(c), weight_(c.weight), reduction_(reduction_named(c.reduction)) {
    check_class_weights(c.weight, build.classes);
  }
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return cross_entropy(prediction, target, weight_.like(prediction), reduction_, config_.ignore_index,
                         config_.label_smoothing);
  }

 private:
  Config config_;
  Weights weight_;
  Reduction reduction_;
};

class NLLLoss : public Loss {
 public:
  using Config = ClassSettings;
  NLLLoss(const Config& c, const LossBuild& build)
      : config_(c), weight_(c.weight), reduction_(reduction_named(c.reduction)) {
    check_class_weights(c.weight, build.classes);
  }
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return nll_loss(prediction, target, weight_.like(prediction), reduction_, config_.ignore_index);
  }

 private:
  Config config_;
  Weights weight_;
  Reduction reduction_;
};

struct Beta {
  static constexpr const char* name = "beta";
};
struct Delta {
  static constexpr const char* name = "delta";
};

/// SmoothL1Loss and HuberLoss: quadratic near zero, straight beyond a bend.
template <Tensor (*function)(const Tensor&, const Tensor&, Reduction, double), class Bend>
class Bent : public Loss {
 public:
  struct Config {
    double bend = 1;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f(Bend::name, bend, "difference where the parabola becomes a straight line", {.lo = 0});
      reduction_field(f, reduction);
    }
  };
  Bent(const Config& c, const LossBuild&) : bend_(c.bend), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return function(prediction, target_like(target, prediction), reduction_, bend_);
  }

 private:
  double bend_;
  Reduction reduction_;
};

class BCELoss : public Loss {
 public:
  struct Config {
    std::vector<double> weight;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("weight", weight, "factor of each output; empty: all 1");
      reduction_field(f, reduction);
    }
  };
  BCELoss(const Config& c, const LossBuild&) : weight_(c.weight), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return binary_cross_entropy(prediction, target.to(prediction.dtype()), weight_.like(prediction), reduction_);
  }

 private:
  Weights weight_;
  Reduction reduction_;
};

class BCEWithLogitsLoss : public Loss {
 public:
  struct Config {
    std::vector<double> weight;
    std::vector<double> pos_weight;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("weight", weight, "factor of each output; empty: all 1");
      f("pos_weight", pos_weight, "factor of the positive targets of each output; empty: all 1", {.lo = 0});
      reduction_field(f, reduction);
    }
  };
  BCEWithLogitsLoss(const Config& c, const LossBuild&)
      : weight_(c.weight), pos_weight_(c.pos_weight), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return binary_cross_entropy_with_logits(prediction, target.to(prediction.dtype()), weight_.like(prediction),
                                            reduction_, pos_weight_.like(prediction));
  }

 private:
  Weights weight_, pos_weight_;
  Reduction reduction_;
};

const auto& cross_entropy_row =
    add_loss<CrossEntropyLoss>("CrossEntropyLoss", "How surprised a softmax of the logits is by the class.",
                               {.prediction = {4, 3}, .target = {4}, .classes = 3})
        .formula("-log(exp(x_t) / Σ_c exp(x_c)), weighted by class and averaged with those weights")
        .source("torch.nn.CrossEntropyLoss");
const auto& nll_row = add_loss<NLLLoss>("NLLLoss", "Minus the log-probability of the class.",
                                        {.prediction = {4, 3}, .target = {4}, .classes = 3})
                          .formula("-x_t, weighted by class and averaged with those weights")
                          .source("torch.nn.NLLLoss");
const auto& mse_row =
    add_loss<PlainLoss<mse_loss>>("MSELoss", "The mean squared difference.", {.prediction = {4, 3}, .target = {4, 3}})
        .formula("(x - t)²")
        .source("torch.nn.MSELoss");
const auto& l1_row =
    add_loss<PlainLoss<l1_loss>>(
        "L1Loss", "The mean absolute difference.",
        {.prediction = {4, 3}, .target = {4, 3}, .domain = Domain::away_from_zero, .target_domain = Domain::any})
        .formula("|x - t|")
        .source("torch.nn.L1Loss");
const auto& smooth_l1_row =
    add_loss<Bent<smooth_l1_loss, Beta>>("SmoothL1Loss", "Squared near zero, absolute beyond beta.",
                                         {.prediction = {4, 3}, .target = {4, 3}})
        .formula("(x - t)² / (2 beta) where |x - t| < beta, else |x - t| - beta / 2")
        .source("torch.nn.SmoothL1Loss; Girshick 2015");
const auto& huber_row = add_loss<Bent<huber_loss, Delta>>("HuberLoss", "Squared near zero, straight beyond delta.",
                                                          {.prediction = {4, 3}, .target = {4, 3}})
                            .formula("(x - t)² / 2 where |x - t| < delta, else delta · (|x - t| - delta / 2)")
                            .source("torch.nn.HuberLoss; Huber 1964");
const auto& bce_row =
    add_loss<BCELoss>(
        "BCELoss", "How surprised probabilities are by yes-or-no targets.",
        {.prediction = {4, 3}, .target = {4, 3}, .domain = Domain::probability, .target_domain = Domain::probability})
        .formula("-(t log x + (1 - t) log(1 - x))")
        .source("torch.nn.BCELoss");
const auto& bce_with_logits_row =
    add_loss<BCEWithLogitsLoss>("BCEWithLogitsLoss", "How surprised sigmoids of the logits are by yes-or-no targets.",
                                {.prediction = {4, 3}, .target = {4, 3}, .target_domain = Domain::probability})
        .formula("-(pos_weight · t log σ(x) + (1 - t) log(1 - σ(x)))")
        .source("torch.nn.BCEWithLogitsLoss");

}  // namespace
}  // namespace tarn
