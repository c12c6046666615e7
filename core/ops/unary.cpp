// Elementwise functions of one operand, under PyTorch's names.
#include <cmath>
#include <limits>
#include <numbers>

#include "core/decisions.h"
#include "core/kernels/functions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/pullback.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

using std::numbers::ln10;
using std::numbers::ln2;
using std::numbers::pi;

OpInfo& add_unary(const char* name, const char* doc, Tensor (*call)(const Tensor&), Domain domain = Domain::any) {
  return add_op(name, doc, [call](const Tensors& t) { return call(t[0]); }).sample({{2, 3}}, domain);
}

// The derivative of a piecewise constant function: zero, but there.
Tensor none_of(const Tensor& g) {
  return g * 0.0;
}

}  // namespace

Tensor neg(const Tensor& x) {
  return record("neg", map("neg", x, [](auto v) { return -v; }), Edge{x, [](const Tensor& g) { return neg(g); }});
}
const auto& neg_row = add_unary("neg", "-x", neg);

Tensor exp(const Tensor& x) {
  return record("exp",
                map(
                    "exp", x, [](auto v) { return kernels::fast_exp(v); }, 4),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * y; }});
}
const auto& exp_row = add_unary("exp", "e to the x", exp);

Tensor exp2(const Tensor& x) {
  return record("exp2",
                map(
                    "exp2", x, [](auto v) { return std::exp2(v); }, 20),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * y * ln2; }});
}
const auto& exp2_row = add_unary("exp2", "2 to the x", exp2);

Tensor expm1(const Tensor& x) {
  return record("expm1",
                map(
                    "expm1", x, [](auto v) { return kernels::fast_expm1(v); }, 4),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * (y + 1); }});
}
const auto& expm1_row = add_unary("expm1", "e to the x, minus 1", expm1);

Tensor log(const Tensor& x) {
  return record("log",
                map(
                    "log", x, [](auto v) { return std::log(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g / x; }});
}
const auto& log_row = add_unary("log", "natural logarithm", log, Domain::positive);

Tensor log1p(const Tensor& x) {
  return record("log1p",
                map(
                    "log1p", x, [](auto v) { return std::log1p(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g / (x + 1); }});
}
const auto& log1p_row = add_unary("log1p", "logarithm of 1 + x", log1p, Domain::positive);

Tensor log2(const Tensor& x) {
  return record("log2",
                map(
                    "log2", x, [](auto v) { return std::log2(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g / (x * ln2); }});
}
const auto& log2_row = add_unary("log2", "logarithm to base 2", log2, Domain::positive);

Tensor log10(const Tensor& x) {
  return record("log10",
                map(
                    "log10", x, [](auto v) { return std::log10(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g / (x * ln10); }});
}
const auto& log10_row = add_unary("log10", "logarithm to base 10", log10, Domain::positive);

Tensor sqrt(const Tensor& x) {
  return record("sqrt",
                map(
                    "sqrt", x, [](auto v) { return std::sqrt(v); }, 4),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g / (y * 2.0); }});
}
const auto& sqrt_row = add_unary("sqrt", "square root", sqrt, Domain::positive);

Tensor rsqrt(const Tensor& x) {
  return record("rsqrt",
                map(
                    "rsqrt", x, [](auto v) { return 1 / std::sqrt(v); }, 4),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * pow(y, 3.0) * -0.5; }});
}
const auto& rsqrt_row = add_unary("rsqrt", "1 / square root", rsqrt, Domain::positive);

Tensor reciprocal(const Tensor& x) {
  return record("reciprocal",
                map(
                    "reciprocal", x, [](auto v) { return 1 / v; }, 2),
                Edge{x, [](const Tensor& g, const Tensor& y) { return neg(g * square(y)); }});
}
const auto& reciprocal_row = add_unary("reciprocal", "1 / x", reciprocal, Domain::away_from_zero);

Tensor square(const Tensor& x) {
  return record("square", map("square", x, [](auto v) { return v * v; }),
                Edge{x, [x](const Tensor& g) {
                       return pull(
                           "square", g, x, [](auto c, auto v) { return c * (v * 2); }, [&] { return g * (x * 2.0); });
                     }});
}
const auto& square_row = add_unary("square", "x · x", square);

