// Numbers that a pooling takes or learns, one for the whole layer or one for each channel.
#pragma once

#include <string>

#include "layers/pooling.h"

namespace tarn {

/// Channels of an input [N, C, spatial] or [C, spatial].
inline int64_t channels_of(const Shape& x, int rank) {
  const int64_t channels = x[is_sample(x, rank) ? 0 : 1];
  check(channels > 0, "the input ", batch_text(x), " has no channels");
  return channels;
}

/// What a `…_scope` field accepts, and the shape of the parameter that it chooses.
inline Rule scope_rule() {
  return {.choices = {"shared", "per_channel"}};
}
inline Shape scope_shape(const std::string& scope, const Shape& x, int rank) {
  return {scope == "shared" ? 1 : channels_of(x, rank)};
}

/// Numbers [1] or [C] to go with the windows' values [..., C, cells, taps] of an input x. Throws where there are others
/// than the input's channels.
inline Tensor along_channels(const char* what, const Tensor& numbers, const Shape& x, const Windows& w) {
  const int64_t channels = channels_of(x, w.rank);
  check(numbers.numel() == 1 || numbers.shape() == Shape{channels}, what, " is ", numbers.shape(), ", but the input ",
        x, " has ", channels, " channels; expected 1 number or as many");
  return reshape(numbers, Shape{numbers.numel(), 1, 1});
}

}  // namespace tarn
