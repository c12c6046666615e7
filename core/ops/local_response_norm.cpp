// Local response normalisation: each value divided by a power of what its neighbouring channels hold.
#include <algorithm>

#include "core/ops.h"
#include "core/registry.h"

namespace tarn {
namespace {

// For each channel the `size` channels around it, clipped; of planes [C, inner].
Windows neighbours(int64_t channels, int64_t inner, int64_t size) {
  std::vector<Span> spans;
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t first = std::max<int64_t>(c - size / 2, 0);
    const int64_t last = std::min(c + (size - 1) / 2, channels - 1);
    spans.push_back({.first = first, .taps = last - first + 1});
  }
  Windows w;
  w.rank = 2;
  w.axes[1] = listed_axis(channels, std::move(spans));
  w.axes[2].input = inner;
  w.axes[2].output = inner;
  w.divisor_override = size;
  return w;
}

}  // namespace

Tensor local_response_norm(const Tensor& x, int64_t size, double alpha, double beta, double k) {
  check(x.rank() >= 3, "local_response_norm: input ", x.shape(), " has ", x.rank(),
        " dimensions; expected [N,C,L] or more");
  check(size > 0, "local_response_norm: size is ", size, "; it must be positive");
  if (x.numel() == 0) return x;
  const Shape& s = x.shape();
  const Shape planes{s[0], 1, s[1], s.product(2, s.rank())};
  const Tensor means = avg_pool(reshape(square(x), planes), neighbours(planes[2], planes[3], size));
  return x / pow(reshape(means, s) * alpha + k, beta);
}

const auto& local_response_norm_op =
    add_op("local_response_norm", "divided by a power of the mean square of the neighbouring channels",
           [](const Tensors& t) { return local_response_norm(t[0], 3, 0.5); })
        .sample({{2, 4, 3}})
        .sample({{1, 3, 2, 2}}, Domain::any, [](const Tensors& t) { return local_response_norm(t[0], 4, 2, 0.5, 2); });

}  // namespace tarn
