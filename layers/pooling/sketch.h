// Sketches of polynomials: products of channels, scattered by chance into vectors of a fixed size.
#pragma once

#include <string>

#include "layers/module.h"
#include "layers/pooling/functions.h"

namespace tarn {

/// Places and signs drawn for each of these numbers of channels, one number for each degree; they follow from the
/// build's seed, the layer's path and `name`.
TensorSketch drawn_sketch(Build& build, const std::string& name, const std::vector<int64_t>& channels, int64_t size);
/// ±1, drawn in the same way.
Tensor drawn_signs(Build& build, const std::string& name, const Shape& shape);
/// The sketch's buffers: NAMEh1, NAMEs1, NAMEh2, …
void sketch_parts(Parts& p, const std::string& name, TensorSketch& sketch);

/// Σ_n of the sketches of degree two of a [N, C1, n] and b [N, C2, n]: [N, size]. Throws with `op` where the sketch
/// does not fit.
Tensor sketched_products(const char* op, const Tensor& a, const Tensor& b, const TensorSketch& sketch);
/// The sketches, of any degree, of vectors x [M, C]: [M, size].
Tensor sketched_powers(const char* op, const Tensor& x, const TensorSketch& sketch);

}  // namespace tarn
