// Where the windows of fractional pooling lie, and what becomes of them.
#include "layers/pooling/fractional.h"

#include <algorithm>
#include <cmath>

#include "core/decisions.h"
#include "core/parallel.h"
#include "core/tape.h"

namespace tarn {

template <class T>
std::vector<Stretch> torch_intervals(int64_t input, int64_t output, int64_t kernel, T u) {
  check(output + kernel - 1 <= input, "fractional pooling: output_size ", output, " with kernel_size ", kernel,
        " needs ", output + kernel - 1, " cells, the input has ", input);
  std::vector<Stretch> all(static_cast<size_t>(output), Stretch{input - kernel, kernel});
  if (output < 2) return all;
  const T alpha = static_cast<T>(input - kernel) / static_cast<T>(output - 1);
  const auto offset = static_cast<int64_t>(u * alpha);
  for (int64_t j = 0; j + 1 < output; ++j)
    all[static_cast<size_t>(j)].first = static_cast<int64_t>((static_cast<T>(j) + u) * alpha) - offset;
  return all;
}
template std::vector<Stretch> torch_intervals(int64_t, int64_t, int64_t, float);
template std::vector<Stretch> torch_intervals(int64_t, int64_t, int64_t, double);

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

/// Calls f(position of the cell, window by window) for each plane: cells of the output in order, and the positions
/// that each sees.
template <class F>
void each_cell(const FractionalWindows& w, const std::array<int64_t, 3>& input, size_t plane, F f) {
  const auto& own = w.planes[w.planes.size() == 1 ? 0 : plane];
  for (const Stretch& d : own[0])
    for (const Stretch& h : own[1])
      for (const Stretch& c : own[2]) f(d, h, c, (d.first * input[1] + h.first) * input[2] + c.first);
}

std::array<int64_t, 3> plane_sizes(const Tensor& x, int rank) {
  std::array<int64_t, 3> sizes{1, 1, 1};
  for (int i = 0; i < rank; ++i) sizes[static_cast<size_t>(3 - rank + i)] = x.shape()[x.rank() - rank + i];
  return sizes;
}

/// x with its planes as rows, and the shape of the output.
struct Rows {
  Tensor x;
  Shape output;
  int64_t planes, cells;
};

Rows rows_of(const Tensor& x, const FractionalWindows& w) {
  std::vector<int64_t> sizes(x.shape().begin(), x.shape().end() - w.rank);
  sizes.insert(sizes.end(), w.output.begin(), w.output.end());
  const Shape output{std::span<const int64_t>(sizes)};
  const int64_t planes = x.shape().product(0, x.rank() - w.rank);
  const int64_t cells = output.product(output.rank() - w.rank, output.rank());
  const int64_t length = x.shape().product(x.rank() - w.rank, x.rank());
  return {reshape(x, Shape{planes, length}), output, planes, cells};
}

}  // namespace

std::vector<Stretch> dividing_intervals(FractionalMode mode, int64_t input, int64_t output, bool overlapping,
                                        const Stream& stream) {
  check(output >= 1 && output <= input, "fractional pooling: output_size ", output, " is outside [1, ", input,
        "], the input's size");
  const std::vector<int64_t> b = boundaries(mode, input, output, stream);
  std::vector<Stretch> all;
  for (size_t i = 0; i + 1 < b.size(); ++i) {
    const int64_t end = std::min(input, b[i + 1] + (overlapping ? 1 : 0));
    all.push_back({b[i], end - b[i]});
  }
  return all;
}

