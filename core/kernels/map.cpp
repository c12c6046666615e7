// The plan of a broadcast loop, and the in-place sum.
#include "core/kernels/map.h"

#include "core/kernels/accumulate.h"

namespace tarn::kernels {

BroadcastPlan plan_broadcast(const Shape& a, const Shape& b, const Shape& y) {
  BroadcastPlan p;
  int64_t run_a = 1;
  int64_t run_b = 1;
  // From the last dimension to the first: where both operands go on walking the same way, the dimensions are one.
  int64_t sizes[Shape::max_rank];
  int64_t steps_a[Shape::max_rank];
  int64_t steps_b[Shape::max_rank];
  int n = 0;
  for (int i = 1; i <= y.rank(); ++i) {
    const int64_t size = y[y.rank() - i];
    const int64_t size_a = i <= a.rank() ? a[a.rank() - i] : 1;
    const int64_t size_b = i <= b.rank() ? b[b.rank() - i] : 1;
    const int64_t step_a = size_a == 1 ? 0 : run_a;
    const int64_t step_b = size_b == 1 ? 0 : run_b;
    run_a *= size_a;
    run_b *= size_b;
    if (size == 1) continue;
    const bool joins = n > 0 && (steps_a[n - 1] == 0) == (step_a == 0) && (steps_b[n - 1] == 0) == (step_b == 0);
    if (joins) {
      sizes[n - 1] *= size;
      continue;
    }
    sizes[n] = size;
    steps_a[n] = step_a;
    steps_b[n] = step_b;
    ++n;
  }
  if (n == 0) {
    sizes[0] = 1;
    steps_a[0] = steps_b[0] = 0;
    n = 1;
  }
  p.rank = n;
  for (int d = 0; d < n; ++d) {
    p.sizes[d] = sizes[n - 1 - d];
    p.step_a[d] = steps_a[n - 1 - d];
    p.step_b[d] = steps_b[n - 1 - d];
  }
  return p;
}

namespace {

template <class T>
TARN_KERNEL void add_loop(T* target, const T* value, int64_t n) {
  for (int64_t i = 0; i < n; ++i) target[i] += value[i];
}

}  // namespace

void accumulate(Tensor& target, const Tensor& value) {
  dispatch_floating(target.dtype(), "gradient", [&](auto t) {
    using T = decltype(t);
    T* out = target.fill<T>();
    const T* in = value.data<T>();
    parallel_range(target.numel(), 1,
                   [&](int64_t begin, int64_t end) { add_loop(out + begin, in + begin, end - begin); });
  });
}

}  // namespace tarn::kernels