Tensor abs(const Tensor& x) {
  const auto side = [](double v) { return v > 0 ? 1 : v < 0 ? -1 : 0; };
  const auto on = [](double v, int64_t k) { return v * static_cast<double>(k); };
  return record("abs",
                map_pieces(
                    "abs", x, [](auto v) { return std::abs(v); }, side, on),
                Edge{x, [x](const Tensor& g) { return g * sign(x); }});
}
const auto& abs_row = add_unary("abs", "magnitude; derivative 0 at 0", abs, Domain::away_from_zero);

Tensor sin(const Tensor& x) {
  return record("sin",
                map(
                    "sin", x, [](auto v) { return std::sin(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g * cos(x); }});
}
const auto& sin_row = add_unary("sin", "sine", sin);

Tensor cos(const Tensor& x) {
  return record("cos",
                map(
                    "cos", x, [](auto v) { return std::cos(v); }, 20),
                Edge{x, [x](const Tensor& g) { return neg(g * sin(x)); }});
}
const auto& cos_row = add_unary("cos", "cosine", cos);

Tensor tan(const Tensor& x) {
  return record("tan",
                map(
                    "tan", x, [](auto v) { return std::tan(v); }, 30),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * (square(y) + 1); }});
}
const auto& tan_row = add_unary("tan", "tangent", tan, Domain::unit);

Tensor sinh(const Tensor& x) {
  return record("sinh",
                map(
                    "sinh", x, [](auto v) { return std::sinh(v); }, 30),
                Edge{x, [x](const Tensor& g) { return g * cosh(x); }});
}
const auto& sinh_row = add_unary("sinh", "hyperbolic sine", sinh);

Tensor cosh(const Tensor& x) {
  return record("cosh",
                map(
                    "cosh", x, [](auto v) { return std::cosh(v); }, 30),
                Edge{x, [x](const Tensor& g) { return g * sinh(x); }});
}
const auto& cosh_row = add_unary("cosh", "hyperbolic cosine", cosh);

Tensor tanh(const Tensor& x) {
  return record("tanh",
                map(
                    "tanh", x, [](auto v) { return kernels::fast_tanh(v); }, 6),
                Edge{x, [](const Tensor& g, const Tensor& y) {
                       return pull(
                           "tanh", g, y, [](auto c, auto v) { return c * (1 - v * v); },
                           [&] { return g * (1.0 - square(y)); });
                     }});
}
const auto& tanh_row = add_unary("tanh", "hyperbolic tangent", tanh);

