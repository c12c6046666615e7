// The half of a symmetric matrix that says everything.
#pragma once

#include <vector>

#include "core/ops.h"

namespace tarn {

/// The upper triangle of matrices [N, C, C], row by row: [N, C (C + 1) / 2].
inline Tensor upper_triangle(const Tensor& x) {
  const int64_t n = x.size(-1);
  std::vector<int64_t> at;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i; j < n; ++j) at.push_back(i * n + j);
  return index_select(flatten(x, -2), -1, Tensor(Shape{static_cast<int64_t>(at.size())}, at));
}

}  // namespace tarn
