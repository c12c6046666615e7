// PyTorch's smooth activation functions: exponentials, normal and logistic ones.
#include <cmath>
#include <numbers>

#include "core/decisions.h"
#include "core/kernels/functions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/activation.h"
#include "core/ops/pullback.h"

namespace tarn {

using kernels::fast_exp, kernels::fast_expm1, kernels::fast_normal, kernels::fast_sigmoid, kernels::fast_softplus,
    kernels::fast_tanh;

namespace {

// ELU and its kin: above · x for x > 0, else below · (e^(inner · x) - 1).
Tensor exponential_unit(const char* op, const Tensor& x, double above, double below, double inner) {
  const auto value = [=](auto v) {
    using T = decltype(v);
    const T falling = fast_expm1(v * static_cast<T>(inner)) * static_cast<T>(below);
    return v > 0 ? v * static_cast<T>(above) : falling;
  };
  const auto on = [=](double v, int64_t k) { return k ? v * above : std::expm1(v * inner) * below; };
  const auto slope = [=](auto c, auto v) {
    using T = decltype(v);
    const T falling = fast_exp(v * static_cast<T>(inner)) * static_cast<T>(below * inner);
    return c * (v <= 0 ? falling : static_cast<T>(above));  // NaN counts as above, as in PyTorch
  };
  const auto in_ops = [=](const Tensor& g) {
    // Where another side is chosen the exponent is 0: it must neither
    // overflow nor be differentiated again.
    const Tensor exponent = where(lt(x, zero(x)), x, zero(x)) * inner;
    const Tensor falling = exp(exponent) * (below * inner);
    return g * where(le(x, zero(x)), falling, number(above, x));
  };
  return record(op, map_pieces(op, x, value, above_bound(0), on, 6),
                Edge{x, [=](const Tensor& g) { return pull(op, g, x, slope, [&] { return in_ops(g); }); }});
}

}  // namespace

Tensor elu(const Tensor& x, double alpha) {
  return exponential_unit("elu", x, 1, alpha, 1);
}
const auto& elu_row = add_activation("elu", "x, or α(e^x - 1) below 0", [](const Tensor& x) { return elu(x, 0.5); });

Tensor selu(const Tensor& x) {
  // Klambauer et al. 2017, Self-normalizing neural networks: the fixed point's α and scale.
  constexpr double alpha = 1.6732632423543772848170429916717;
  constexpr double scale = 1.0507009873554804934193349852946;
  return exponential_unit("selu", x, scale, alpha * scale, 1);
}
const auto& selu_row = add_activation("selu", "scaled ELU that keeps mean 0 and variance 1", selu);

Tensor celu(const Tensor& x, double alpha) {
  check(alpha != 0, "celu: alpha must not be 0");
  return exponential_unit("celu", x, 1, alpha, 1 / alpha);
}
const auto& celu_row =
    add_activation("celu", "x, or α(e^(x/α) - 1) below 0", [](const Tensor& x) { return celu(x, 0.5); });

namespace {

Tensor gelu_exact(const Tensor& x) {
  const auto value = [](auto v) { return v * fast_normal(v).below; };
  const auto slope = [](auto c, auto v) {
    const auto n = fast_normal(v);
    return c * (n.below + v * n.density);
  };
  const auto in_ops = [x](const Tensor& g) {
    const Tensor cdf = (erf(x * (std::numbers::sqrt2 / 2)) + 1) * 0.5;
    const Tensor density = exp(square(x) * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return g * (cdf + x * density);
  };
  return record("gelu", map("gelu", x, value, 10), Edge{x, [=](const Tensor& g) {
                                                          return pull(
                                                              "gelu", g, x, slope, [&] { return in_ops(g); }, 16);
                                                        }});
}

Tensor gelu_tanh(const Tensor& x) {
  constexpr double c = std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  constexpr double cubic = 0.044715;
  const auto value = [](auto v) {
    using T = decltype(v);
    return T(0.5) * v * (1 + fast_tanh(T(c) * (v + T(cubic) * v * v * v)));
  };
  const auto slope = [](auto d, auto v) {
    using T = decltype(v);
    const T t = fast_tanh(T(c) * (v + T(cubic) * v * v * v));
    const T inner = (v * v * T(3 * cubic) + 1) * T(c);
    return d * ((t + 1) * T(0.5) + v * T(0.5) * (1 - t * t) * inner);
  };
  const auto in_ops = [x](const Tensor& g) {
    const Tensor t = tanh((x + pow(x, 3.0) * cubic) * c);
    const Tensor inner = (square(x) * (3 * cubic) + 1) * c;
    return g * ((t + 1) * 0.5 + x * 0.5 * (1.0 - square(t)) * inner);
  };
  return record("gelu", map("gelu", x, value, 10), Edge{x, [=](const Tensor& g) {
                                                          return pull(
                                                              "gelu", g, x, slope, [&] { return in_ops(g); }, 12);
                                                        }});
}

}  // namespace

Tensor gelu(const Tensor& x, const std::string& approximate) {
  check(approximate == "none" || approximate == "tanh", "gelu: approximate '", approximate,
        "' is neither 'none' nor 'tanh'");
  return approximate == "none" ? gelu_exact(x) : gelu_tanh(x);
}
const auto& gelu_row = add_activation("gelu", "x · Φ(x), Φ the normal distribution", [](const Tensor& x) {
                         return gelu(x);
                       }).sample({{3, 4}}, Domain::any, [](const Tensors& t) { return gelu(t[0], "tanh"); });

Tensor silu(const Tensor& x) {
  const auto value = [](auto v) { return v * fast_sigmoid(v); };
  const auto slope = [](auto c, auto v) {
    const auto s = fast_sigmoid(v);
    return c * (s * (v * (1 - s) + 1));
  };
  const auto in_ops = [x](const Tensor& g) {
    const Tensor s = sigmoid(x);
    return g * (s * (x * (1.0 - s) + 1));
  };
  return record("silu", map("silu", x, value, 6), Edge{x, [=](const Tensor& g) {
                                                         return pull(
                                                             "silu", g, x, slope, [&] { return in_ops(g); }, 8);
                                                       }});
}
const auto& silu_row = add_activation("silu", "x · sigmoid(x)", silu);

Tensor mish(const Tensor& x) {
  const auto value = [](auto v) { return v * fast_tanh(fast_softplus(v)); };
  const auto slope = [](auto c, auto v) {
    const auto t = fast_tanh(fast_softplus(v));
    return c * (t + v * fast_sigmoid(v) * (1 - t * t));
  };
  const auto in_ops = [x](const Tensor& g) {
    const Tensor t = tanh(softplus(x));
    return g * (t + x * sigmoid(x) * (1.0 - square(t)));
  };
  return record("mish", map("mish", x, value, 16), Edge{x, [=](const Tensor& g) {
                                                          return pull(
                                                              "mish", g, x, slope, [&] { return in_ops(g); }, 24);
                                                        }});
}
const auto& mish_row = add_activation("mish", "x · tanh(softplus(x))", mish);

Tensor softplus(const Tensor& x, double beta, double threshold) {
  check(beta != 0, "softplus: beta must not be 0");
  const auto value = [=](auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    const T bent = fast_softplus(z) / static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? v : bent;
  };
  const auto piece = [=](double v) { return v * beta > threshold ? 1 : 0; };
  const auto on = [=](double v, int64_t k) { return k ? v : fast_softplus(v * beta) / beta; };
  const auto slope = [=](auto c, auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    const T bent = c * fast_sigmoid(z);
    return z > static_cast<T>(threshold) ? c : bent;
  };
  const auto in_ops = [x, beta, threshold](const Tensor& g) {
    const Tensor z = x * beta;
    const Tensor limit = number(threshold, x);
    // At the limit itself the slope counts as constant.
    const Tensor bent = where(ge(z, limit), limit, z);
    return g * where(gt(z, limit), one(x), sigmoid(bent));
  };
  return record("softplus", map_pieces("softplus", x, value, piece, on, 8), Edge{x, [=](const Tensor& g) {
                                                                                   return pull(
                                                                                       "softplus", g, x, slope,
                                                                                       [&] { return in_ops(g); }, 6);
                                                                                 }});
}
const auto& softplus_row =
    add_activation("softplus", "log(1 + e^(βx)) / β", [](const Tensor& x) { return softplus(x, 2, 3); });

Tensor logsigmoid(const Tensor& x) {
  const auto value = [](auto v) { return -fast_softplus(-v); };
  const auto slope = [](auto c, auto v) { return c * fast_sigmoid(-v); };
  return record("logsigmoid", map("logsigmoid", x, value, 8), Edge{x, [=](const Tensor& g) {
                                                                     return pull(
                                                                         "logsigmoid", g, x, slope,
                                                                         [&] { return g * sigmoid(neg(x)); }, 6);
                                                                   }});
}
const auto& logsigmoid_row = add_activation("logsigmoid", "log(sigmoid(x))", logsigmoid);

}  // namespace tarn
