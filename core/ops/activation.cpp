// PyTorch's activation functions.
#include <cmath>
#include <numbers>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

OpInfo& add_activation(const char* name, const char* doc, std::function<Tensor(const Tensor&)> call) {
  return add_op(name, doc, [call](const Tensors& t) { return call(t[0]); }).sample({{3, 4}}, Domain::away_from_ties);
}

// g times the slope at x, of a function that is linear between its kinks: so it is linear in g and constant in x.
template <class Slope>
Tensor times_slope(const char* op, const Tensor& g, const Tensor& x, Slope slope) {
  const auto gate = [slope](auto c, auto v) {
    const auto s = slope(v);
    return s == 0 ? decltype(c)(0) : c * s;
  };
  return record(op, map2(op, g, x, gate),
                Edge{g, [op, x, slope](const Tensor& h) { return times_slope(op, h, x, slope); }});
}

// A function that is linear between kinks, by its value and slope, by the number of the piece that an element lies in,
// and by that piece continued.
template <class Value, class Slope, class Piece, class On>
Tensor piecewise_linear(const char* op, const Tensor& x, Value value, Slope slope, Piece piece, On on) {
  return record(op, map_pieces(op, x, value, piece, on),
                Edge{x, [op, x, slope](const Tensor& g) { return times_slope(op, g, x, slope); }});
}

Tensor one(const Tensor& like) {
  return Tensor::ones({}, like.dtype());
}
Tensor zero(const Tensor& like) {
  return Tensor::zeros({}, like.dtype());
}
Tensor number(double value, const Tensor& like) {
  return Tensor::full({}, value, like.dtype());
}

// Pieces around two bounds: below or at the lower one, between, above or at the upper one.
auto around_bounds(double low, double high) {
  return [=](double v) { return v <= low ? 0 : v >= high ? 2 : 1; };
}
// Within ±bound, below and above.
auto outside(double bound) {
  return [=](double v) { return v > bound ? 2 : v < -bound ? 1 : 0; };
}
// Pieces around one: not above it, above it.
auto above_bound(double bound) {
  return [=](double v) { return v > bound ? 1 : 0; };
}

// ELU and its kin: above · x for x > 0, else below · (e^(inner · x) - 1).
Tensor exponential_unit(const char* op, const Tensor& x, double above, double below, double inner) {
  const auto value = [=](auto v) {
    using T = decltype(v);
    return v > 0 ? v * static_cast<T>(above) : std::expm1(v * static_cast<T>(inner)) * static_cast<T>(below);
  };
  const auto on = [=](double v, int64_t k) { return k ? v * above : std::expm1(v * inner) * below; };
  return record(op, map_pieces(op, x, value, above_bound(0), on, 20),
                Edge{x, [x, above, below, inner](const Tensor& g) {
                       // Where another side is chosen the exponent is 0: it must neither
                       // overflow nor be differentiated again.
                       const Tensor exponent = where(lt(x, zero(x)), x, zero(x)) * inner;
                       const Tensor falling = exp(exponent) * (below * inner);
                       return g * where(le(x, zero(x)), falling, number(above, x));
                     }});
}

}  // namespace

Tensor hardtanh(const Tensor& x, double min_val, double max_val) {
  check(min_val <= max_val, "hardtanh: min_val ", min_val, " is above max_val ", max_val);
  return piecewise_linear(
      "hardtanh", x,
      [=](auto v) {
        using T = decltype(v);
        return v < static_cast<T>(min_val)   ? static_cast<T>(min_val)
               : v > static_cast<T>(max_val) ? static_cast<T>(max_val)
                                             : v;
      },
      [=](auto v) {
        using T = decltype(v);
        return v <= static_cast<T>(min_val) || v >= static_cast<T>(max_val) ? T(0) : T(1);
      },
      around_bounds(min_val, max_val), [=](double v, int64_t k) { return k == 0   ? min_val
                                                                         : k == 2 ? max_val
                                                                                  : v; });
}
const auto& hardtanh_row =
    add_activation("hardtanh", "x kept inside [-1, 1]", [](const Tensor& x) { return hardtanh(x); });

Tensor relu6(const Tensor& x) {
  return hardtanh(x, 0, 6);
}
const auto& relu6_row = add_activation("relu6", "min(max(0, x), 6)", relu6);

Tensor leaky_relu(const Tensor& x, double negative_slope) {
  return piecewise_linear(
      "leaky_relu", x, [=](auto v) { return v > 0 ? v : v * static_cast<decltype(v)>(negative_slope); },
      [=](auto v) { return v > 0 ? decltype(v)(1) : static_cast<decltype(v)>(negative_slope); }, above_bound(0),
      [=](double v, int64_t k) { return k ? v : v * negative_slope; });
}
const auto& leaky_relu_row =
    add_activation("leaky_relu", "x, or a small slope below 0", [](const Tensor& x) { return leaky_relu(x, 0.2); });

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
  const auto value = [](auto v) {
    using T = decltype(v);
    return v * T(0.5) * (1 + std::erf(v * T(std::numbers::sqrt2 / 2)));
  };
  return record("gelu", map("gelu", x, value, 40),
                Edge{x, [x](const Tensor& g) {
                       const Tensor cdf = (erf(x * (std::numbers::sqrt2 / 2)) + 1) * 0.5;
                       const Tensor density = exp(square(x) * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
                       return g * (cdf + x * density);
                     }});
}

