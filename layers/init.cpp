// Implements PyTorch's initialisers.
#include "layers/init.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace tarn::init {
namespace {

/// A tensor of `dtype` whose element i is value(i).
template <class F>
Tensor generate(const Shape& shape, Dtype dtype, const char* name, F value) {
  Tensor y(shape, dtype);
  dispatch_floating(dtype, name, [&](auto zero) {
    using T = decltype(zero);
    T* out = y.fill<T>();
    for (int64_t i = 0; i < y.numel(); ++i) out[i] = static_cast<T>(value(i));
  });
  return y;
}

double normal_distribution(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

/// The x with normal_distribution(x) = p: formula 26.2.23 of Abramowitz and Stegun (good to 4.5e-4), then two of
/// Halley's steps, each of which triples the digits.
double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1 - p);
  p = std::max(p, 1e-300);
  const double t = std::sqrt(-2 * std::log(p));
  double x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (int step = 0; step < 2; ++step) {
    const double u = (normal_distribution(x) - p) * std::sqrt(2 * std::numbers::pi) * std::exp(0.5 * x * x);
    x -= u / (1 + 0.5 * x * u);
  }
  return x;
}

/// The matrix that `shape` is when its later dimensions count as one.
std::array<int64_t, 2> as_matrix(const char* name, const Shape& shape) {
  check(shape.rank() >= 2, name, ": shape ", shape, " has ", shape.rank(), " dimensions, at least 2 are needed");
  return {shape[0], shape.product(1, shape.rank())};
}

/// Makes each of the `count` rows of length `length` orthogonal to those before it, and of length one. Doing it twice
/// per row keeps them orthogonal to the last bits; on normal rows the result is uniformly distributed.
void orthonormalise(std::vector<double>& rows, int64_t count, int64_t length) {
  for (int64_t i = 0; i < count; ++i) {
    double* row = rows.data() + i * length;
    for (int64_t j = 0; j < 2 * i; ++j) {
      const double* other = rows.data() + (j % i) * length;
      double along = 0;
      for (int64_t k = 0; k < length; ++k) along += row[k] * other[k];
      for (int64_t k = 0; k < length; ++k) row[k] -= along * other[k];
    }
    double squares = 0;
    for (int64_t k = 0; k < length; ++k) squares += row[k] * row[k];
    const double scale = 1 / std::sqrt(squares);
    for (int64_t k = 0; k < length; ++k) row[k] *= scale;
  }
}

}  // namespace

Fans fans(const char* name, const Shape& shape) {
  check(shape.rank() >= 2, name, ": fan in and fan out of shape ", shape, " are not defined; at least 2 dimensions ",
        "are needed (biases: use uniform, normal, constant or zeros)");
  const int64_t taps = shape.product(2, shape.rank());
  return {shape[1] * taps, shape[0] * taps};
}

double calculate_gain(const std::string& nonlinearity, std::optional<double> param) {
  static const std::vector<std::string> names = {
      "linear",           "conv1d",  "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
      "conv_transpose3d", "sigmoid", "tanh",   "relu",   "leaky_relu",       "selu"};
  const auto found = std::find(names.begin(), names.end(), nonlinearity);
  check(found != names.end(), "calculate_gain: unknown nonlinearity '", nonlinearity, "'",
        did_you_mean(nonlinearity, names));
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::numbers::sqrt2;
  if (nonlinearity == "selu") return 0.75;
  if (nonlinearity != "leaky_relu") return 1;
  const double slope = param.value_or(0.01);
  return std::sqrt(2 / (1 + slope * slope));
}

Tensor uniform(const Shape& shape, const Stream& stream, double a, double b, Dtype dtype) {
  check(a <= b, "uniform: the range [", a, ", ", b, ") is empty");
  return tarn::uniform(shape, stream, a, b, dtype);
}

Tensor normal(const Shape& shape, const Stream& stream, double mean, double std, Dtype dtype) {
  check(std >= 0, "normal: std ", std, " is not >= 0");
  return tarn::normal(shape, stream, mean, std, dtype);
}

Tensor trunc_normal(const Shape& shape, const Stream& stream, double mean, double std, double a, double b,
                    Dtype dtype) {
  check(std > 0, "trunc_normal: std ", std, " is not > 0");
  check(a < b, "trunc_normal: the range [", a, ", ", b, "] is empty");
  const double low = normal_distribution((a - mean) / std);
  const double high = normal_distribution((b - mean) / std);
  check(low < high, "trunc_normal: [", a, ", ", b, "] is too far from the mean ", mean);
  return generate(shape, dtype, "trunc_normal", [&](int64_t i) {
    const double p = low + (high - low) * stream.uniform(static_cast<uint64_t>(i));
    return std::clamp(mean + std * normal_quantile(p), a, b);
  });
}

