// A hundred thousand geometries of max and average pooling against an enumerator of its own, exactly, forward and
// backward; and what a pooling conserves.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/derivatives.h"
#include "core/ops.h"
#include "core/random.h"

namespace tarn::test_pool_exhaustive {
namespace {

/// One axis as the definition says it, counted out cell by cell; nothing of it is taken from core/ops/window.h.
struct Line {
  int64_t input = 1, kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool ceil = false;
  int64_t adaptive = 0;  // output size of an adaptive axis; 0: sliding

  int64_t output() const {
    if (adaptive) return adaptive;
    // The windows that start where they may: counted, not computed.
    const int64_t reach = dilation * (kernel - 1) + 1;
    int64_t windows = 0;
    for (int64_t start = -padding;; start += stride) {
      const bool fits = start + reach <= input + padding;
      const bool begins_inside = start < input && start + reach < input + padding + stride;
      if (!(fits || (ceil && begins_inside))) return windows;
      ++windows;
    }
  }
  /// Positions inside the input that window o sees.
  std::vector<int64_t> cells(int64_t o) const {
    std::vector<int64_t> seen;
    if (adaptive) {
      for (int64_t i = 0; i < input; ++i)  // o · I / O <= i + 1 - ε and i < (o + 1) · I / O
        if ((i + 1) * adaptive > o * input && i * adaptive < (o + 1) * input) seen.push_back(i);
      return seen;
    }
    for (int64_t j = 0; j < kernel; ++j) {
      const int64_t at = o * stride - padding + j * dilation;
      if (at >= 0 && at < input) seen.push_back(at);
    }
    return seen;
  }
  /// How many taps of window o lie inside the padded input.
  int64_t padded(int64_t o) const {
    if (adaptive) return static_cast<int64_t>(cells(o).size());
    int64_t count = 0;
    for (int64_t j = 0; j < kernel; ++j) count += o * stride - padding + j < input + padding;
    return count;
  }
};

using Lines = std::vector<Line>;

struct Plane {
  std::vector<double> max, sum, padded, max_gradient, sum_gradient;
  std::vector<int64_t> index;
};

/// All windows of a plane of these values, and where a cotangent of 1, 2, 3, … goes.
Plane enumerate(const Lines& lines, const std::vector<double>& x) {
  Plane p;
  p.max_gradient.resize(x.size());
  p.sum_gradient.resize(x.size());
  std::array<Line, 3> all;
  std::copy(lines.begin(), lines.end(), all.end() - static_cast<std::ptrdiff_t>(lines.size()));
  double g = 0;
  for (int64_t a = 0; a < all[0].output(); ++a)
    for (int64_t b = 0; b < all[1].output(); ++b)
      for (int64_t c = 0; c < all[2].output(); ++c) {
        g += 1;
        double sum = 0;
        int64_t best = -1;
        for (const int64_t d : all[0].cells(a))
          for (const int64_t h : all[1].cells(b))
            for (const int64_t w : all[2].cells(c)) {
              const int64_t at = (d * all[1].input + h) * all[2].input + w;
              sum += x[static_cast<size_t>(at)];
              p.sum_gradient[static_cast<size_t>(at)] += g;
              if (best < 0 || x[static_cast<size_t>(at)] > x[static_cast<size_t>(best)]) best = at;
            }
        p.max.push_back(x[static_cast<size_t>(best)]);
        p.index.push_back(best);
        p.max_gradient[static_cast<size_t>(best)] += g;
        p.sum.push_back(sum);
        p.padded.push_back(static_cast<double>(all[0].padded(a) * all[1].padded(b) * all[2].padded(c)));
      }
  return p;
}

Windows windows_of(const Lines& lines, const Shape& shape, bool sums) {
  const int rank = static_cast<int>(lines.size());
  if (lines[0].adaptive) {
    std::vector<std::optional<int64_t>> sizes;
    for (const Line& line : lines) sizes.push_back(line.adaptive);
    return adaptive_windows("test", shape, rank, sizes);
  }
  SlidingOptions o;
  for (const Line& line : lines) {
    o.kernel_size.push_back(line.kernel);
    o.stride.push_back(line.stride);
    o.padding.push_back(line.padding);
    o.dilation.push_back(line.dilation);
  }
  o.ceil_mode = lines[0].ceil;
  if (sums) o.divisor_override = 1;  // a sum of whole numbers is exact
  return sliding_windows("test", shape, rank, o);
}

void require_equal(const Tensor& got, const std::vector<double>& want) {
  REQUIRE(got.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < got.numel(); ++i)
    if (got.at(i) != want[static_cast<size_t>(i)]) REQUIRE(got.at(i) == want[static_cast<size_t>(i)]);
}

/// Compares one geometry; returns whether there is one (no empty output, no window in the padding alone).
bool compare(const Lines& lines, uint64_t number) {
  std::vector<int64_t> sizes{1, 1};
  for (const Line& line : lines) {
    sizes.push_back(line.input);
    if (line.output() <= 0) return false;
    for (int64_t o = 0; o < line.output(); ++o)
      if (line.cells(o).empty()) return false;
  }
  const Shape shape{std::span<const int64_t>(sizes)};
  const Stream stream{number, purpose_of("tests/pool_exhaustive"), 0};
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(stream.below(i, 7)) - 3;
  const Plane want = enumerate(lines, values);
  const Dtype dtype = number % 2 ? Dtype::f64 : Dtype::f32;
  const Tensor x = Tensor(shape, values).to(dtype);
  const Windows w = windows_of(lines, shape, false);
  const Extreme largest = max_pool_with_indices(x, w);
  require_equal(largest.values, want.max);
  REQUIRE(largest.indices.to_vector<int64_t>() == want.index);
  const Tensor g = reshape(Tensor::arange(w.output_cells(), dtype) + 1.0, largest.values.shape());
  require_equal(vjp([&](const Tensors& t) { return max_pool(t[0], w); }, {x}, g).gradients[0], want.max_gradient);
  if (lines[0].adaptive || lines[0].dilation == 1) {
    const Windows sums = windows_of(lines, shape, true);
    const Tensor means = avg_pool(x, sums);
    for (int64_t o = 0; o < means.numel(); ++o) {
      const auto at = static_cast<size_t>(o);
      if (lines[0].adaptive) {
        const double mean = dtype == Dtype::f32 ? static_cast<float>(want.sum[at]) / static_cast<float>(want.padded[at])
                                                : want.sum[at] / want.padded[at];
        REQUIRE(means.at(o) == mean);
      } else {
        REQUIRE(means.at(o) == want.sum[at]);
        REQUIRE(static_cast<double>(w.divisor(o)) == want.padded[at]);
      }
    }
    if (!lines[0].adaptive)
      require_equal(vjp([&](const Tensors& t) { return avg_pool(t[0], sums); }, {x}, g).gradients[0],
                    want.sum_gradient);
  }
  return true;
}

TEST_CASE("every sliding geometry of one dimension up to 12 cells, 5 taps and steps of 4 is the enumerator's") {
  int64_t compared = 0;
  for (int64_t input = 1; input <= 12; ++input)
    for (int64_t kernel = 1; kernel <= 5; ++kernel)
      for (int64_t stride = 1; stride <= 4; ++stride)
        for (int64_t padding = 0; padding <= kernel / 2; ++padding)
          for (int64_t dilation = 1; dilation <= 4; ++dilation)
            for (const bool ceil : {false, true})
              compared += compare({{input, kernel, stride, padding, dilation, ceil}}, static_cast<uint64_t>(compared));
  MESSAGE(compared << " geometries");
  CHECK(compared > 2500);
}

TEST_CASE("every adaptive geometry of one dimension up to 40 cells is the enumerator's") {
  for (int64_t input = 1; input <= 40; ++input)
    for (int64_t output = 1; output <= 45; ++output)
      REQUIRE(compare({{.input = input, .adaptive = output}}, static_cast<uint64_t>(input * 64 + output)));
}

TEST_CASE("100,000 geometries of two and three dimensions are the enumerator's") {
  const Stream stream{1, purpose_of("tests/pool_exhaustive/geometry"), 0};
  uint64_t draw = 0;
  const auto pick = [&](int64_t low, int64_t high) { return low + stream.below(draw++, high - low + 1); };
  int64_t compared = 0;
  for (uint64_t trial = 0; compared < 100000; ++trial) {
    const bool adaptive = pick(0, 3) == 0;
    const bool dilated = pick(0, 1) == 0;
    const bool ceil = pick(0, 1) == 0;
    Lines lines(static_cast<size_t>(pick(2, 3)));
    for (Line& line : lines) {
      line.input = pick(1, lines.size() == 2 ? 8 : 5);
      line.ceil = ceil;
      if (adaptive) {
        line.adaptive = pick(1, 6);
        continue;
      }
      line.kernel = pick(1, 4);
      line.stride = pick(1, 3);
      line.padding = pick(0, line.kernel / 2);
      line.dilation = dilated ? pick(1, 3) : 1;
    }
    // The first axis says whether means are compared, too.
    if (dilated && !adaptive) lines[0].dilation = std::max<int64_t>(lines[0].dilation, 2);
    compared += compare(lines, trial);
  }
  CHECK(compared == 100000);
}

TEST_CASE("pooling conserves the cotangent: maxima, means over the cells inside, adaptive and global ones") {
  const Stream stream{2, purpose_of("tests/pool_exhaustive/conserved"), 0};
  const Tensor x = normal({2, 3, 9, 10}, stream, 0, 1, Dtype::f64);
  const Windows sliding = sliding_windows(
      "test", x.shape(), 2,
      {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .ceil_mode = true, .count_include_pad = false});
  const Windows some[] = {sliding, adaptive_windows("test", x.shape(), 2, {4, 7}),
                          adaptive_windows("test", x.shape(), 2, {1, 1}),
                          adaptive_windows("test", x.shape(), 2, {12, 13})};
  for (const Windows& w : some)
    for (Tensor (*pool)(const Tensor&, const Windows&) : {max_pool, avg_pool}) {
      const Tensor g = normal(w.output_shape(x.shape()), stream.child(1), 1, 2, Dtype::f64);
      const Tensor dx = vjp([&](const Tensors& t) { return pool(t[0], w); }, {x}, g).gradients[0];
      CHECK(sum(dx).item() == doctest::Approx(sum(g).item()).epsilon(1e-12));
    }
}

}  // namespace
}  // namespace tarn::test_pool_exhaustive