FractionalWindows fractional_windows(const Tensor& x, int rank, const std::vector<int64_t>& kernel,
                                     const std::vector<int64_t>& output, const Tensor& samples, const char* name) {
  const int64_t planes = x.shape().product(0, x.rank() - rank);
  const bool batched = x.rank() == rank + 2;
  const Shape wanted = {batched ? x.shape()[0] : 1, x.shape()[batched ? 1 : 0], rank};
  check(samples.floating() && samples.dtype() == x.dtype(), name, ": samples are ", samples.dtype(), ", the input is ",
        x.dtype());
  check(samples.shape() == wanted, name, ": samples ", samples.shape(), " for an input ", x.shape(), "; expected ",
        wanted, ", numbers in [0, 1]");
  const auto input = plane_sizes(x, rank);
  FractionalWindows w{rank, output, {}};
  w.planes.resize(static_cast<size_t>(planes));
  dispatch_floating(x.dtype(), name, [&](auto zero) {
    using T = decltype(zero);
    const T* u = samples.data<T>();
    for (int64_t p = 0; p < planes; ++p) {
      auto& own = w.planes[static_cast<size_t>(p)];
      own = {std::vector<Stretch>(1), std::vector<Stretch>(1), std::vector<Stretch>(1)};
      for (int d = 0; d < rank; ++d) {
        const int sample = rank == 2 ? 1 - d : d;  // of two dimensions the last comes first
        const auto axis = static_cast<size_t>(3 - rank + d);
        const T value = u[p * rank + sample];
        check(value >= 0 && value <= 1, name, ": a sample is ", value, ", outside [0, 1]");
        own[axis] =
            torch_intervals<T>(input[axis], output[static_cast<size_t>(d)], kernel[static_cast<size_t>(d)], value);
      }
    }
  });
  return w;
}

Extreme fractional_max_pool(const Tensor& x, const FractionalWindows& w) {
  const Rows rows = rows_of(x, w);
  const auto input = plane_sizes(x, w.rank);
  Tensor index(Shape{rows.planes, rows.cells}, Dtype::i64);
  dispatch_floating(x.dtype(), "fractional_max_pool", [&](auto zero) {
    using T = decltype(zero);
    const T* from = rows.x.data<T>();
    int64_t* to = index.fill<int64_t>();
    const int64_t length = input[0] * input[1] * input[2];
    parallel_range(rows.planes, 8 * length, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const T* plane = from + p * length;
        int64_t* out = to + p * rows.cells;
        each_cell(w, input, static_cast<size_t>(p),
                  [&](const Stretch& d, const Stretch& h, const Stretch& c, int64_t first) {
                    int64_t best = first;
                    for (int64_t i = 0; i < d.size; ++i)
                      for (int64_t j = 0; j < h.size; ++j)
                        for (int64_t k = 0; k < c.size; ++k) {
                          const int64_t at = first + (i * input[1] + j) * input[2] + k;
                          if (plane[at] > plane[best] || plane[at] != plane[at]) best = at;
                        }
                    *out++ = best;
                  });
      }
    });
  });
  if (Decisions* watch = Decisions::current()) index = watch->choose("fractional_max_pool", index);
  return {reshape(gather(rows.x, 1, index), rows.output), index.viewed(rows.output)};
}

Tensor fractional_avg_pool(const Tensor& x, const FractionalWindows& w) {
  const Rows rows = rows_of(x, w);
  const auto input = plane_sizes(x, w.rank);
  // Each cell sees up to `most` positions; those that it lacks repeat its first one and weigh nothing.
  int64_t most = 1;
  for (const auto& own : w.planes) {
    int64_t taps = 1;
    for (const auto& axis : own) {
      int64_t widest = 1;
      for (const Stretch& i : axis) widest = std::max(widest, i.size);
      taps *= widest;
    }
    most = std::max(most, taps);
  }
  std::vector<int64_t> positions;
  std::vector<double> weights;
  positions.reserve(static_cast<size_t>(rows.planes * rows.cells * most));
  for (int64_t p = 0; p < rows.planes; ++p)
    each_cell(w, input, static_cast<size_t>(p),
              [&](const Stretch& d, const Stretch& h, const Stretch& c, int64_t first) {
                const double share = 1 / static_cast<double>(d.size * h.size * c.size);
                const size_t end = positions.size() + static_cast<size_t>(most);
                for (int64_t i = 0; i < d.size; ++i)
                  for (int64_t j = 0; j < h.size; ++j)
                    for (int64_t k = 0; k < c.size; ++k) {
                      positions.push_back(first + (i * input[1] + j) * input[2] + k);
                      weights.push_back(share);
                    }
                positions.resize(end, first);
                weights.resize(end, 0);
              });
  const Tensor index(Shape{rows.planes, rows.cells * most}, positions);
  const Tensor share = Tensor(Shape{rows.planes, rows.cells, most}, weights).to(x.dtype());
  const Tensor seen = reshape(gather(rows.x, 1, index), share.shape());
  return reshape(sum(seen * share, {-1}), rows.output);
}

}  // namespace tarn
