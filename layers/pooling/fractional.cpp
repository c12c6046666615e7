// Where the windows of fractional pooling lie, and what becomes of them.
#include "layers/pooling/fractional.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace tarn {

template <class T>
std::vector<Span> torch_intervals(int64_t input, int64_t output, int64_t kernel, T u) {
  check(output + kernel - 1 <= input, "fractional pooling: output_size ", output, " with kernel_size ", kernel,
        " needs ", output + kernel - 1, " cells, the input has ", input);
  std::vector<Span> all(static_cast<size_t>(output), Span{.first = input - kernel, .taps = kernel, .extent = kernel});
  if (output < 2) return all;
  const T alpha = static_cast<T>(input - kernel) / static_cast<T>(output - 1);
  const auto offset = static_cast<int64_t>(u * alpha);
  for (int64_t j = 0; j + 1 < output; ++j)
    all[static_cast<size_t>(j)].first = static_cast<int64_t>((static_cast<T>(j) + u) * alpha) - offset;
  return all;
}
template std::vector<Span> torch_intervals(int64_t, int64_t, int64_t, float);
template std::vector<Span> torch_intervals(int64_t, int64_t, int64_t, double);

namespace {

/// Where the windows begin, from 0, and the end of the last.
std::vector<int64_t> boundaries(FractionalMode mode, int64_t input, int64_t output, const Stream& stream) {
  std::vector<int64_t> b(static_cast<size_t>(output) + 1, 0);
  const int64_t step = input / output;
  if (mode == FractionalMode::random) {
    const std::vector<int64_t> order = permutation(output, stream);
    for (size_t i = 0; i + 1 < b.size(); ++i) b[i + 1] = b[i] + step + (order[i] < input % output ? 1 : 0);
    return b;
  }
  // From 1, as published: b_i = ⌈α (i + u)⌉, u as far as neither end moves.
  const double alpha = static_cast<double>(input) / static_cast<double>(output);
  const double k = static_cast<double>(step);
  const double most =
      std::min((k + 2) / alpha - 1, (static_cast<double>(input) + 1 - k) / alpha - static_cast<double>(output - 1));
  const double u = stream.uniform(0) * std::max(most, 0.0);
  for (int64_t i = 1; i < output; ++i)
    b[static_cast<size_t>(i)] = static_cast<int64_t>(std::ceil(alpha * (static_cast<double>(i) + u))) - 1;
  b.back() = input;
  // Rounding must not leave a window empty.
  for (size_t i = 1; i < b.size(); ++i) b[i] = std::max(b[i], b[i - 1] + 1);
  for (size_t i = b.size(); i-- > 1;) b[i] = std::min(b[i], input - static_cast<int64_t>(b.size() - 1 - i));
  return b;
}

}  // namespace

std::vector<Span> dividing_intervals(FractionalMode mode, int64_t input, int64_t output, bool overlapping,
                                     const Stream& stream) {
  check(output >= 1 && output <= input, "fractional pooling: output_size ", output, " is outside [1, ", input,
        "], the input's size");
  const std::vector<int64_t> b = boundaries(mode, input, output, stream);
  std::vector<Span> all;
  for (size_t i = 0; i + 1 < b.size(); ++i) {
    const int64_t end = std::min(input, b[i + 1] + (overlapping ? 1 : 0));
    all.push_back({.first = b[i], .taps = end - b[i], .extent = end - b[i]});
  }
  return all;
}

PlaneWindows fractional_windows(const Tensor& x, int rank, const std::vector<int64_t>& kernel,
                                const std::vector<int64_t>& output, const Tensor& samples, const char* name) {
  const int64_t planes = x.shape().product(0, x.rank() - rank);
  const bool batched = x.rank() == rank + 2;
  const Shape wanted = {batched ? x.shape()[0] : 1, x.shape()[batched ? 1 : 0], rank};
  check(samples.floating() && samples.dtype() == x.dtype(), name, ": samples are ", samples.dtype(), ", the input is ",
        x.dtype());
  check(samples.shape() == wanted, name, ": samples ", samples.shape(), " for an input ", x.shape(), "; expected ",
        wanted, ", numbers in [0, 1]");
  PlaneWindows w{adaptive_windows(name, x.shape(), rank, {output.begin(), output.end()}), {}};
  w.planes.resize(static_cast<size_t>(planes));
  dispatch_floating(x.dtype(), name, [&](auto zero) {
    using T = decltype(zero);
    const T* u = samples.data<T>();
    for (int64_t i = 0; i < planes * rank; ++i)
      check(u[i] >= 0 && u[i] <= 1, name, ": a sample is ", u[i], ", outside [0, 1]");
    int64_t windows = 0;
    for (const int64_t o : output) windows += o;
    parallel_range(planes, 16 * windows, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        std::vector<std::vector<Span>> spans;
        for (int d = 0; d < rank; ++d) {
          const T value = u[p * rank + (rank == 2 ? 1 - d : d)];  // of two dimensions the last comes first
          const auto i = static_cast<size_t>(d);
          spans.push_back(torch_intervals<T>(x.shape()[x.rank() - rank + d], output[i], kernel[i], value));
        }
        w.planes[static_cast<size_t>(p)] = listed_windows(name, x.shape(), std::move(spans));
      }
    });
  });
  return w;
}

}  // namespace tarn