Tensor asin(const Tensor& x) {
  return record("asin",
                map(
                    "asin", x, [](auto v) { return std::asin(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g * rsqrt(1.0 - square(x)); }});
}
const auto& asin_row = add_unary("asin", "inverse sine", asin, Domain::unit);

Tensor acos(const Tensor& x) {
  return record("acos",
                map(
                    "acos", x, [](auto v) { return std::acos(v); }, 20),
                Edge{x, [x](const Tensor& g) { return neg(g * rsqrt(1.0 - square(x))); }});
}
const auto& acos_row = add_unary("acos", "inverse cosine", acos, Domain::unit);

Tensor atan(const Tensor& x) {
  return record("atan",
                map(
                    "atan", x, [](auto v) { return std::atan(v); }, 20),
                Edge{x, [x](const Tensor& g) { return g / (square(x) + 1); }});
}
const auto& atan_row = add_unary("atan", "inverse tangent", atan);

Tensor erf(const Tensor& x) {
  return record("erf",
                map(
                    "erf", x, [](auto v) { return kernels::fast_erf(v); }, 8),
                Edge{x, [x](const Tensor& g) { return g * exp(neg(square(x))) * (2 / std::sqrt(pi)); }});
}
const auto& erf_row = add_unary("erf", "error function", erf);

Tensor erfc(const Tensor& x) {
  return record("erfc",
                map(
                    "erfc", x, [](auto v) { return std::erfc(v); }, 30),
                Edge{x, [x](const Tensor& g) { return g * exp(neg(square(x))) * (-2 / std::sqrt(pi)); }});
}
const auto& erfc_row = add_unary("erfc", "1 - erf(x)", erfc);

Tensor sigmoid(const Tensor& x) {
  const auto logistic = [](auto v) { return kernels::fast_sigmoid(v); };
  return record("sigmoid", map("sigmoid", x, logistic, 6), Edge{x, [](const Tensor& g, const Tensor& y) {
                                                                  return pull(
                                                                      "sigmoid", g, y,
                                                                      [](auto c, auto v) { return c * (v * (1 - v)); },
                                                                      [&] { return g * (y * (1.0 - y)); });
                                                                }});
}
const auto& sigmoid_row = add_unary("sigmoid", "1 / (1 + e^-x)", sigmoid);

Tensor sign(const Tensor& x) {
  const auto of = [](auto v) { return static_cast<decltype(v)>((v > 0) - (v < 0)); };
  return record("sign", map_steps("sign", x, of), Edge{x, none_of});
}
const auto& sign_row = add_unary("sign", "-1, 0 or 1", sign, Domain::away_from_zero);

Tensor floor(const Tensor& x) {
  return record("floor", map_steps("floor", x, [](auto v) { return std::floor(v); }), Edge{x, none_of});
}
const auto& floor_row = add_unary("floor", "largest integer not above x", floor, Domain::away_from_ties);

Tensor ceil(const Tensor& x) {
  return record("ceil", map_steps("ceil", x, [](auto v) { return std::ceil(v); }), Edge{x, none_of});
}
const auto& ceil_row = add_unary("ceil", "smallest integer not below x", ceil, Domain::away_from_ties);

Tensor round(const Tensor& x) {
  return record("round", map_steps("round", x, [](auto v) { return std::nearbyint(v); }), Edge{x, none_of});
}
const auto& round_row = add_unary("round", "nearest integer, halves to even", round, Domain::away_from_ties);

Tensor trunc(const Tensor& x) {
  return record("trunc", map_steps("trunc", x, [](auto v) { return std::trunc(v); }), Edge{x, none_of});
}
const auto& trunc_row = add_unary("trunc", "x without its fraction", trunc, Domain::away_from_ties);

Tensor frac(const Tensor& x) {
  return record("frac",
                map_pieces(
                    "frac", x, [](auto v) { return v - std::trunc(v); }, [](double v) { return std::trunc(v); },
                    [](double v, int64_t k) { return v - static_cast<double>(k); }),
                Edge{x, [](const Tensor& g) { return g; }});
}
const auto& frac_row = add_unary("frac", "x - trunc(x)", frac, Domain::away_from_ties);

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf, std::optional<double> neginf) {
  const auto replace = [=](auto v) {
    using T = decltype(v);
    constexpr T most = std::numeric_limits<T>::max();
    if (v != v) return static_cast<T>(nan);
    if (v > most) return posinf ? static_cast<T>(*posinf) : most;
    if (v < -most) return neginf ? static_cast<T>(*neginf) : -most;
    return v;
  };
  return record("nan_to_num", map("nan_to_num", x, replace),
                Edge{x, [x](const Tensor& g) { return where(isfinite(x), g, Tensor::zeros({}, g.dtype())); }});
}
const auto& nan_to_num_row = add_op("nan_to_num", "numbers for NaN and infinities", [](const Tensors& t) {
                               return nan_to_num(t[0]);
                             }).sample({{2, 3}});

Tensor clamp(const Tensor& x, std::optional<double> min, std::optional<double> max) {
  check(min || max, "clamp: give min, max or both");
  const auto limit = [=](auto v) {
    using T = decltype(v);
    if (min && v < static_cast<T>(*min)) v = static_cast<T>(*min);
    if (max && v > static_cast<T>(*max)) v = static_cast<T>(*max);
    return v;
  };
  const auto piece = [=](double v) { return min && v < *min ? 0 : max && v > *max ? 2 : 1; };
  const auto on = [=](double v, int64_t k) { return k == 0 ? *min : k == 2 ? *max : v; };
  return record("clamp", map_pieces("clamp", x, limit, piece, on),
                Edge{x, [x, min, max](const Tensor& g) {
                       const Tensor inside = map("clamp", x, [=](auto v) {
                         using T = decltype(v);
                         const bool above = !min || v >= static_cast<T>(*min);  // a NaN is not
                         const bool below = !max || v <= static_cast<T>(*max);
                         return above && below ? T(1) : T(0);
                       });
                       return where(inside, g, Tensor::zeros({}, g.dtype()));
                     }});
}
const auto& clamp_row = add_op("clamp", "x kept inside bounds", [](const Tensors& t) {
                          return clamp(t[0], -0.3, 0.4);
                        }).sample({{3, 4}}, Domain::away_from_ties);

}  // namespace tarn
