// Measuring the processor's peaks.
#include "apps/peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "core/blas.h"
#include "core/parallel.h"
#include "core/random.h"

namespace tarn {
namespace {

/// The most units of work that a second saw, for rounds of `work` units over some milliseconds.
template <class Round>
double best_rate(double work, int milliseconds, Round round) {
  using Clock = std::chrono::steady_clock;
  round();  // the first one finds memory that was never touched
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  double best = 0;
  do {
    const auto start = Clock::now();
    round();
    best = std::max(best, work / std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() < end);
  return best;
}

}  // namespace

double peak_gflops(int workers) {
  constexpr int64_t n = 96;  // stays in the first-level cache and below the size at which OpenBLAS copies its operands
  constexpr int64_t repeats = 400;
  const Tensor a = uniform(Shape{n, n}, {}, -1, 1);
  std::vector<Tensor> results;
  for (int i = 0; i < workers; ++i) results.emplace_back(Shape{n, n});
  return best_rate(2e-9 * static_cast<double>(n * n * n * repeats * workers), 200, [&] {
    parallel_for(workers, [&](int64_t w) {
      float* c = results[static_cast<size_t>(w)].fill<float>();
      for (int64_t i = 0; i < repeats; ++i)
        gemm(false, false, n, n, n, 1.0f, a.data<float>(), n, a.data<float>(), n, 0.0f, c, n);
    });
  });
}

double peak_gbytes(int workers) {
  constexpr size_t bytes = size_t{64} << 20;
  const Tensor from = uniform(Shape{static_cast<int64_t>(bytes / sizeof(float))}, {}, -1, 1);
  Tensor to(from.shape());
  char* out = reinterpret_cast<char*>(to.fill<float>());
  const char* in = reinterpret_cast<const char*>(from.data<float>());
  const size_t pieces = 8 * static_cast<size_t>(workers), piece = bytes / pieces;
  return best_rate(2e-9 * static_cast<double>(piece * pieces), 300, [&] {
    parallel_for(static_cast<int64_t>(pieces), [&](int64_t i) {
      const size_t at = static_cast<size_t>(i) * piece;
      std::memcpy(out + at, in + at, piece);
    });
  });
}

Peak measure_peak(int workers) {
  return {peak_gflops(workers), peak_gbytes(workers)};
}

}  // namespace tarn
