// PyTorch's elementwise activations.
#include "core/ops.h"
#include "layers/activation.h"

namespace tarn {
namespace {

struct LeakyReLU {
  double negative_slope = 0.01;
  bool inplace = false;
  void fields(Fields& f) {
    f("negative_slope", negative_slope, "slope below zero");
    inplace_field(f, inplace);
  }
  Tensor operator()(const Tensor& x) const { return leaky_relu(x, negative_slope); }
};

/// ELU and CELU differ in how alpha enters the exponential.
template <Tensor (*function)(const Tensor&, double)>
struct Exponential {
  double alpha = 1;
  bool inplace = false;
  void fields(Fields& f) {
    f("alpha", alpha, "minus the limit for large negative values");
    inplace_field(f, inplace);
  }
  Tensor operator()(const Tensor& x) const { return function(x, alpha); }
};

struct GELU {
  std::string approximate = "none";
  void fields(Fields& f) {
    f("approximate", approximate, "the exact function, or a close one made of tanh", {.choices = {"none", "tanh"}});
  }
  Tensor operator()(const Tensor& x) const { return gelu(x, approximate); }
};

struct Hardtanh {
  double min_val = -1;
  double max_val = 1;
  bool inplace = false;
  void fields(Fields& f) {
    f("min_val", min_val, "least output");
    f("max_val", max_val, "greatest output");
    inplace_field(f, inplace);
  }
  void validate() const { check(min_val < max_val, "min_val ", min_val, " must be below max_val, ", max_val); }
  Tensor operator()(const Tensor& x) const { return hardtanh(x, min_val, max_val); }
};

struct Softplus {
  double beta = 1;
  double threshold = 20;
  void fields(Fields& f) {
    f("beta", beta, "sharpness of the bend");
    f("threshold", threshold, "where beta · x is above it, y = x");
  }
  void validate() const { check(beta != 0, "beta must not be 0"); }
  Tensor operator()(const Tensor& x) const { return softplus(x, beta, threshold); }
};

template <Tensor (*function)(const Tensor&, double)>
struct Shrink {
  double lambd = 0.5;
  void fields(Fields& f) { f("lambd", lambd, "values within ± this become 0", {.lo = 0}); }
  Tensor operator()(const Tensor& x) const { return function(x, lambd); }
};

struct Threshold {
  double threshold = 0;
  double value = 0;
  bool inplace = false;
  void fields(Fields& f) {
    f("threshold", threshold, "values above it pass", {.required = true});
    f("value", value, "what the others become", {.required = true});
    inplace_field(f, inplace);
  }
  Tensor operator()(const Tensor& x) const { return tarn::threshold(x, threshold, value); }
};

const auto& relu_row = add_activation<PlainInplace<relu>>("ReLU", "Cuts off negative values.", "max(0, x)");
const auto& relu6_row =
    add_activation<PlainInplace<relu6>>("ReLU6", "Cuts off below 0 and above 6.", "min(max(0, x), 6)");
const auto& leaky_relu_row = add_activation<LeakyReLU>("LeakyReLU", "Lets a share of negative values through.",
                                                       "max(0, x) + negative_slope · min(0, x)");
const auto& elu_row = add_activation<Exponential<elu>>("ELU", "Bends exponentially towards -alpha below zero.",
                                                       "x above 0, alpha · (eˣ - 1) below");
const auto& selu_row = add_activation<PlainInplace<selu>>(
    "SELU", "An ELU scaled so that mean 0 and variance 1 are kept.", "1.0507… · (x above 0, 1.6732… · (eˣ - 1) below)");
const auto& celu_row = add_activation<Exponential<celu>>("CELU", "An ELU whose slope is continuous for any alpha.",
                                                         "max(0, x) + min(0, alpha · (exp(x / alpha) - 1))");
const auto& gelu_row =
    add_activation<GELU>("GELU", "Weighs x by the chance that a normal value is below it.", "x · Φ(x)");
const auto& silu_row = add_activation<PlainInplace<silu>>("SiLU", "Weighs x by its sigmoid (swish).", "x · σ(x)");
const auto& mish_row = add_activation<PlainInplace<mish>>("Mish", "A smooth relative of ReLU that dips below zero.",
                                                          "x · tanh(log(1 + eˣ))");
const auto& hardswish_row = add_activation<PlainInplace<hardswish>>(
    "Hardswish", "SiLU with straight pieces in place of the sigmoid.", "x · min(max(x + 3, 0), 6) / 6");
const auto& hardsigmoid_row = add_activation<PlainInplace<hardsigmoid>>(
    "Hardsigmoid", "A sigmoid made of straight pieces.", "min(max(x / 6 + 1/2, 0), 1)");
const auto& hardtanh_row =
    add_activation<Hardtanh>("Hardtanh", "Cuts off outside [min_val, max_val].", "min(max(x, min_val), max_val)");
const auto& sigmoid_row = add_activation<Plain<sigmoid>>("Sigmoid", "Squeezes x into (0, 1).", "1 / (1 + e⁻ˣ)");
const auto& tanh_row = add_activation<Plain<tanh>>("Tanh", "Squeezes x into (-1, 1).", "(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)");
const auto& softplus_row = add_activation<Softplus>("Softplus", "A smooth ReLU.", "log(1 + exp(beta · x)) / beta");
const auto& softsign_row =
    add_activation<Plain<softsign>>("Softsign", "Squeezes x into (-1, 1), slowly.", "x / (1 + |x|)");
const auto& softshrink_row = add_activation<Shrink<softshrink>>("Softshrink", "Moves values towards zero by lambd.",
                                                                "sign(x) · max(|x| - lambd, 0)");
const auto& hardshrink_row =
    add_activation<Shrink<hardshrink>>("Hardshrink", "Zeroes values within ±lambd.", "x where |x| > lambd, else 0");
const auto& tanhshrink_row = add_activation<Plain<tanhshrink>>("Tanhshrink", "What tanh takes away.", "x - tanh(x)");
const auto& threshold_row =
    add_activation<Threshold>("Threshold", "Replaces values that are not above a threshold.",
                              "x where x > threshold, else value", R"({"threshold": 0.5, "value": -1})");
const auto& logsigmoid_row =
    add_activation<Plain<logsigmoid>>("LogSigmoid", "The logarithm of the sigmoid.", "log(1 / (1 + e⁻ˣ))");

}  // namespace
}  // namespace tarn
