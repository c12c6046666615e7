// The weights of ranks that poolings by rank share: a (1 - a)^(r - 1) for rank r.
#pragma once

#include "layers/module.h"
#include "layers/pooling/ranks.h"

namespace tarn {

/// [cells, taps]: the weight of each rank, 0 where a window has no such rank. They add up to 1 - (1 - a)^n unless
/// normalised.
Tensor rank_weights(const Ranks& r, double a, bool normalize);

inline void rank_share_field(Fields& f, double& a) {
  f("a", a, "weight of the largest value, and share of what is left that each further one gets",
    {.lo = 0, .hi = 1, .lo_open = true, .hi_open = true});
}

}  // namespace tarn
