// How a reduction walks through memory: neighbouring dimensions of one kind become one.
#include "core/kernels/fold.h"

namespace tarn::kernels {

FoldPlan plan_fold(const Shape& shape, const bool* is_reduced) {
  // Innermost first: runs of kept and of reduced dimensions, alternating.
  int64_t sizes[Shape::max_rank] = {};
  bool kinds[Shape::max_rank] = {};
  int runs = 0;
  FoldPlan p;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    if (is_reduced[d]) p.reduced_count *= shape[d];
    if (shape[d] == 1) continue;
    if (runs > 0 && kinds[runs - 1] == is_reduced[d]) {
      sizes[runs - 1] *= shape[d];
    } else {
      sizes[runs] = shape[d];
      kinds[runs] = is_reduced[d];
      ++runs;
    }
  }
  if (runs == 0) {
    p.inner_reduced = true;
    return p;
  }
  p.inner = sizes[0];
  p.inner_reduced = kinds[0];
  int64_t steps[Shape::max_rank] = {};
  steps[0] = 1;
  for (int r = 1; r < runs; ++r) steps[r] = steps[r - 1] * sizes[r - 1];
  int first = 1;
  if (!p.inner_reduced && runs > 1) {
    p.rows = sizes[1];
    p.step = steps[1];
    first = 2;
  }
  for (int r = runs - 1; r >= first; --r) (kinds[r] ? p.reduced : p.kept).push(sizes[r], steps[r]);
  return p;
}

}  // namespace tarn::kernels
