// Reference cases of loss functions.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

Reduction reduction_of(Case& c) {
  return reduction_named(c.attributes().text("reduction", "mean"));
}

Call distance(Tensor (*f)(const Tensor&, const Tensor&, Reduction)) {
  return [f](Case& c) { return Tensors{f(c.input(0), c.input(1), reduction_of(c))}; };
}

Call distance(Tensor (*f)(const Tensor&, const Tensor&, Reduction, double), const char* attribute) {
  return
      [=](Case& c) { return Tensors{f(c.input(0), c.input(1), reduction_of(c), c.attributes().number(attribute, 1))}; };
}

const Rows rows{
    {"mse_loss", distance(mse_loss)},
    {"l1_loss", distance(l1_loss)},
    {"smooth_l1_loss", distance(smooth_l1_loss, "beta")},
    {"huber_loss", distance(huber_loss, "delta")},
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

}  // namespace
}  // namespace tarn::golden
