// Elementwise arithmetic of two operands, with broadcasting.
#include <cmath>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {

namespace {

// Which of two is the larger, and the one that was chosen; of equals their mean, as the cotangent goes to both.
int order(double a, double b) {
  return a > b ? 1 : a < b ? -1 : 0;
}
double of_two(double a, double b, int64_t chosen) {
  return chosen > 0 ? a : chosen < 0 ? b : (a + b) / 2;
}

double less_multiple(double a, double b, int64_t times) {
  return a - b * static_cast<double>(times);
}

// (a > b) + (a == b) / 2, and 1 where one is NaN: the share of a cotangent that maximum sends to a.
Tensor share_of_larger(const Tensor& a, const Tensor& b) {
  return map2("maximum", a, b, [](auto x, auto y) {
    using T = decltype(x);
    return x < y ? T(0) : x == y ? T(0.5) : T(1);
  });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return record("add", map2("add", a, b, [](auto x, auto y) { return x + y; }),
                Edge{a, [](const Tensor& g) { return g; }}, Edge{b, [](const Tensor& g) { return g; }});
}
const auto& add_row = add_op("add", "a + b", [](const Tensors& t) { return add(t[0], t[1]); })
                          .sample({{2, 3}, {2, 3}})
                          .sample({{2, 3}, {3}})
                          .sample({{2, 1, 3}, {4, 1}});

Tensor sub(const Tensor& a, const Tensor& b) {
  return record("sub", map2("sub", a, b, [](auto x, auto y) { return x - y; }),
                Edge{a, [](const Tensor& g) { return g; }}, Edge{b, [](const Tensor& g) { return neg(g); }});
}
const auto& sub_row = add_op("sub", "a - b", [](const Tensors& t) { return sub(t[0], t[1]); })
                          .sample({{2, 3}, {2, 3}})
                          .sample({{3}, {2, 1}});

Tensor mul(const Tensor& a, const Tensor& b) {
  return record("mul", map2("mul", a, b, [](auto x, auto y) { return x * y; }),
                Edge{a, [b](const Tensor& g) { return mul(g, b); }},
                Edge{b, [a](const Tensor& g) { return mul(g, a); }});
}
const auto& mul_row = add_op("mul", "a · b", [](const Tensors& t) { return mul(t[0], t[1]); })
                          .sample({{2, 3}, {2, 3}})
                          .sample({{2, 3}, {}});

Tensor div(const Tensor& a, const Tensor& b) {
  return record("div", map2("div", a, b, [](auto x, auto y) { return x / y; }),
                Edge{a, [b](const Tensor& g) { return div(g, b); }},
                Edge{b, [b](const Tensor& g, const Tensor& y) { return neg(div(mul(g, y), b)); }});
}
const auto& div_row = add_op("div", "a / b", [](const Tensors& t) { return div(t[0], t[1]); })
                          .sample({{2, 3}, {2, 3}}, Domain::away_from_zero)
                          .sample({{3}, {2, 1}}, Domain::away_from_zero);

Tensor pow(const Tensor& a, const Tensor& b) {
  return record("pow",
                map2(
                    "pow", a, b, [](auto x, auto y) { return std::pow(x, y); }, 40),
                Edge{a,
                     [a, b](const Tensor& g) {
                       // b · a^(b-1), and 0 where b is 0, whatever a is.
                       const Tensor none = Tensor::zeros({}, g.dtype());
                       return where(eq(b, none), none, g * b * pow(a, b - 1));
                     }},
                Edge{b, [a, b](const Tensor& g, const Tensor& y) {
                       // y · log a, and 0 where a is 0 and b is not negative.
                       const Tensor none = Tensor::zeros({}, g.dtype());
                       const Tensor zero_base = mul(eq(a, none).to(g.dtype()), ge(b, none).to(g.dtype()));
                       return where(zero_base, none, g * y * log(where(zero_base, Tensor::ones({}, g.dtype()), a)));
                     }});
}
const auto& pow_row = add_op("pow", "a to the power b", [](const Tensors& t) { return pow(t[0], t[1]); })
                          .sample({{2, 3}, {2, 3}}, Domain::positive)
                          .sample({{3}, {2, 1}}, Domain::positive);

Tensor maximum(const Tensor& a, const Tensor& b) {
  const auto larger = [](auto x, auto y) { return x != x ? x : y != y ? y : x > y ? x : y; };
  return record("maximum", map2_pieces("maximum", a, b, larger, order, of_two),
                Edge{a, [a, b](const Tensor& g) { return g * share_of_larger(a, b); }},
                Edge{b, [a, b](const Tensor& g) { return g * share_of_larger(b, a); }});
}
const auto& maximum_row =
    add_op("maximum", "the larger of a and b", [](const Tensors& t) { return maximum(t[0], t[1]); })
        .sample({{2, 3}, {2, 3}}, Domain::away_from_ties)
        .sample({{2, 3}, {3}}, Domain::away_from_ties);

Tensor minimum(const Tensor& a, const Tensor& b) {
  const auto smaller = [](auto x, auto y) { return x != x ? x : y != y ? y : x < y ? x : y; };
  const auto other = [](double x, double y) { return order(y, x); };
  return record("minimum", map2_pieces("minimum", a, b, smaller, other, of_two),
                Edge{a, [a, b](const Tensor& g) { return g * share_of_larger(neg(a.detach()), neg(b.detach())); }},
                Edge{b, [a, b](const Tensor& g) { return g * share_of_larger(neg(b.detach()), neg(a.detach())); }});
}
const auto& minimum_row =
    add_op("minimum", "the smaller of a and b", [](const Tensors& t) { return minimum(t[0], t[1]); })
        .sample({{2, 3}, {2, 3}}, Domain::away_from_ties)
        .sample({{2, 3}, {3}}, Domain::away_from_ties);

Tensor atan2(const Tensor& a, const Tensor& b) {
  return record("atan2",
                map2(
                    "atan2", a, b, [](auto x, auto y) { return std::atan2(x, y); }, 40),
                Edge{a, [a, b](const Tensor& g) { return g * (b / (square(a) + square(b))); }},
                Edge{b, [a, b](const Tensor& g) { return g * (neg(a) / (square(a) + square(b))); }});
}
const auto& atan2_row = add_op("atan2", "angle of the point (b, a)", [](const Tensors& t) {
                          return atan2(t[0], t[1]);
                        }).sample({{2, 3}, {2, 3}}, Domain::away_from_zero);

Tensor fmod(const Tensor& a, const Tensor& b) {
  return record("fmod",
                map2_pieces(
                    "fmod", a, b, [](auto x, auto y) { return std::fmod(x, y); },
                    [](double x, double y) { return std::trunc(x / y); }, less_multiple, 20),
                Edge{a, [](const Tensor& g) { return g; }},
                Edge{b, [a, b](const Tensor& g) { return neg(g * trunc(a / b)); }});
}
const auto& fmod_row = add_op("fmod", "remainder of a / b with the sign of a", [](const Tensors& t) {
                         return fmod(t[0], t[1]);
                       }).sample({{2, 3}, {2, 3}}, Domain::positive);

Tensor remainder(const Tensor& a, const Tensor& b) {
  const auto floored = [](auto x, auto y) {
    const auto r = std::fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  };
  const auto whole = [](double x, double y) { return std::floor(x / y); };
  return record("remainder", map2_pieces("remainder", a, b, floored, whole, less_multiple, 20),
                Edge{a, [](const Tensor& g) { return g; }},
                Edge{b, [a, b](const Tensor& g) { return neg(g * floor(a / b)); }});
}
const auto& remainder_row = add_op("remainder", "remainder of a / b with the sign of b", [](const Tensors& t) {
                              return remainder(t[0], t[1]);
                            }).sample({{2, 3}, {2, 3}}, Domain::positive);

Tensor lerp(const Tensor& a, const Tensor& b, double weight) {
  // From the nearer end, as PyTorch does, so that weight 1 gives b exactly.
  return weight < 0.5 ? a + (b - a) * weight : b - (b - a) * (1 - weight);
}

Tensor add(const Tensor& a, double b) {
  return record("add_scalar", map("add", a, [b](auto x) { return x + static_cast<decltype(x)>(b); }),
                Edge{a, [](const Tensor& g) { return g; }});
}
const auto& add_scalar_row =
    add_op("add_scalar", "a + number", [](const Tensors& t) { return t[0] + 2.5; }).sample({{2, 3}});

Tensor mul(const Tensor& a, double b) {
  return record("mul_scalar", map("mul", a, [b](auto x) { return x * static_cast<decltype(x)>(b); }),
                Edge{a, [b](const Tensor& g) { return mul(g, b); }});
}
const auto& mul_scalar_row =
    add_op("mul_scalar", "a · number", [](const Tensors& t) { return t[0] * 2.5; }).sample({{2, 3}});

Tensor pow(const Tensor& a, double exponent) {
  const auto power = [exponent](auto x) { return std::pow(x, static_cast<decltype(x)>(exponent)); };
  return record("pow_scalar", exponent == 2 ? map("pow", a, [](auto x) { return x * x; }) : map("pow", a, power, 40),
                Edge{a, [a, exponent](const Tensor& g) {
                       if (exponent == 0) return g * 0.0;
                       return g * (pow(a, exponent - 1) * exponent);
                     }});
}
const auto& pow_scalar_row = add_op("pow_scalar", "a to a fixed power", [](const Tensors& t) { return pow(t[0], 2.5); })
                                 .sample({{2, 3}}, Domain::positive)
                                 .sample({{2, 3}}, Domain::any, [](const Tensors& t) { return pow(t[0], 2.0); })
                                 .sample({{2, 3}}, Domain::any, [](const Tensors& t) { return pow(t[0], 3.0); });

Tensor pow(double base, const Tensor& exponent) {
  const auto power = [base](auto x) { return std::pow(static_cast<decltype(x)>(base), x); };
  return record("scalar_pow", map("pow", exponent, power, 40), Edge{exponent, [base](const Tensor& g, const Tensor& y) {
                                                                      return base == 0 ? g * 0.0
                                                                                       : g * y * std::log(base);
                                                                    }});
}
const auto& scalar_pow_row =
    add_op("scalar_pow", "a number to the power a", [](const Tensors& t) { return pow(2.0, t[0]); }).sample({{2, 3}});

Tensor operator-(double a, const Tensor& b) {
  return record("rsub_scalar", map("sub", b, [a](auto x) { return static_cast<decltype(x)>(a) - x; }),
                Edge{b, [](const Tensor& g) { return neg(g); }});
}
const auto& rsub_row =
    add_op("rsub_scalar", "number - a", [](const Tensors& t) { return 2.5 - t[0]; }).sample({{2, 3}});

Tensor operator/(double a, const Tensor& b) {
  return record("scalar_div", map("div", b, [a](auto x) { return static_cast<decltype(x)>(a) / x; }),
                Edge{b, [b](const Tensor& g, const Tensor& y) { return neg(g * y / b); }});
}
const auto& scalar_div_row = add_op("scalar_div", "number / a", [](const Tensors& t) {
                               return 3.0 / t[0];
                             }).sample({{2, 3}}, Domain::away_from_zero);

Tensor operator-(const Tensor& a) {
  return neg(a);
}

}  // namespace tarn
