// What the processor reaches at best, measured: the ceiling that kernels are compared with.
#pragma once

namespace tarn {

/// The best of several rounds with `workers` threads at work, in 10^9 a second.
struct Peak {
  double flops = 0;  ///< operations of float32 matrix products that stay in the first-level cache
  double bytes = 0;  ///< bytes read and written by copies of 64 MB, which no cache holds
};

/// The one and the other, in 10^9 a second: a fifth and a third of a second.
double peak_gflops(int workers);
double peak_gbytes(int workers);
/// Both.
Peak measure_peak(int workers);

}  // namespace tarn
