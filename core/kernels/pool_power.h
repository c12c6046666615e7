// Powers of what windows see: the sums of Lp pooling and their derivatives. Whole exponents up to 3 go row by row; all
// others, and windows whose powers would overflow or vanish, are reduced relative to their largest value. For
// pool_power.cpp only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernels/pool_sum.h"

namespace tarn::kernels {

/// What becomes of a value's sign in its power: |x|^q, sgn(x) |x|^q, or x^q, which is NaN for negative x.
enum class PowerSign : uint8_t { even, odd, real };

/// a to the power q for a >= 0; whole exponents by multiplications.
template <class T>
class Power {
 public:
  explicit Power(double q) : q_(static_cast<T>(q)), whole_(q >= 0 && q <= 64 && q == std::floor(q) ? int(q) : -1) {}
  T operator()(T a) const {
    if (whole_ < 0) return std::pow(a, q_);
    T result = 1;
    for (int n = whole_; n > 0; n >>= 1, a *= a)
      if (n & 1) result *= a;
    return result;
  }
  T exponent() const { return q_; }

 private:
  T q_;
  int whole_;
};

/// (scale / divisor · Σ σ(x) |x|^p)^(1/p) in the generic loop nest, without overflow: the sum is kept relative to the
/// p-th power of the largest value so far.
template <class T>
struct PowerSum {
  struct State {
    T largest = 0, sum = 0;
  };
  Power<T> power;
  PowerSign sign;
  bool signed_root;  ///< the root of a negative sum is negative; else it is what `pow` says, NaN as a rule
  T scale;

  State start(const WindowAt&) const { return {}; }
  void step(State& s, T x, int64_t) const {
    const T a = std::abs(x);
    if (a > s.largest) {
      s.sum = s.sum * power(s.largest / a) + one(x);
      s.largest = a;
    } else if (a != 0) {
      s.sum += a == s.largest ? one(x) : one(x) * power(a / s.largest);
    }
  }
  T finish(const State& s, const WindowAt& at) const {
    if (s.sum == 0) return 0;
    const T total = s.sum * (scale / static_cast<T>(at.divisor));
    if (std::isinf(s.largest)) return root(total);
    return s.largest * root(total);
  }
  T root(T v) const {
    const T p = power.exponent();
    if (p == 1) return v;
    if (signed_root) return std::copysign(positive_root(std::abs(v)), v);
    return p == 2 ? std::sqrt(v) : std::pow(v, 1 / p);
  }
  T positive_root(T v) const {
    const T p = power.exponent();
    return p == 2 ? std::sqrt(v) : p == 3 ? std::cbrt(v) : std::pow(v, 1 / p);
  }

 private:
  // What the largest value counts: σ(x), or σ(x) · inf where it is infinite, lest infinities of both signs cancel out.
  T one(T x) const {
    const T size = std::isinf(x) ? std::numeric_limits<T>::infinity() : T(1);
    if (sign == PowerSign::even || x > 0) return size;
    if (sign == PowerSign::odd) return -size;
    return std::isinf(x) ? size : std::numeric_limits<T>::quiet_NaN();
  }
};

/// σ(x) (|x| / |y|)^q, what one value of a window counts in the derivatives of its power sum's root y: 0 where y is 0,
/// and where x is 0 although the power would be infinite.
template <class T>
struct PowerTerm {
  Power<T> power;
  PowerSign sign;

  T operator()(T x, T y) const {
    if (y == 0) return 0;
    if (x != x) return x;
    if (x == 0 && power.exponent() == 0) return sign == PowerSign::odd ? T(0) : T(1);
    if (x == 0) return y != y ? y : T(0);
    const T value = power(std::abs(x) / y);
    if (x > 0 || sign == PowerSign::even) return value;
    return sign == PowerSign::odd ? -value : std::numeric_limits<T>::quiet_NaN();
  }
};

/// dx_i = Σ_o c_o g_o σ(x_i) (|x_i| / |y_o|)^q.
template <class T>
struct PowerSpread {
  struct Share {
    T g, y;
  };
  PowerTerm<T> term;
  T scale;
  const T* y;  ///< of the plane

