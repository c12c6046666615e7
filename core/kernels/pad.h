// Padding with a tensor's own cells: every cell of the result is a copy of one of the input, and the transpose of that.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace tarn::kernels {

/// One dimension: the input's position that each padded position takes its value from. Positions [run_begin, run_end)
/// take neighbours in order.
struct PadSources {
  PadSources(int64_t input_size, std::vector<int64_t> positions);

  int64_t input;
  std::vector<int64_t> from;
  int64_t run_begin = 0, run_end = 0;

  int64_t output() const { return static_cast<int64_t>(from.size()); }
};

/// The last three dimensions of a tensor; absent ones have one position.
using PadPlan = std::array<PadSources, 3>;

/// y [planes, padded sizes] = copies from x [planes, input sizes].
template <class T>
void pad_from(const PadPlan& plan, int64_t planes, const T* x, T* y);
/// dx = what all copies of each cell add up to in g, in the order of the copies.
template <class T>
void pad_back(const PadPlan& plan, int64_t planes, const T* g, T* dx);

}  // namespace tarn::kernels
