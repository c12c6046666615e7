// Reference cases of loss functions.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

Reduction reduction_of(Case& c) {
  return reduction_named(c.attributes().text("reduction", "mean"));
}

Call pair_loss(Tensor (*f)(const Tensor&, const Tensor&, Reduction)) {
  return [f](Case& c) { return Tensors{f(c.input(0), c.input(1), reduction_of(c))}; };
}

Call pair_loss(Tensor (*f)(const Tensor&, const Tensor&, Reduction, double), const char* attribute) {
  return
      [=](Case& c) { return Tensors{f(c.input(0), c.input(1), reduction_of(c), c.attributes().number(attribute, 1))}; };
}

const Rows losses_rows{
    {"mse_loss", pair_loss(mse_loss)},
    {"l1_loss", pair_loss(l1_loss)},
    {"smooth_l1_loss", pair_loss(smooth_l1_loss, "beta")},
    {"huber_loss", pair_loss(huber_loss, "delta")},
    {"cross_entropy",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{cross_entropy(c.input(0), c.input(1), c.param("weight"), reduction_of(c),
                                    a.integer("ignore_index", -100), a.number("label_smoothing", 0))};
     }},
    {"nll_loss",
     [](Case& c) {
       return Tensors{nll_loss(c.input(0), c.input(1), c.param("weight"), reduction_of(c),
                               c.attributes().integer("ignore_index", -100))};
     }},
    {"binary_cross_entropy",
     [](Case& c) { return Tensors{binary_cross_entropy(c.input(0), c.input(1), c.param("weight"), reduction_of(c))}; }},
    {"binary_cross_entropy_with_logits",
     [](Case& c) {
       return Tensors{binary_cross_entropy_with_logits(c.input(0), c.input(1), c.param("weight"), reduction_of(c),
                                                       c.param("pos_weight"))};
     }},
};

const Rows likelihood_rows{
    {"kl_div",
     [](Case& c) {
       return Tensors{kl_div(c.input(0), c.input(1), reduction_of(c), c.attributes().flag("log_target", false))};
     }},
    {"poisson_nll_loss",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{poisson_nll_loss(c.input(0), c.input(1), a.flag("log_input", true), a.flag("full", false),
                                       a.number("eps", 1e-8), reduction_of(c))};
     }},
    {"gaussian_nll_loss",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{gaussian_nll_loss(c.input(0), c.input(1), c.input(2), a.flag("full", false),
                                        a.number("eps", 1e-6), reduction_of(c))};
     }},
};

const Rows margin_rows{
    {"hinge_embedding_loss",
     [](Case& c) {
       return Tensors{
           hinge_embedding_loss(c.input(0), c.input(1), c.attributes().number("margin", 1), reduction_of(c))};
     }},
    {"margin_ranking_loss",
     [](Case& c) {
       return Tensors{margin_ranking_loss(c.input(0), c.input(1), c.input(2), c.attributes().number("margin", 0),
                                          reduction_of(c))};
     }},
    {"soft_margin_loss", pair_loss(soft_margin_loss)},
    {"multi_margin_loss",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{multi_margin_loss(c.input(0), c.input(1), a.integer("p", 1), a.number("margin", 1),
                                        c.param("weight"), reduction_of(c))};
     }},
    {"multilabel_margin_loss", pair_loss(multilabel_margin_loss)},
    {"multilabel_soft_margin_loss",
     [](Case& c) {
       return Tensors{multilabel_soft_margin_loss(c.input(0), c.input(1), c.param("weight"), reduction_of(c))};
     }},
    {"cosine_embedding_loss",
     [](Case& c) {
       return Tensors{cosine_embedding_loss(c.input(0), c.input(1), c.input(2), c.attributes().number("margin", 0),
                                            reduction_of(c))};
     }},
    {"triplet_margin_loss",
     [](Case& c) {
       const Attributes& a = c.attributes();
       return Tensors{triplet_margin_loss(c.input(0), c.input(1), c.input(2), a.number("margin", 1), a.number("p", 2),
                                          a.number("eps", 1e-6), a.flag("swap", false), reduction_of(c))};
     }},
};

}  // namespace
}  // namespace tarn::golden
