// What poolings of whole planes share: inputs with and without a batch, their checks, and planes as rows of positions.
#pragma once

#include <string>
#include <string_view>

#include "core/ops.h"
#include "layers/spatial.h"

namespace tarn {

/// Throws with the pooling's name unless x is [N, C, spatial] or [C, spatial] without an empty plane. `rank` 0: of 1 to
/// 3 spatial dimensions, with a batch.
inline void check_planes(std::string_view name, const Shape& x, int rank) {
  constexpr const char* layouts[] = {
      "[N, C, …] with 1 to 3 spatial dimensions; for inputs without a batch there are layers for each number of them",
      "[N, C, L] or [C, L]", "[N, C, H, W] or [C, H, W]", "[N, C, D, H, W] or [C, D, H, W]"};
  const bool fits = rank == 0 ? x.rank() >= 3 && x.rank() <= 5 : x.rank() == rank + 1 || x.rank() == rank + 2;
  check(fits, name, ": the input ", batch_text(x), " has ", x.rank(), " dimensions; expected ", layouts[rank]);
  const int channels = rank == 0 ? 1 : x.rank() - rank - 1;
  for (int i = channels; i < x.rank(); ++i)
    check(x[i] > 0, name, ": the input ", batch_text(x), " is empty: it has ",
          i == channels ? "no channels" : "a spatial size of 0", "; only the batch may be empty");
}
/// The same, and unless x is floating.
inline void check_planes(std::string_view name, const Tensor& x, int rank) {
  check(x.floating(), name, ": the input is int64; needs float32 or float64 values");
  check_planes(name, x.shape(), rank);
}

/// Throws with the pooling's name unless x [N, C, spatial] or [C, spatial] has the channels that the layer was built
/// for.
inline void check_channels(std::string_view name, const Tensor& x, int rank, int64_t channels) {
  const int64_t found = x.size(-rank - 1);
  check(found == channels, name, ": the input ", x.shape(), " has ", found, " channels; the layer was built for ",
        channels);
}

/// f of x [N, C, spatial]; an input without a batch gets one for the call.
template <class F>
Tensor with_batch(std::string_view name, const Tensor& x, int rank, F f) {
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
