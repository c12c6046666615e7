// Windows whose values are put in order, which poolings by rank are written over.
#pragma once

#include "layers/pooling/taps.h"

namespace tarn {

/// The taps of each window in order; equal values keep their order in the window, NaN counts as the largest, and taps
/// outside come last, as 0.
struct Ranks {
  Tensor values;   ///< [..., cells, taps]
  Tensor index;    ///< the tap that each was, int64
  Tensor present;  ///< [cells, taps]: 1 for as many as lie inside, then 0, in the values' dtype
  Taps taps;       ///< as they were; those outside are -inf where the order descends, inf where it ascends
};
Ranks ranked(const Tensor& x, const Windows& w, bool descending = true);
/// The first k, or as many as there are taps; `present` says where windows have fewer.
Ranks first_of(const Ranks& ranks, int64_t k);
/// The mean of those that are present.
Tensor mean_of(const Ranks& ranks);

/// Throws with `op` and the name of the argument unless 1 <= k <= taps.
void check_rank(const char* op, const char* name, int64_t k, const Windows& w);

}  // namespace tarn
