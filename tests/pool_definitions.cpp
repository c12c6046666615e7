// The kernels of the common poolings against their definitions over windows: values, also of ties, NaN and infinities,
// and gradients, over random geometries in both dtypes.
#include <doctest/doctest.h>

#include <cmath>

#include "core/derivatives.h"
#include "core/ops/pool_by_plane.h"
#include "layers/pooling/definitions.h"
#include "layers/pooling/functions.h"
#include "tests/support/pools.h"

namespace tarn::test_pool_definitions {

using namespace test;

namespace {

using Pooling = std::function<Tensor(const Tensors&)>;

// Equal up to rounding, relative to the largest finite value or to `scale`, that of the terms whose sum may cancel out;
// NaN and infinities must stand where they should.
void check_alike(const Tensor& got, const Tensor& want, double scale) {
  REQUIRE(got.shape() == want.shape());
  double largest = scale;
  for (int64_t i = 0; i < want.numel(); ++i)
    if (std::isfinite(want.at(i))) largest = std::max(largest, std::abs(want.at(i)));
  const double allowed = largest * (got.dtype() == Dtype::f32 ? 1e-6 : 1e-14);
  int64_t wrong = -1;
  for (int64_t i = 0; i < got.numel(); ++i) {
    const double a = got.at(i);
    const double b = want.at(i);
    const bool alike = std::isnan(b) ? std::isnan(a) : std::isinf(b) ? a == b : std::abs(a - b) <= allowed;
    if (!alike) wrong = i;
  }
  REQUIRE_MESSAGE(wrong < 0, "element ", wrong, " is ", got.at(std::max<int64_t>(wrong, 0)), ", expected ",
                  want.at(std::max<int64_t>(wrong, 0)));
}

void compare(const Pooling& kernel, const Pooling& definition, const Tensors& inputs, bool gradients) {
  double scale = 1;
  for (int64_t i = 0; i < inputs[0].numel(); ++i)
    if (std::isfinite(inputs[0].at(i))) scale = std::max(scale, std::abs(inputs[0].at(i)));
  if (!gradients) return check_alike(kernel(inputs), definition(inputs), scale);
  const Tensor y = definition(inputs);
  const Tensor g = uniform(y.shape(), Stream{3}, -1, 1, y.dtype());
  const Valued got = vjp(kernel, inputs, g);
  const Valued want = vjp(definition, inputs, g);
  check_alike(got.value, want.value, scale);
  for (size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    check_alike(got.gradients[i], want.gradients[i], scale);
  }
}

// `make(draws, w, x's shape)` gives the other inputs. Values are whole numbers with many ties; every third time with
// NaN and infinities, where values alone are compared.
template <class Kernel, class Definition, class Others>
void compare_over_geometries(uint64_t seed, Kernel kernel, Definition definition, Others others, bool wild = true,
                             bool positive = false) {
  int compared = 0;
  each_configuration(seed, 1500, [&](Draws& draws, const Shape& shape, Windows w, Dtype dtype) {
    w.count_include_pad = false;
    w.divisor_override.reset();
    const bool odd = wild && draws.pick(0, 2) == 0;
    Tensor x = draws.values(shape, dtype, odd);
    if (positive) x = abs(x) + 0.25;
    Tensors inputs{x};
    for (Tensor& t : others(draws, shape, w, dtype)) inputs.push_back(std::move(t));
    compare([&](const Tensors& t) { return kernel(t, w); }, [&](const Tensors& t) { return definition(t, w); }, inputs,
            !odd && shape.numel() > 0);
    ++compared;
  });
  CHECK(compared > 400);
}

const auto nothing_else = [](Draws&, const Shape&, const Windows&, Dtype) { return Tensors{}; };
const auto a_second_input = [](Draws& draws, const Shape& shape, const Windows&, Dtype dtype) {
  return Tensors{draws.values(shape, dtype) * 0.5};
};

}  // namespace

TEST_CASE("max pooling is the maximum of what its windows see") {
  compare_over_geometries(
      1, [](const Tensors& t, const Windows& w) { return max_pool(t[0], w); },
      [](const Tensors& t, const Windows& w) { return definition::max_pool(t[0], w); }, nothing_else);
}

// Spans of one dimension as a list may give them: anywhere, in any order, all as long as each other or not.
static std::vector<Span> any_spans(Draws& draws, int64_t size) {
  std::vector<Span> spans;
  const int64_t most = draws.pick(1, size);
  const bool even = draws.pick(0, 1) == 1;
  for (int64_t o = draws.pick(1, 9); o > 0; --o) {
    const int64_t taps = even ? most : draws.pick(1, most);
    spans.push_back({.first = draws.pick(0, size - taps), .taps = taps, .extent = taps});
  }
  return spans;
}

TEST_CASE(
    "maxima of listed windows, of all planes alike or of each plane's own, are the first largest of their cells") {
  Draws draws(12);
  for (int trial = 0; trial < 600; ++trial) {
    const int rank = static_cast<int>(draws.pick(1, 3));
    Shape shape = draws.shape(rank);
    const bool wild = draws.pick(0, 2) == 0;
    const Tensor x = draws.values(shape, trial % 2 == 0 ? Dtype::f32 : Dtype::f64, wild);
    std::vector<std::vector<Span>> spans;
    for (int d = rank; d > 0; --d) spans.push_back(any_spans(draws, shape[shape.rank() - d]));
    const Windows w = listed_windows("pool", shape, spans);
    CAPTURE(shape.text());
    const Extreme alike = max_pool_with_indices(x, w);
    const Extreme own = max_pool_by_plane_with_indices(x, {w, {w}});
    const Tensor want = definition::max_pool(x, w);
    check_alike(alike.values, want, 1);
    check_alike(own.values, want, 1);
    for (int64_t i = 0; i < want.numel(); ++i) {
      const int64_t plane = i / w.output_cells();
      int64_t winner = -1;
      for (const int64_t cell : w.cells(i % w.output_cells())) {
        const double v = x.at(plane * w.input_cells() + cell);
        if (winner < 0 || v > x.at(plane * w.input_cells() + winner) || std::isnan(v)) winner = cell;
      }
      REQUIRE(static_cast<int64_t>(alike.indices.at(i)) == winner);
      REQUIRE(static_cast<int64_t>(own.indices.at(i)) == winner);
    }
  }
}

TEST_CASE("average pooling is the mean of what its windows see") {
  compare_over_geometries(
      2, [](const Tensors& t, const Windows& w) { return avg_pool(t[0], w); },
      [](const Tensors& t, const Windows& w) { return definition::avg_pool(t[0], w); }, nothing_else);
}

TEST_CASE("Lp pooling is the norm of what its windows see") {
  for (const double p : {1.0, 2.0, 3.0, 4.5}) {
    CAPTURE(p);
    compare_over_geometries(
        3, [p](const Tensors& t, const Windows& w) { return lp_pool(t[0], w, p); },
        [p](const Tensors& t, const Windows& w) { return definition::lp_pool(t[0], w, p); }, nothing_else, false, true);
  }
}

TEST_CASE("softmax-weighted means are those of what their windows see") {
  compare_over_geometries(
      4, [](const Tensors& t, const Windows& w) { return window_softmax_mean(t[0], w); },
      [](const Tensors& t, const Windows& w) { return definition::window_softmax_mean(t[0], t[0], w); }, nothing_else);
  compare_over_geometries(
      5, [](const Tensors& t, const Windows& w) { return window_softmax_mean(t[0], t[1], w); },
      [](const Tensors& t, const Windows& w) { return definition::window_softmax_mean(t[0], t[1], w); },
      a_second_input);
}

TEST_CASE("logarithms of sums and means of exponentials are those of what their windows see") {
  for (const bool mean : {false, true})
    compare_over_geometries(
        6, [mean](const Tensors& t, const Windows& w) { return window_log_sum_exp(t[0], w, mean); },
        [mean](const Tensors& t, const Windows& w) { return definition::window_log_sum_exp(t[0], w, mean); },
        nothing_else);
}

TEST_CASE("what is drawn from windows is what cumulated weights say") {
  for (const DrawBy by : {DrawBy::share, DrawBy::softmax}) {
    const auto sampled = [by](auto pool) {
      return [by, pool](const Tensors& t, const Windows& w) {
        return pool(t[0], w, uniform(w.output_shape(t[0].shape()), Stream{5}, 0, 1, t[0].dtype()), by);
      };
    };
    compare_over_geometries(7, sampled([](const auto&... a) { return draw_pool(a...); }),
                            sampled([](const auto&... a) { return definition::draw_pool(a...); }), nothing_else, false,
                            true);
  }
  compare_over_geometries(
      8, [](const Tensors& t, const Windows& w) { return expected_stochastic_pool(t[0], w); },
      [](const Tensors& t, const Windows& w) { return definition::expected_draw(t[0], w); }, nothing_else, false, true);
}

TEST_CASE("a window without weight gives 0, and its cotangent to one of its cells") {
  each_configuration(9, 400, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = neg(abs(draws.values(shape, dtype)));
    const Tensor u = uniform(w.output_shape(shape), Stream{5}, 0, 1, dtype);
    const Valued got =
        vjp([&](const Tensors& t) { return draw_pool(t[0], w, u); }, {x}, Tensor::ones(u.shape(), dtype));
    for (int64_t i = 0; i < got.value.numel(); ++i) REQUIRE(got.value.at(i) == 0);
    REQUIRE(sum(got.gradients[0]).item() == static_cast<double>(u.numel()));
  });
}

