// PyTorch's activation functions that are linear between kinks, and those made of others; the smooth ones are in
// smooth_activation.cpp.
#include "core/ops/activation.h"

#include <algorithm>

#include "core/decisions.h"
#include "core/kernels/map.h"
#include "core/ops.h"
#include "core/ops/pullback.h"

namespace tarn {

namespace {

// y = g · slope(x), 0 where the slope is, even if g is not finite. Slopes come first, a block of them: in one loop GCC
// turns the choices into branches.
template <class T, class Slope>
TARN_KERNEL void slope_loop(const T* g, const T* x, T* y, int64_t n, Slope slope) {
  constexpr int64_t block = 64;
  T slopes[block];
  for (int64_t from = 0; from < n; from += block) {
    const int64_t count = std::min(block, n - from);
    for (int64_t i = 0; i < count; ++i) slopes[i] = slope(x[from + i]);
    for (int64_t i = 0; i < count; ++i) y[from + i] = slopes[i] == 0 ? T(0) : g[from + i] * slopes[i];
  }
}

// g times the slope at x, of a function that is linear between its kinks: so it is linear in g and constant in x.
template <class Slope>
Tensor times_slope(const char* op, const Tensor& g, const Tensor& x, Slope slope) {
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    const T* at = x.data<T>();
    T* to = y.fill<T>();
    parallel_range(x.numel(), 2, [&](int64_t begin, int64_t end) {
      slope_loop(from + begin, at + begin, to + begin, end - begin, slope);
    });
  });
  return record(op, y, Edge{g, [op, x, slope](const Tensor& h) { return times_slope(op, h, x, slope); }});
}

// A function that is linear between kinks, by its value and slope, by the number of the piece that an element lies in,
// and by that piece continued.
template <class Value, class Slope, class Piece, class On>
Tensor piecewise_linear(const char* op, const Tensor& x, Value value, Slope slope, Piece piece, On on) {
  return record(op, map_pieces(op, x, value, piece, on),
                Edge{x, [op, x, slope](const Tensor& g) { return times_slope(op, g, x, slope); }});
}

// Pieces around two bounds: below or at the lower one, between, above or at the upper one.
auto around_bounds(double low, double high) {
  return [=](double v) { return v <= low ? 0 : v >= high ? 2 : 1; };
}
// Within ±bound, below and above.
auto outside(double bound) {
  return [=](double v) { return v > bound ? 2 : v < -bound ? 1 : 0; };
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

Tensor hardswish(const Tensor& x) {
  const auto value = [](auto v) {
    using T = decltype(v);
    const T gate = v + 3 < 0 ? T(0) : v + 3 > 6 ? T(6) : v + 3;
    return v * gate / 6;
  };
  const auto on = [](double v, int64_t k) { return k == 0 ? 0 : k == 2 ? v : v * (v + 3) / 6; };
  const auto slope = [](auto c, auto v) {
    using T = decltype(v);
    const T bent = c * (v / 3 + T(0.5));
    return v < -3 ? T(0) : v < 3 ? bent : c;
  };
  const auto in_ops = [x](const Tensor& g) {
    const Tensor bound = number(3, x);
    const Tensor bent = where(lt(abs(x), bound), x, neg(bound));
    const Tensor inside = g * (bent / 3 + 0.5);
    return where(lt(x, neg(bound)), zero(x), where(lt(x, bound), inside, g));
  };
  return record("hardswish", map_pieces("hardswish", x, value, around_bounds(-3, 3), on),
                Edge{x, [=](const Tensor& g) { return pull("hardswish", g, x, slope, [&] { return in_ops(g); }); }});
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

}  // namespace tarn
