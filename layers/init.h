// PyTorch's initialisers (torch.nn.init): each draws a fresh tensor from a stream, the same bits for any number of
// threads.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/random.h"
#include "core/tensor.h"

namespace tarn::init {

/// What one output, and one input, of a weight [out, in, kernel…] is connected to: in · taps and out · taps.
struct Fans {
  int64_t in = 0, out = 0;
};
/// Throws for a shape of fewer than two dimensions.
Fans fans(const char* name, const Shape& shape);

/// The factor by which a nonlinearity's input should be scaled up to keep its variance (torch.nn.init.calculate_gain):
/// linear, conv1d…3d, conv_transpose1d…3d, sigmoid: 1; tanh: 5/3; relu: √2; leaky_relu: √(2 / (1 + slope²)), slope
/// being `param`; selu: 3/4. Throws for any other name.
double calculate_gain(const std::string& nonlinearity, std::optional<double> param = {});

/// Values uniform in [a, b).
Tensor uniform(const Shape& shape, const Stream& stream, double a = 0, double b = 1, Dtype dtype = Dtype::f32);
/// The initialiser that draws uniformly within ±bound: what PyTorch's Linear and convolutions start from.
inline auto uniform_within(double bound) {
  return [bound](const Shape& shape, const Stream& stream, Dtype dtype) {
    return init::uniform(shape, stream, -bound, bound, dtype);
  };
}
/// The initialiser that sets every element to `value`.
inline auto constant(double value) {
  return [value](const Shape& shape, const Stream&, Dtype dtype) { return Tensor::full(shape, value, dtype); };
}
/// Normal values; throws for a negative deviation.
Tensor normal(const Shape& shape, const Stream& stream, double mean = 0, double std = 1, Dtype dtype = Dtype::f32);
/// Normal values, drawn so that all lie in [a, b] (by the inverse of the distribution function).
Tensor trunc_normal(const Shape& shape, const Stream& stream, double mean = 0, double std = 1, double a = -2,
                    double b = 2, Dtype dtype = Dtype::f32);

/// Uniform within ±gain · √(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
Tensor xavier_uniform(const Shape& shape, const Stream& stream, double gain = 1, Dtype dtype = Dtype::f32);
/// Normal with deviation gain · √(2 / (fan_in + fan_out)).
Tensor xavier_normal(const Shape& shape, const Stream& stream, double gain = 1, Dtype dtype = Dtype::f32);

/// Options of the initialisers of He et al. 2015.
struct Kaiming {
  double a = 0;                             ///< negative slope, for leaky_relu
  std::string mode = "fan_in";              ///< "fan_in" or "fan_out"
  std::string nonlinearity = "leaky_relu";  ///< a name that `calculate_gain` knows
};
/// gain / √fan; throws for an unknown mode or nonlinearity and for shapes of fewer than two dimensions.
double kaiming_deviation(const char* name, const Shape& shape, const Kaiming& options);
/// Uniform within ±√3 · gain / √fan.
Tensor kaiming_uniform(const Shape& shape, const Stream& stream, const Kaiming& options = {}, Dtype dtype = Dtype::f32);
/// Normal with deviation gain / √fan.
Tensor kaiming_normal(const Shape& shape, const Stream& stream, const Kaiming& options = {}, Dtype dtype = Dtype::f32);

/// Ones on the diagonal of a matrix, zeros elsewhere.
Tensor eye(const Shape& shape, Dtype dtype = Dtype::f32);
/// A convolution weight [out, in, kernel…] that hands its input channels on unchanged; `groups` must divide `out`.
Tensor dirac(const Shape& shape, int64_t groups = 1, Dtype dtype = Dtype::f32);
/// gain times a matrix with orthonormal rows, or columns where they are fewer; dimensions after the first count as one
/// (Saxe et al. 2013).
Tensor orthogonal(const Shape& shape, const Stream& stream, double gain = 1, Dtype dtype = Dtype::f32);
/// A normal matrix [rows, columns] with ⌈sparsity · rows⌉ zeros in every column (Martens 2010).
Tensor sparse(const Shape& shape, const Stream& stream, double sparsity, double std = 0.01, Dtype dtype = Dtype::f32);

}  // namespace tarn::init
