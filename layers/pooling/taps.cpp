// Windows as tensors, and the reductions over their taps that definitions of poolings are made of.
#include "layers/pooling/taps.h"

#include <algorithm>
#include <limits>

namespace tarn {

namespace {

constexpr double no_bound = std::numeric_limits<double>::infinity();

/// Of all windows of a plane together. Values, for each plane of a batch, take as many numbers.
constexpr int64_t most_taps = int64_t{1} << 25;

/// 1 for each tap inside, 0 for each outside: the windows of a plane of ones.
Tensor inside_of(const Windows& w, Dtype dtype) {
  std::vector<int64_t> sizes{1};
  for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].input);
  const Tensor all = windows(Tensor::ones(Shape(sizes), dtype), w);
  return all.viewed({w.output_cells(), w.taps()});
}

}  // namespace

Taps taps_of(const Tensor& x, const Windows& w, double fill) {
  check(w.taps() <= most_taps / std::max<int64_t>(w.output_cells(), 1), w.output_cells(), " windows of ", w.taps(),
        " cells each are too many to be written out; at most ", most_taps, " cells in all are");
  Taps t{windows(x, w, fill), inside_of(w, x.dtype()), {}, w};
  t.count = sum(t.inside, {-1}, true);
  return t;
}

Tensor as_output(const Tensor& reduced, const Taps& taps) {
  const Windows& w = taps.windows;
  std::vector<int64_t> sizes(taps.values.shape().begin(), taps.values.shape().end() - 2);
  for (int i = 3 - w.rank; i < 3; ++i) sizes.push_back(w.axes[static_cast<size_t>(i)].output);
  return reshape(reduced, Shape(sizes));
}

Tensor sum_taps(const Tensor& x) {
  return sum(x, {-1}, true);
}

Tensor masked_taps(const Tensor& x, const Taps& taps, double value) {
  return where(taps.inside, x, Tensor::full({}, value, x.dtype()));
}

Tensor mean_taps(const Tensor& x, const Taps& taps) {
  return sum_taps(masked_taps(x, taps, 0)) / taps.count;
}

Tensor max_taps(const Tensor& x, const Taps& taps) {
  return max(masked_taps(x, taps, -no_bound), -1, true).values;
}

Tensor min_taps(const Tensor& x, const Taps& taps) {
  return min(masked_taps(x, taps, no_bound), -1, true).values;
}

Tensor softmax_taps(const Tensor& scores, const Taps& taps) {
  return masked_taps(softmax(masked_taps(scores, taps, -no_bound), -1), taps, 0);
}

Tensor window_means(const Tensor& x, Windows w) {
  w.count_include_pad = false;
  w.divisor_override.reset();
  return avg_pool(x, w);
}

void check_whole_windows(const char* op, const Windows& w) {
  for (const Axis& a : w.axes)
    for (int64_t o = 0; o < a.output; ++o)
      check(a.span(o).taps == a.kernel, op, ": window ", o, " has ", a.span(o).taps, " of ", a.kernel,
            " taps inside the input of ", a.input, "; windows may not reach over the edge");
}

Tensor per_channel(const Tensor& values, const Windows& w) {
  std::vector<int64_t> sizes(static_cast<size_t>(w.rank) + 1, 1);
  sizes[0] = -1;
  return reshape(values, sizes);
}

}  // namespace tarn
