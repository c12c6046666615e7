// Checks on tensors of positions, shared by the ops that index.
#pragma once

#include "core/tensor.h"

namespace tarn {

inline void check_index(const char* op, const Tensor& index) {
  check(index.dtype() == Dtype::i64, op, ": the index is ", index.dtype(), "; expected int64");
}

/// Throws unless every index is in [low, high).
inline void check_range(const char* op, const Tensor& index, int64_t low, int64_t high) {
  check_index(op, index);
  const int64_t* at = index.data<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i)
    check(at[i] >= low && at[i] < high, op, ": index ", at[i], " is outside [", low, ", ", high - 1, "]");
}

}  // namespace tarn
