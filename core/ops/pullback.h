// The pullback of an elementwise function in one pass. For the ops' .cpp files only.
#pragma once

#include "core/kernels/map.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn {

/// The cotangent f(g, v) for each element v of `kept`, which is the function's input or its output. Where a tape
/// records and so may differentiate it again, it comes from `ops`, which computes the same in public ops.
template <class F, class Ops>
Tensor pull(const char* op, const Tensor& g, const Tensor& kept, F f, Ops ops, int64_t cost = 4) {
  if (Tape::current()) return ops();
  Recorder::check_fresh(kept, op);
  return map2(op, g, kept, f, cost);
}

}  // namespace tarn
