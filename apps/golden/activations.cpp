// Reference cases of activation functions and the softmax family.
#include "apps/golden/table.h"
#include "core/ops.h"

namespace tarn::golden {
namespace {

Call with_number(Tensor (*f)(const Tensor&, double), const char* attribute, double fallback) {
  return [=](Case& c) { return Tensors{f(c.input(), c.attributes().number(attribute, fallback))}; };
}

Call along(Tensor (*f)(const Tensor&, int64_t)) {
  return [f](Case& c) { return Tensors{f(c.input(), c.attributes().integer("dim", -1))}; };
}

const Rows activations_rows{
    {"relu", unary(relu)},
    {"relu6", unary(relu6)},
    {"selu", unary(selu)},
    {"silu", unary(silu)},
    {"mish", unary(mish)},
    {"hardswish", unary(hardswish)},
    {"hardsigmoid", unary(hardsigmoid)},
    {"sigmoid", unary(sigmoid)},
    {"tanh", unary(tanh)},
    {"softsign", unary(softsign)},
    {"tanhshrink", unary(tanhshrink)},
    {"logsigmoid", unary(logsigmoid)},
    {"leaky_relu", with_number(leaky_relu, "negative_slope", 0.01)},
    {"elu", with_number(elu, "alpha", 1)},
    {"celu", with_number(celu, "alpha", 1)},
    {"softshrink", with_number(softshrink, "lambd", 0.5)},
    {"hardshrink", with_number(hardshrink, "lambd", 0.5)},
    {"softmax", along(softmax)},
    {"log_softmax", along(log_softmax)},
    {"softmin", along(softmin)},
    {"glu", along(glu)},
    {"softmax2d", [](Case& c) { return Tensors{softmax(c.input(), -3)}; }},
    {"gelu", [](Case& c) { return Tensors{gelu(c.input(), c.attributes().text("approximate", "none"))}; }},
    {"prelu", [](Case& c) { return Tensors{prelu(c.input(), c.param("weight"))}; }},
    {"hardtanh",
     [](Case& c) {
       return Tensors{hardtanh(c.input(), c.attributes().number("min_val", -1), c.attributes().number("max_val", 1))};
     }},
    {"softplus",
     [](Case& c) {
       return Tensors{softplus(c.input(), c.attributes().number("beta", 1), c.attributes().number("threshold", 20))};
     }},
    {"threshold",
     [](Case& c) {
       return Tensors{threshold(c.input(), c.attributes().number("threshold"), c.attributes().number("value"))};
     }},
};

}  // namespace
}  // namespace tarn::golden
