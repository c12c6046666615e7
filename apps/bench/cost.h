// What a step asks of the machine, whatever kernels do the work: read off its tape.
#pragma once

#include "core/tape.h"

namespace tarn {

/// The work of forward and backward. Kernels may do with less of one (Winograd's products) or need more of the other.
struct Cost {
  double flops = 0;  ///< of products and convolutions by their definition, a multiply-add being two
  double bytes = 0;  ///< each op reading its inputs and writing its output once; each pullback reading what comes back
                     ///< and the input, and writing the input's gradient
};

/// The cost of all that the tape has recorded, were it swept once for all leaves. Inputs that nothing flows back to do
/// not count.
Cost cost_of(const Tape& tape);

}  // namespace tarn