TEST_CASE("mixtures are those of what their windows see") {
  const auto lambdas = [](Draws&, const Shape& shape, const Windows& w, Dtype dtype) {
    return Tensors{uniform(w.output_shape(shape), Stream{6}, 0, 1, dtype)};
  };
  compare_over_geometries(
      10, [](const Tensors& t, const Windows& w) { return mixed_pool(t[0], w, t[1]); },
      [](const Tensors& t, const Windows& w) { return definition::mixed_pool(t[0], w, t[1]); }, lambdas, false);
}

TEST_CASE("unpooling spreads what pooling has gathered") {
  int compared = 0;
  each_configuration(11, 1500, [&](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor pooled = draws.values(w.output_shape(shape), dtype);
    if (shape.numel() == 0) return;
    compare([&](const Tensors& t) { return avg_unpool(t[0], w); },
            [&](const Tensors& t) { return definition::avg_unpool(t[0], w); }, {pooled}, true);
    // Windows side by side of whole planes of different values: no index occurs twice.
    const Tensor x = reshape(uniform({shape.numel()}, Stream{8}, 0, 1, dtype), shape);
    const Extreme chosen = max_pool_with_indices(x, w);
    if (w.taps() * w.output_cells() > w.input_cells()) return;
    ++compared;
    compare([&](const Tensors& t) { return max_unpool(t[0], chosen.indices, w, Duplicates::sum); },
            [&](const Tensors& t) { return definition::max_unpool(t[0], chosen.indices, w); }, {chosen.values}, true);
  });
  CHECK(compared > 50);
}

}  // namespace tarn::test_pool_definitions