  Share share(T g, const WindowAt& at) const {
    return {g * (scale / static_cast<T>(at.divisor)), std::abs(y[at.cell])};
  }
  T tap(const Share& s, T x) const { return s.g * term(x, s.y); }
};

/// h_o = c_o Σ_i v_i σ(x_i) (|x_i| / |y_o|)^q.
template <class T>
struct PowerGather {
  struct State {
    T y, sum = 0;
  };
  PowerTerm<T> term;
  T scale;
  const T *v, *y;  ///< of the plane

  State start(const WindowAt& at) const { return {std::abs(y[at.cell])}; }
  void step(State& s, T x, int64_t position) const { s.sum += v[position] * term(x, s.y); }
  T finish(const State& s, const WindowAt& at) const { return s.sum * (scale / static_cast<T>(at.divisor)); }
};

/// The same sums row by row for p = 2 and 3, and 1 with signs. A window whose powers overflow or vanish is reduced
/// again by `exact`.
template <class T, int P, bool odd>
struct RowPower {
  static constexpr bool checked = P > 1;
  static constexpr bool looks_at_values = true;
  static constexpr bool compiled = P == 2 && !odd;
  PowerSum<T> exact;
  T least = std::pow(tiny(), T(1) / P);                              ///< smallest trusted root
  T least_slope = P == 1 ? T(0) : std::pow(tiny(), T(1) / (P - 1));  ///< smallest root that is safe to divide by
  T most_slope = P == 3 ? std::sqrt(1 / tiny()) : highest / 16;

  T load(T v) const {
    if constexpr (P == 1) return v;
    if constexpr (P == 2) return odd ? v * std::abs(v) : v * v;
    return v * v * (odd ? v : std::abs(v));
  }
  T finish(T sum, T divisor) const {
    const T total = sum * (exact.scale / divisor);
    if constexpr (P == 1) return total;
    if constexpr (P == 2 && !odd) return std::sqrt(total);
    return exact.root(total);
  }
  T share(T g, T y, T divisor) const {
    const T a = std::abs(y);
    const T part = g * (exact.scale / divisor);
    return y == 0 ? T(0) : P == 1 ? part : P == 2 ? part / a : part / (a * a);
  }
  // A value that no window sees may be anything.
  T tap(T spread, T v) const {
    if constexpr (P == 1) return spread;
    const T a = std::abs(v);
    const T slope = P == 2 ? (odd ? a : v) : (odd ? v * v : v * a);
    return spread == 0 ? T(0) : spread * slope;
  }

  void repair(const Windows& w, const Span& d, const Span& h, const T* plane, T* out) const {
    const int64_t n = w.axes[2].output;
    Count suspects = 0;
    for (int64_t o = 0; o < n; ++o) suspects += trusted(out[o]) ? 0 : 1;
    for (int64_t o = 0; suspects > 0 && o < n; ++o) {
      if (trusted(out[o])) continue;
      --suspects;
      const Span c = w.axes[2].span(o);
      T largest = 0;
      each_tap(w, d, h, c, [&](int64_t position) { largest = std::max(largest, std::abs(plane[position])); });
      const WindowAt at = window_at(w, o, d, h, c);
      const T power = std::abs(load(largest));
      if (largest == 0 || (power >= tiny() && power <= highest / static_cast<T>(at.taps))) continue;
      auto state = exact.start(at);
      each_tap(w, d, h, c, [&](int64_t position) { exact.step(state, plane[position], position); });
      out[o] = exact.finish(state, at);
    }
  }
  /// Whether `share` and `tap` keep all of their digits for these n roots.
  bool safe(const T* y, int64_t n) const {
    Count wrong = 0;
    for (int64_t o = 0; o < n; ++o) {
      const T a = std::abs(y[o]);
      wrong += (a == 0) | ((a >= least_slope) & (a <= most_slope)) ? 0 : 1;
    }
    return wrong == 0;
  }

 private:
  using Count = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;  // as wide as the values: GCC vectorises that
  bool trusted(T y) const { return (std::abs(y) >= least) & (std::abs(y) <= highest); }
  static constexpr T highest = std::numeric_limits<T>::max();
  static T tiny() { return std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon(); }
};

}  // namespace tarn::kernels
