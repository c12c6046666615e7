// What every loss does last, and what it does to a target of whole numbers. For the ops' .cpp files only.
#pragma once

#include "core/ops.h"

namespace tarn {

/// Throws for kl_div's own reduction.
inline void check_reduction(const char* op, Reduction reduction) {
  check(reduction != Reduction::batchmean, op, ": the reduction batchmean is kl_div's; choose none, mean or sum");
}

/// The losses of all elements as they are, or their mean or sum.
inline Tensor reduce_losses(const char* op, const Tensor& losses, Reduction reduction) {
  check_reduction(op, reduction);
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::sum ? sum(losses) : mean(losses);
}

/// The target in x's dtype where it is int64.
inline Tensor floating_target(const Tensor& target, const Tensor& x) {
  return target.floating() ? target : target.to(x.dtype());
}

}  // namespace tarn
