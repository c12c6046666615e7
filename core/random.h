// Counter-based random numbers (Philox 4x32-10): a seed, a purpose and a step name a stream, an index names an element
// of it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// Names a stream of random bits. Two streams that differ in any field are independent; the same stream always holds
/// the same bits.
struct Stream {
  uint64_t seed = 0;
  uint64_t purpose = 0;  ///< what it is for; see `purpose_of`
  uint64_t step = 0;

  /// Four random words for counter value `i`.
  std::array<uint32_t, 4> block(uint64_t i) const;
  /// The same for counter values first … first + 31, some ten times faster: words[k][l] is word k of block first + l.
  void blocks(uint64_t first, uint32_t (&words)[4][32]) const;
  /// Element `i` of the stream, uniform in [0, 1) with 53 random bits.
  double uniform(uint64_t i) const;
  /// Element `i`, normal with mean 0 and deviation 1 (Box-Muller).
  double normal(uint64_t i) const;
  /// Element `i`, uniform in 0 … n - 1; n >= 1.
  int64_t below(uint64_t i, int64_t n) const;
  /// The stream of one of its elements: for a sample of an epoch, say.
  Stream child(uint64_t i) const;
};

/// A number for a name such as "shuffle" or "init/conv1.weight".
uint64_t purpose_of(std::string_view name);

/// The numbers 0 … n - 1 in random order (Fisher-Yates).
std::vector<int64_t> permutation(int64_t n, const Stream& stream);

/// Tensors of independent draws, the same bits for any number of threads. Not differentiable.
Tensor uniform(const Shape& shape, const Stream& stream, double low = 0, double high = 1, Dtype dtype = Dtype::f32);
Tensor normal(const Shape& shape, const Stream& stream, double mean = 0, double deviation = 1,
              Dtype dtype = Dtype::f32);
/// 1 with chance p, else 0.
Tensor bernoulli(const Shape& shape, const Stream& stream, double p, Dtype dtype = Dtype::f32);

}  // namespace tarn