Tensor gelu_tanh(const Tensor& x) {
  constexpr double c = std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  constexpr double cubic = 0.044715;
  const auto value = [](auto v) {
    using T = decltype(v);
    return T(0.5) * v * (1 + std::tanh(T(c) * (v + T(cubic) * v * v * v)));
  };
  return record("gelu", map("gelu", x, value, 40), Edge{x, [x](const Tensor& g) {
                                                          const Tensor t = tanh((x + pow(x, 3.0) * cubic) * c);
                                                          const Tensor inner = (square(x) * (3 * cubic) + 1) * c;
                                                          return g *
                                                                 ((t + 1) * 0.5 + x * 0.5 * (1.0 - square(t)) * inner);
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
  const auto value = [](auto v) { return v / (1 + std::exp(-v)); };
  return record("silu", map("silu", x, value, 30), Edge{x, [x](const Tensor& g) {
                                                          const Tensor s = sigmoid(x);
                                                          return g * (s * (x * (1.0 - s) + 1));
                                                        }});
}
const auto& silu_row = add_activation("silu", "x · sigmoid(x)", silu);

Tensor mish(const Tensor& x) {
  const auto value = [](auto v) {
    const auto plus = v > 20 ? v : std::log1p(std::exp(v));
    return v * std::tanh(plus);
  };
  return record("mish", map("mish", x, value, 60), Edge{x, [x](const Tensor& g) {
                                                          const Tensor t = tanh(softplus(x));
                                                          return g * (t + x * sigmoid(x) * (1.0 - square(t)));
                                                        }});
}
const auto& mish_row = add_activation("mish", "x · tanh(softplus(x))", mish);

Tensor hardswish(const Tensor& x) {
  const auto value = [](auto v) {
    using T = decltype(v);
    const T gate = v + 3 < 0 ? T(0) : v + 3 > 6 ? T(6) : v + 3;
    return v * gate / 6;
  };
  const auto on = [](double v, int64_t k) { return k == 0 ? 0 : k == 2 ? v : v * (v + 3) / 6; };
  return record("hardswish", map_pieces("hardswish", x, value, around_bounds(-3, 3), on),
                Edge{x, [x](const Tensor& g) {
                       const Tensor bound = number(3, x);
                       const Tensor bent = where(lt(abs(x), bound), x, neg(bound));
                       const Tensor inside = g * (bent / 3 + 0.5);
                       return where(lt(x, neg(bound)), zero(x), where(lt(x, bound), inside, g));
                     }});
}
const auto& hardswish_row =
    add_activation("hardswish", "x · relu6(x + 3) / 6", hardswish).sample({{3, 4}}, Domain::any);

Tensor hardsigmoid(const Tensor& x) {
  return piecewise_linear(
      "hardsigmoid", x,
      [](auto v) {
        using T = decltype(v);
        return (v + 3 < 0 ? T(0) : v + 3 > 6 ? T(6) : v + 3) / 6;
      },
      [](auto v) {
        using T = decltype(v);
        return v > -3 && v < 3 ? T(1.0f / 6.0f) : T(0);  // PyTorch's slope is a float, in double too
      },
      around_bounds(-3, 3), [](double v, int64_t k) { return k == 0   ? 0
                                                             : k == 2 ? 1
                                                                      : (v + 3) / 6; });
}
const auto& hardsigmoid_row = add_activation("hardsigmoid", "relu6(x + 3) / 6", hardsigmoid);

Tensor softplus(const Tensor& x, double beta, double threshold) {
  check(beta != 0, "softplus: beta must not be 0");
  const auto value = [=](auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? v : std::log1p(std::exp(z)) / static_cast<T>(beta);
  };
  const auto piece = [=](double v) { return v * beta > threshold ? 1 : 0; };
  const auto on = [=](double v, int64_t k) { return k ? v : std::log1p(std::exp(v * beta)) / beta; };
  return record("softplus", map_pieces("softplus", x, value, piece, on, 40),
                Edge{x, [x, beta, threshold](const Tensor& g) {
                       const Tensor z = x * beta;
                       const Tensor limit = number(threshold, x);
                       // At the limit itself the slope counts as constant.
                       const Tensor bent = where(ge(z, limit), limit, z);
                       return g * where(gt(z, limit), one(x), sigmoid(bent));
                     }});
}
const auto& softplus_row =
    add_activation("softplus", "log(1 + e^(βx)) / β", [](const Tensor& x) { return softplus(x, 2, 3); });

Tensor softsign(const Tensor& x) {
  return x / (abs(x) + 1);
}
const auto& softsign_row = add_activation("softsign", "x / (1 + |x|)", softsign);

Tensor softshrink(const Tensor& x, double lambd) {
  check(lambd >= 0, "softshrink: lambd ", lambd, " is negative");
  return piecewise_linear(
      "softshrink", x,
      [=](auto v) {
        using T = decltype(v);
        const T l = static_cast<T>(lambd);
        return v > l ? v - l : v < -l ? v + l : T(0);
      },
      [=](auto v) {
        using T = decltype(v);
        return v >= -static_cast<T>(lambd) && v <= static_cast<T>(lambd) ? T(0) : T(1);
      },
      outside(lambd), [=](double v, int64_t k) { return k == 0   ? 0
                                                        : k == 2 ? v - lambd
                                                                 : v + lambd; });
}
const auto& softshrink_row =
    add_activation("softshrink", "x moved towards 0 by λ", [](const Tensor& x) { return softshrink(x, 0.25); });

Tensor hardshrink(const Tensor& x, double lambd) {
  return piecewise_linear(
      "hardshrink", x,
      [=](auto v) {
        using T = decltype(v);
        return v >= -static_cast<T>(lambd) && v <= static_cast<T>(lambd) ? T(0) : v;
      },
      [=](auto v) {
        using T = decltype(v);
        return v >= -static_cast<T>(lambd) && v <= static_cast<T>(lambd) ? T(0) : T(1);
      },
      outside(lambd), [](double v, int64_t k) { return k == 0 ? 0 : v; });
}
const auto& hardshrink_row =
    add_activation("hardshrink", "x, or 0 within ±λ", [](const Tensor& x) { return hardshrink(x, 0.25); });

Tensor tanhshrink(const Tensor& x) {
  return x - tanh(x);
}
const auto& tanhshrink_row = add_activation("tanhshrink", "x - tanh(x)", tanhshrink);

Tensor threshold(const Tensor& x, double limit, double value) {
  return piecewise_linear(
      "threshold", x,
      [=](auto v) {
        using T = decltype(v);
        return v <= static_cast<T>(limit) ? static_cast<T>(value) : v;
      },
      [=](auto v) {
        using T = decltype(v);
        return v <= static_cast<T>(limit) ? T(0) : T(1);
      },
      above_bound(limit), [=](double v, int64_t k) { return k ? v : value; });
}
const auto& threshold_row = add_activation("threshold", "x, or a value where x is small",
                                           [](const Tensor& x) { return threshold(x, 0.12, -2); });

Tensor logsigmoid(const Tensor& x) {
  const auto value = [](auto v) { return (v < 0 ? v : decltype(v)(0)) - std::log1p(std::exp(-std::abs(v))); };
  return record("logsigmoid", map("logsigmoid", x, value, 40),
                Edge{x, [x](const Tensor& g) { return g * sigmoid(neg(x)); }});
}
const auto& logsigmoid_row = add_activation("logsigmoid", "log(sigmoid(x))", logsigmoid);

Tensor prelu(const Tensor& x, const Tensor& weight) {
  const int64_t channels = x.rank() >= 2 ? x.shape()[1] : 1;
  check(weight.numel() == 1 || (weight.rank() <= 1 && weight.numel() == channels), "prelu: weight has ", weight.numel(),
        " elements; expected 1, or one for each of the ", channels, " channels of ", x.shape());
  Tensor w = weight.numel() == 1 ? reshape(weight, Shape{}) : weight;
  if (weight.numel() != 1) {
    std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
    sizes[1] = channels;
    w = reshape(weight, Shape(sizes));
  }
  return where(gt(x, zero(x)), x, w * x);
}
const auto& prelu_row = add_op("prelu", "x, or weight · x below 0", [](const Tensors& t) { return prelu(t[0], t[1]); })
                            .sample({{2, 3, 2}, {3}}, Domain::away_from_ties)
                            .sample({{4}, {1}}, Domain::away_from_ties);

Tensor glu(const Tensor& x, int64_t dim) {
  check(x.rank() > 0, "glu: needs at least one dimension");
  const int d = x.shape().axis(dim, "glu");
  const int64_t size = x.shape()[d];
  check(size % 2 == 0, "glu: dimension ", dim, " of ", x.shape(), " has odd size ", size, "; it is cut into halves");
  return narrow(x, d, 0, size / 2) * sigmoid(narrow(x, d, size / 2, size / 2));
}
const auto& glu_row = add_op("glu", "first half · sigmoid(second half)", [](const Tensors& t) {
                        return glu(t[0], 1);
                      }).sample({{2, 4, 2}});

}  // namespace tarn
