// What poolings of whole planes share: inputs with and without a batch, their checks, and planes as rows of positions.
#pragma once

#include <string>

#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {

/// Throws with the pooling's name unless x is floating and [N, C, spatial] or [C, spatial] without an empty plane.
inline void check_planes(const char* name, const Tensor& x, int rank) {
  check(x.floating(), name, ": the input is int64; expected float32 or float64");
  const bool fits = x.rank() == rank + 1 || x.rank() == rank + 2;
  check(fits, name, ": the input ", x.shape(), " has ", x.rank(), " dimensions; expected ", rank + 2, ", or ", rank + 1,
        " without a batch");
  for (int i = x.rank() - rank - 1; i < x.rank(); ++i)
    check(x.shape()[i] > 0, name, ": the input ", x.shape(), " is empty; only the batch may have size 0");
}

/// f of x [N, C, spatial]; an input without a batch gets one for the call.
template <class F>
Tensor with_batch(const char* name, const Tensor& x, int rank, F f) {
  check_planes(name, x, rank);
  return x.rank() == rank + 1 ? squeeze(f(unsqueeze(x, 0)), 0) : f(x);
}

/// x [N, C, spatial] as [N, C, positions].
inline Tensor as_positions(const Tensor& x) {
  return reshape(x, Shape{x.shape()[0], x.shape()[1], x.shape().product(2, x.rank())});
}

/// x [N, C, spatial] as [N, positions, C]: a set of vectors for each sample.
inline Tensor as_tokens(const Tensor& x) {
  return transpose(as_positions(x), 1, 2);
}

/// How many channels the layer's input has.
inline int64_t channels_of(const Build& build, int rank) {
  return build.shape()[is_sample(build.shape(), rank) ? 0 : 1];
}

/// A layer without parameters: settings S with `fields` and `Tensor pool(const Tensor&) const`.
template <class S>
class PlainPool : public Module {
 public:
  using Config = S;
  PlainPool(const Config& c, Build& build) : settings_(c) {
    if constexpr (requires { settings_.validate(build.shape()); }) settings_.validate(build.shape());
  }
  Tensor forward(const Tensor& x, Context&) override { return settings_.pool(x); }

 private:
  S settings_;
};

}  // namespace tarn
