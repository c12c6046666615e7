// Sketches of polynomials: products of channels, scattered by chance into vectors of a fixed size.
#include "layers/pooling/sketch.h"

#include "core/ops/positions.h"
#include "core/ops/sketch.h"

namespace tarn {

namespace {

Stream stream_of(const Build& build, const std::string& name) {
  return {build.seed, purpose_of("init/" + build.path + "." + name), 0};
}

Tensor drawn_places(Build& build, const std::string& name, int64_t channels, int64_t size) {
  const Tensor zeros = build.buffer({channels}, 0, Dtype::i64);
  if (build.allocate_only) return zeros;
  std::vector<int64_t> places(static_cast<size_t>(channels));
  const Stream stream = stream_of(build, name);
  for (size_t c = 0; c < places.size(); ++c) places[c] = stream.below(c, size);
  return {zeros.shape(), places};
}

void check_sketch(const char* op, const TensorSketch& sketch, size_t factor, int64_t channels) {
  const CountSketch& f = sketch.factors.at(factor);
  check(f.places.shape() == Shape{channels} && f.signs.shape() == Shape{channels}, op, ": factor ", factor + 1,
        " of the sketch has places ", f.places.shape(), " and signs ", f.signs.shape(), ", but the input has ",
        channels, " channels");
  check_range(text(op, ": the sketch's places").c_str(), f.places, 0, sketch.size);
}

/// Σ_c signs[c] x[m, c] at places[c].
Tensor counted(const Tensor& x, const CountSketch& s, int64_t size) {
  return index_add(Tensor::zeros({x.size(0), size}, x.dtype()), 1, s.places, x * s.signs);
}

}  // namespace

Tensor drawn_signs(Build& build, const std::string& name, const Shape& shape) {
  const Tensor zeros = build.buffer(shape, 0);
  if (build.allocate_only) return zeros;
  return bernoulli(shape, stream_of(build, name), 0.5, build.dtype) * 2 - 1;
}

TensorSketch drawn_sketch(Build& build, const std::string& name, const std::vector<int64_t>& channels, int64_t size) {
  TensorSketch sketch{{}, size};
  for (size_t k = 0; k < channels.size(); ++k)
    sketch.factors.push_back({drawn_places(build, text(name, 'h', k + 1), channels[k], size),
                              drawn_signs(build, text(name, 's', k + 1), {channels[k]})});
  return sketch;
}

void sketch_parts(Parts& p, const std::string& name, TensorSketch& sketch) {
  for (size_t k = 0; k < sketch.factors.size(); ++k) {
    p.buffer(text(name, 'h', k + 1), sketch.factors[k].places);
    p.buffer(text(name, 's', k + 1), sketch.factors[k].signs);
  }
}

// A sketch is linear in the products of channels, so that of the sum over positions is the sum of sketches: one product
// of matrices and C1 C2 additions for a whole plane, whatever the size, and no Fourier transform.
Tensor sketched_products(const char* op, const Tensor& a, const Tensor& b, const TensorSketch& sketch) {
  check(sketch.factors.size() == 2, op, ": a sketch of products has 2 factors, not ", sketch.factors.size());
  check_sketch(op, sketch, 0, a.size(1));
  check_sketch(op, sketch, 1, b.size(1));
  const CountSketch& left = sketch.factors[0];
  const CountSketch& right = sketch.factors[1];
  const Tensor products = bmm(a * unsqueeze(left.signs, -1), b * unsqueeze(right.signs, -1), false, true);
  Tensor index(Shape{left.places.numel() * right.places.numel()}, Dtype::i64);
  int64_t* at = index.fill<int64_t>();
  for (int64_t i = 0; i < left.places.numel(); ++i)
    for (int64_t j = 0; j < right.places.numel(); ++j)
      *at++ = (left.places.data<int64_t>()[i] + right.places.data<int64_t>()[j]) % sketch.size;
  return index_add(Tensor::zeros({a.size(0), sketch.size}, a.dtype()), 1, index, flatten(products, 1));
}

Tensor sketched_powers(const char* op, const Tensor& x, const TensorSketch& sketch) {
  for (size_t k = 0; k < sketch.factors.size(); ++k) check_sketch(op, sketch, k, x.size(1));
  Tensor y = counted(x, sketch.factors.at(0), sketch.size);
  for (size_t k = 1; k < sketch.factors.size(); ++k)
    y = circular_add(y, x * sketch.factors[k].signs, sketch.factors[k].places);
  return y;
}

}  // namespace tarn
