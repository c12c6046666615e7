// Arithmetic of counts that stops at the largest integer: how much work a model takes, however absurd its sizes are.
#pragma once

#include <cstdint>
#include <limits>

namespace tarn {

/// a · b of counts, which are not negative.
constexpr int64_t count_product(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<int64_t>::max() : result;
}

/// a + b of counts.
constexpr int64_t count_sum(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::numeric_limits<int64_t>::max() : result;
}

}  // namespace tarn