Tensor xavier_uniform(const Shape& shape, const Stream& stream, double gain, Dtype dtype) {
  const Fans f = fans("xavier_uniform", shape);
  const double bound = std::abs(gain) * std::sqrt(6.0 / static_cast<double>(std::max<int64_t>(f.in + f.out, 1)));
  return tarn::uniform(shape, stream, -bound, bound, dtype);
}

Tensor xavier_normal(const Shape& shape, const Stream& stream, double gain, Dtype dtype) {
  const Fans f = fans("xavier_normal", shape);
  const double std = std::abs(gain) * std::sqrt(2.0 / static_cast<double>(std::max<int64_t>(f.in + f.out, 1)));
  return tarn::normal(shape, stream, 0, std, dtype);
}

double kaiming_deviation(const char* name, const Shape& shape, const Kaiming& options) {
  check(options.mode == "fan_in" || options.mode == "fan_out", name, ": unknown mode '", options.mode,
        "'; expected 'fan_in' or 'fan_out'");
  const Fans f = fans(name, shape);
  const int64_t fan = options.mode == "fan_in" ? f.in : f.out;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(std::max<int64_t>(fan, 1)));
}

Tensor kaiming_uniform(const Shape& shape, const Stream& stream, const Kaiming& options, Dtype dtype) {
  const double bound = std::sqrt(3.0) * kaiming_deviation("kaiming_uniform", shape, options);
  return tarn::uniform(shape, stream, -bound, bound, dtype);
}

Tensor kaiming_normal(const Shape& shape, const Stream& stream, const Kaiming& options, Dtype dtype) {
  return tarn::normal(shape, stream, 0, kaiming_deviation("kaiming_normal", shape, options), dtype);
}

Tensor eye(const Shape& shape, Dtype dtype) {
  check(shape.rank() == 2, "eye: shape ", shape, " has ", shape.rank(), " dimensions, expected 2");
  return generate(shape, dtype, "eye", [&](int64_t i) { return i / shape[1] == i % shape[1] ? 1 : 0; });
}

Tensor dirac(const Shape& shape, int64_t groups, Dtype dtype) {
  check(shape.rank() >= 3 && shape.rank() <= 5, "dirac: shape ", shape, " has ", shape.rank(),
        " dimensions, expected 3 to 5 (a convolution weight)");
  check(groups >= 1 && shape[0] % groups == 0, "dirac: groups ", groups, " must be >= 1 and divide dimension 0 (",
        shape[0], ")");
  const int64_t per_group = shape[0] / groups;
  const int64_t taps = shape.product(2, shape.rank());
  int64_t center = 0;
  for (int d = 2; d < shape.rank(); ++d) center = center * shape[d] + shape[d] / 2;
  return generate(shape, dtype, "dirac", [&](int64_t i) {
    const int64_t in = i / taps % shape[1];
    const int64_t out = i / taps / shape[1];
    return i % taps == center && out % per_group == in ? 1 : 0;
  });
}

Tensor orthogonal(const Shape& shape, const Stream& stream, double gain, Dtype dtype) {
  const auto [rows, columns] = as_matrix("orthogonal", shape);
  const bool wide = rows <= columns;
  const int64_t count = wide ? rows : columns;
  const int64_t length = wide ? columns : rows;
  std::vector<double> basis(static_cast<size_t>(count * length));
  for (size_t i = 0; i < basis.size(); ++i) basis[i] = stream.normal(i);
  orthonormalise(basis, count, length);
  return generate(shape, dtype, "orthogonal", [&, columns = columns](int64_t i) {
    const int64_t r = i / columns;
    const int64_t c = i % columns;
    return gain * basis[static_cast<size_t>(wide ? r * length + c : c * length + r)];
  });
}

Tensor sparse(const Shape& shape, const Stream& stream, double sparsity, double std, Dtype dtype) {
  check(shape.rank() == 2, "sparse: shape ", shape, " has ", shape.rank(), " dimensions, expected 2");
  check(sparsity >= 0 && sparsity <= 1, "sparse: sparsity ", sparsity, " is outside [0, 1]");
  const int64_t columns = shape[1];
  const auto zeros = static_cast<size_t>(std::ceil(sparsity * static_cast<double>(shape[0])));
  std::vector<bool> is_zero(static_cast<size_t>(shape.numel()));
  for (int64_t c = 0; c < columns; ++c) {
    const std::vector<int64_t> order = permutation(shape[0], stream.child(static_cast<uint64_t>(c) + 1));
    for (size_t k = 0; k < zeros; ++k) is_zero[static_cast<size_t>(order[k] * columns + c)] = true;
  }
  return generate(shape, dtype, "sparse", [&](int64_t i) {
    return is_zero[static_cast<size_t>(i)] ? 0 : std * stream.normal(static_cast<uint64_t>(i));
  });
}

}  // namespace tarn::init
