// Losses that say how unlikely the target is under a predicted distribution.
#include "layers/loss_settings.h"
#include "layers/module.h"

namespace tarn {
namespace {

class KLDivLoss : public Loss {
 public:
  struct Config {
    std::string reduction = "mean";
    bool log_target = false;
    void fields(Fields& f) {
      f("reduction", reduction,
        "what the losses of all elements become; \"batchmean\", their sum divided by the batch size, is the divergence",
        {.choices = {"none", "mean", "sum", "batchmean"}});
      f("log_target", log_target, "whether the target, too, holds logarithms of probabilities");
    }
  };
  KLDivLoss(const Config& c, const LossBuild&) : reduction_(reduction_named(c.reduction)), log_target_(c.log_target) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return kl_div(prediction, target_like(target, prediction), reduction_, log_target_);
  }

 private:
  Reduction reduction_;
  bool log_target_;
};

class PoissonNLLLoss : public Loss {
 public:
  struct Config {
    bool log_input = true;
    bool full = false;
    double eps = 1e-8;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("log_input", log_input, "whether the prediction is the logarithm of the rate");
      f("full", full, "whether to add Stirling's approximation of log t! for targets above 1");
      f("eps", eps, "added to the rate before its logarithm is taken", {.lo = 0});
      reduction_field(f, reduction);
    }
  };
  PoissonNLLLoss(const Config& c, const LossBuild&) : config_(c), reduction_(reduction_named(c.reduction)) {}
  Tensor value(const Tensor& prediction, const Tensor& target) const override {
    return poisson_nll_loss(prediction, target_like(target, prediction), config_.log_input, config_.full, config_.eps,
                            reduction_);
  }

 private:
  Config config_;
  Reduction reduction_;
};

/// A loss of three inputs, and so a layer.
class GaussianNLLLoss : public Module {
 public:
  struct Config {
    bool full = false;
    double eps = 1e-6;
    std::string reduction = "mean";
    void fields(Fields& f) {
      f("full", full, "whether to add the constant log(2π) / 2");
      f("eps", eps, "least variance; smaller ones are raised to it", {.lo = 0, .lo_open = true});
      reduction_field(f, reduction);
    }
  };
  GaussianNLLLoss(const Config& c, Build&) : config_(c), reduction_(reduction_named(c.reduction)) {}
  Tensors apply(const Tensors& x, Context&) override {
    return {gaussian_nll_loss(x[0], x[1], x[2], config_.full, config_.eps, reduction_)};
  }

 private:
  Config config_;
  Reduction reduction_;
};

const auto& kl_div_row =
    add_loss<KLDivLoss>("KLDivLoss", "How far log-probabilities are from the target's probabilities.",
                        {.prediction = {4, 3}, .target = {4, 3}, .target_domain = Domain::probability})
        .formula("t (log t - x); with log_target e^t (t - x)")
        .source("torch.nn.KLDivLoss; Kullback and Leibler 1951");
const auto& poisson_nll_row =
    add_loss<PoissonNLLLoss>("PoissonNLLLoss", "How unlikely a count is under Poisson's distribution with that rate.",
                             {.prediction = {4, 3}, .target = {4, 3}, .target_domain = Domain::positive})
        .formula("e^x - t x, or x - t log(x + eps) where x is the rate itself; full: + t log t - t + log(2πt) / 2")
        .source("torch.nn.PoissonNLLLoss");
const auto& gaussian_nll_row =
    add_layer<GaussianNLLLoss>("GaussianNLLLoss",
                               "How unlikely the second input is under Gauss' distribution with the first as its mean "
                               "and the third as its variance.",
                               R"({"reduction": "none"})", {{4, 3}, {4, 3}, {4, 1}})
        .takes(3, 3)
        .samples_from(Domain::positive)
        .formula("(log v + (x - t)² / v) / 2, v = max(var, eps); full: + log(2π) / 2")
        .source("torch.nn.GaussianNLLLoss; Nix and Weigend 1994");

}  // namespace
}  // namespace tarn
