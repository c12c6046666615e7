// What layers over 1, 2 or 3 spatial dimensions share: settings given as one number or one for each dimension.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "layers/module.h"

namespace tarn {

/// What a field of sizes accepts: one number, or one for each of `rank` dimensions, from `lo` up.
inline Rule size_rule(int rank, double lo, bool required = false) {
  return {.lo = lo, .hi = 1 << 30, .required = required, .rank = rank};
}

/// The number for each of `rank` dimensions, then ones.
inline std::array<int64_t, 3> per_dimension(const Sizes& sizes, int rank) {
  std::array<int64_t, 3> all{1, 1, 1};
  const Sizes each = expand(sizes, rank);
  std::copy(each.begin(), each.end(), all.begin());
  return all;
}

/// Throws unless `x` is [N, C] with `rank` spatial dimensions.
inline void check_spatial(const Shape& x, int rank) {
  constexpr const char* names[] = {"[N, C, L]", "[N, C, H, W]", "[N, C, D, H, W]"};
  check(x.rank() == rank + 2, "expects an input ", names[rank - 1], ", got ", batch_text(x), " with ", x.rank(),
        " dimensions");
}

/// Whether `x` is one sample, [C] with `rank` spatial dimensions; throws where it is neither that nor a batch of them.
inline bool is_sample(const Shape& x, int rank) {
  constexpr const char* names[] = {"[N, C, L] or [C, L]", "[N, C, H, W] or [C, H, W]",
                                   "[N, C, D, H, W] or [C, D, H, W]"};
  check(x.rank() == rank + 1 || x.rank() == rank + 2, "expects an input ", names[rank - 1], ", got ", batch_text(x),
        " with ", x.rank(), " dimensions");
  return x.rank() == rank + 1;
}

/// "Conv" and 2 is "Conv2d".
inline std::string with_rank(std::string_view family, int rank) {
  return std::string(family) + std::to_string(rank) + "d";
}

/// A sample input: [2, 4] and spatial sizes 6, 5, 4, the last `rank` of them.
inline Shape spatial_sample(int rank) {
  if (rank == 1) return {2, 4, 6};
  if (rank == 2) return {2, 4, 6, 5};
  return {2, 4, 4, 5, 4};
}

/// One whose sizes a window and a stride of 2 divide.
inline Shape even_sample(int rank) {
  if (rank == 1) return {2, 3, 6};
  if (rank == 2) return {2, 3, 4, 6};
  return {2, 2, 4, 2, 4};
}

}  // namespace tarn
