// Exponentials and their kin as plain arithmetic in float, so that loops of them vectorise; in double the library's
// own. The polynomials were fitted by weighted least squares; errors are measured in tests/functions.cpp.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace tarn::kernels {

/// c0 + c1 · x + c2 · x² + …
template <class... C>
inline float polynomial(float x, float c0, C... rest) {
  if constexpr (sizeof...(rest) == 0)
    return c0;
  else
    return c0 + x * polynomial(x, rest...);
}

/// e to the x: 2^n · p(r) with |r| <= ln(2) / 2, the power taken in two steps so that subnormal results are right.
inline float fast_exp(float x) {
  constexpr float round_to_integer = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  const float inside = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
  const float shifted = inside * 1.44269504f + round_to_integer;
  const float n = shifted - round_to_integer;
  const float r = (inside - n * 0.693359375f) + n * 2.12194440e-4f;
  const float p = polynomial(r, 1.0f, 1.0f, 5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f, 8.3334519073e-3f,
                             1.3981999507e-3f, 1.9875691500e-4f);
  const int32_t power = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(round_to_integer);
  const int32_t half = power >> 1;
  const float first = std::bit_cast<float>(static_cast<uint32_t>(half + 127) << 23);
  const float second = std::bit_cast<float>(static_cast<uint32_t>(power - half + 127) << 23);
  return p * first * second;
}
inline double fast_exp(double x) {
  return std::exp(x);
}

/// e to the x, minus 1.
inline float fast_expm1(float x) {
  const float near = x * polynomial(x, 1.0f, 0.500000042f, 0.166666629f, 0.0416653182f, 0.00833363466f, 0.00139973244f,
                                    0.000198411856f);
  const float far = fast_exp(x) - 1;
  return x > -0.5f && x < 0.5f ? near : far;
}
inline double fast_expm1(double x) {
  return std::expm1(x);
}

/// 1 / (1 + e^-x), by the sign of x, so that the exponential never overflows.
template <class T>
inline T fast_sigmoid(T x) {
  const T e = fast_exp(x < 0 ? x : -x);
  return (x < 0 ? e : T(1)) / (1 + e);
}

inline float fast_tanh(float x) {
  const float size = x < 0 ? -x : x;
  const float square = x * x;
  const float near =
      x * polynomial(square, 0.999999996f, -0.333332605f, 0.133311275f, -0.0537210672f, 0.020590986f, -0.00565998662f);
  const float far = 1 - 2 / (fast_exp(2 * size) + 1);
  return size < 0.625f ? near : x < 0 ? -far : far;
}
inline double fast_tanh(double x) {
  return std::tanh(x);
}

/// The error function: x · p(x²) near 0, 1 - e^-q(|x|) elsewhere.
inline float fast_erf(float x) {
  const float size = x < 0 ? -x : x;
  const float near = x * polynomial(x * x, 1.12837917f, -0.376126339f, 0.112836973f, -0.0268595001f, 0.00520128605f,
                                    -0.000814559723f, 8.3823893e-05f);
  const float t = size > 4.0f ? 4.0f : size;
  const float far = 1 - fast_exp(-polynomial(t, -0.00029427326f, 1.13013149f, 0.63199534f, 0.109925173f, -0.0263355339f,
                                             0.00473028004f, -0.000590714866f, 4.53545422e-05f, -1.60248821e-06f));
  return size < 0.92f ? near : x < 0 ? -far : x > 0 ? far : x;
}
inline double fast_erf(double x) {
  return std::erf(x);
}

/// The standard normal distribution at a point: its density, and the probability of less.
template <class T>
struct Normal {
  T density, below;
};
/// With t = |x| / √2 and u = 1 / (1 + 0.3 t), erfc(t) is e^(-t²) · u · p(u): one exponential serves both.
inline Normal<float> fast_normal(float x) {
  const float e = fast_exp(-0.5f * x * x);
  const float u = 1 / (1 + 0.212132034f * (x < 0 ? -x : x));
  const float tail = 0.5f * e * u *
                     polynomial(u, 0.169188005f, 0.170715231f, 0.148339149f, 0.214926102f, -0.0946507498f, 0.547719967f,
                                -0.512277962f, 0.485563118f, -0.12952288f);
  return {0.398942280f * e, x < 0 ? tail : 1 - tail};
}
inline Normal<double> fast_normal(double x) {
  return {std::numbers::inv_sqrtpi / std::numbers::sqrt2 * std::exp(-0.5 * x * x),
          0.5 * (1 + std::erf(x * (std::numbers::sqrt2 / 2)))};
}

/// log(1 + e^x).
inline float fast_softplus(float x) {
  const float u = fast_exp(x < 0 ? x : -x);  // in (0, 1]
  const float log1p = u * polynomial(u, 0.999999995f, -0.499999024f, 0.333299623f, -0.249541328f, 0.196759349f,
                                     -0.153055799f, 0.106036334f, -0.0569593222f, 0.0198513495f, -0.00324400013f);
  return (x > 0 ? x : 0.0f) + log1p;
}
inline double fast_softplus(double x) {
  return (x > 0 ? x : 0.0) + std::log1p(std::exp(x < 0 ? x : -x));
}

}  // namespace tarn::kernels
