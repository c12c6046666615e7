// Pooling against a brute-force enumerator, exactly, over random geometries; and its corner cases.
#include "core/kernels/pool.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/tape.h"
#include "tests/support/pools.h"

namespace tarn::test_pool {

using namespace test;

namespace {

struct Expected {
  std::vector<double> y, dx;
  std::vector<int64_t> indices;
};

// The first of the largest; NaN beats everything, the last NaN the others.
Expected brute_max(const Tensor& x, const Tensor& g, const Windows& w) {
  Expected e;
  e.dx.resize(static_cast<size_t>(x.numel()));
  const int64_t planes = x.numel() / w.input_cells();
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t o = 0; o < w.output_cells(); ++o) {
      int64_t best = -1;
      for (const int64_t c : w.cells(o)) {
        const double v = x.at(p * w.input_cells() + c);
        if (best < 0 || v > x.at(p * w.input_cells() + best) || std::isnan(v)) best = c;
      }
      e.indices.push_back(best);
      e.y.push_back(x.at(p * w.input_cells() + best));
      e.dx[static_cast<size_t>(p * w.input_cells() + best)] += g.at(p * w.output_cells() + o);
    }
  return e;
}

Expected brute_mean(const Tensor& x, const Tensor& g, const Windows& w) {
  Expected e;
  e.dx.resize(static_cast<size_t>(x.numel()));
  const int64_t planes = x.numel() / w.input_cells();
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t o = 0; o < w.output_cells(); ++o) {
      double total = 0;
      for (const int64_t c : w.cells(o)) total += x.at(p * w.input_cells() + c);
      const double divisor = static_cast<double>(w.divisor(o));
      e.y.push_back(x.dtype() == Dtype::f32 ? static_cast<float>(total) / static_cast<float>(divisor)
                                            : total / divisor);
      for (const int64_t c : w.cells(o))
        e.dx[static_cast<size_t>(p * w.input_cells() + c)] += g.at(p * w.output_cells() + o) / divisor;
    }
  return e;
}

// A cotangent that most divisors divide.
Tensor divisible(const Tensor& g) {
  return g * 5040.0;
}

}  // namespace

TEST_CASE(
    "max pooling equals the brute-force enumerator over random geometries, with ties, in value, index, gradient") {
  each_configuration(1, 2500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), dtype);
    Tape tape;
    const Extreme y = max_pool_with_indices(x, w);
    const Expected e = brute_max(x, g, w);
    check_equal(y.values, e.y);
    REQUIRE(y.indices.to_vector<int64_t>() == e.indices);
    check_equal(max_pool(x.detach(), w), e.y);
    check_equal(tape.gradient(y.values, x, {.seed = g}), e.dx);
  });
}

TEST_CASE("max pooling of NaN and infinities takes the last NaN, and in a window of -inf its first cell") {
  each_configuration(2, 1200, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype, true).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), dtype);
    Tape tape;
    const Extreme y = max_pool_with_indices(x, w);
    const Expected e = brute_max(x, g, w);
    check_equal(y.values, e.y);
    REQUIRE(y.indices.to_vector<int64_t>() == e.indices);
    check_equal(max_pool(x.detach(), w), e.y);
    check_equal(tape.gradient(y.values, x, {.seed = g}), e.dx);
  });
}

TEST_CASE("average pooling equals the brute-force enumerator over random geometries, in value and gradient") {
  each_configuration(3, 2500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype).requires_grad();
    const Tensor g = divisible(draws.values(w.output_shape(shape), dtype));
    Tape tape;
    const Tensor y = avg_pool(x, w);
    const Expected e = brute_mean(x, g, w);
    check_equal(y, e.y);
    check_near(tape.gradient(y, x, {.seed = g}), e.dx);
  });
}

TEST_CASE("pooling equals its definition over windows, to the second derivative") {
  each_configuration(4, 150, [](Draws& draws, const Shape& shape, const Windows& w, Dtype) {
    if (shape.numel() == 0) return;
    const Tensor x = (draws.values(shape, Dtype::f64) + uniform(shape, {5, 6, 7}, 0, 0.5, Dtype::f64)).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), Dtype::f64).requires_grad();
    const Tensor v = draws.values(shape, Dtype::f64);
    std::vector<double> divisors;
    for (int64_t o = 0; o < w.output_cells(); ++o) divisors.push_back(static_cast<double>(w.divisor(o)));
    const Tensor d({w.output_cells()}, divisors);
    const auto compare = [&](auto fused, auto definition) {
      Tape tape;
      const Tensor y = fused(x);
      const Tensor z = reshape(definition(x), w.output_shape(shape));
      check_near(y, z.to_vector<double>());
      const Tensor dy = tape.gradient(y, x, {.create_graph = true, .seed = g});
      const Tensor dz = tape.gradient(z, x, {.create_graph = true, .seed = g});
      check_near(dy, dz.to_vector<double>());
      const Tensor second = tape.gradient(dy, g, {.seed = v});
      check_near(second, tape.gradient(dz, g, {.seed = v}).to_vector<double>());
    };
    compare([&](const Tensor& t) { return max_pool(t, w); },
            [&](const Tensor& t) { return max(windows(t, w, -infinity), -1).values; });
    compare([&](const Tensor& t) { return avg_pool(t, w); },
            [&](const Tensor& t) { return sum(windows(t, w), {-1}) / d; });
  });
}

TEST_CASE("a reduction in the generic loop nest gives what the fast rows give") {
  each_configuration(6, 400, [](Draws& draws, const Shape& shape, const Windows& w, Dtype) {
    const Tensor x = draws.values(shape, Dtype::f64).requires_grad();
    const Tensor g = divisible(draws.values(w.output_shape(shape), Dtype::f64));
    Tape tape;
    const Tensor y = avg_pool(x, w);
    const Tensor dx = tape.gradient(y, x, {.seed = g});
    std::vector<double> plain(static_cast<size_t>(y.numel()));
    std::vector<double> spread(static_cast<size_t>(x.numel()));
    for (int64_t p = 0; p < x.numel() / w.input_cells(); ++p) {
      const int64_t in = p * w.input_cells();
      const int64_t out = p * w.output_cells();
      kernels::reduce_plane(w, x.data<double>() + in, plain.data() + out, kernels::Mean<double>{});
      kernels::spread_plane<double>(w, g.data<double>() + out, nullptr, spread.data() + in, kernels::Mean<double>{});
    }
    check_equal(y, plain);
    check_near(dx, spread);
  });
}

TEST_CASE("fold is the transpose of windows") {
  each_configuration(5, 200, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype);
    const Tensor seen = windows(x, w);
    const Tensor g = draws.values(seen.shape(), dtype);
    CHECK(sum(seen * g).item() == sum(x * fold(g, w)).item());
  });
}

TEST_CASE("pooling gives the same bits for one, two and four threads") {
  const Tensor x = normal({8, 16, 57, 53}, {1, 2, 3}).requires_grad();
  const Windows geometries[] = {
      sliding_windows("pool", x.shape(), 2, {.kernel_size = {2}}),
      sliding_windows("pool", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}}),
      sliding_windows("pool", x.shape(), 2, {.kernel_size = {5, 4}, .stride = {1, 2}, .padding = {2, 1}}),
      adaptive_windows("pool", x.shape(), 2, {7}), adaptive_windows("pool", x.shape(), 2, {1})};
  for (const Windows& w : geometries) {
    std::vector<std::vector<float>> seen;
    for (const int n : {1, 2, 4}) {
      set_threads(n);
      Tape tape;
      const Tensor y = max_pool(x, w) * avg_pool(x, w);
      seen.push_back(y.to_vector<float>());
      seen.push_back(tape.gradient(sum(y), x).to_vector<float>());
    }
    CHECK(seen[0] == seen[2]);
    CHECK(seen[0] == seen[4]);
    CHECK(seen[1] == seen[3]);
    CHECK(seen[1] == seen[5]);
  }
  set_threads(processors());
}

TEST_CASE("an empty batch gives an empty result and gradient, an output size of 0 a gradient of zeros") {
  const Tensor none = Tensor::zeros({0, 3, 4, 4}).requires_grad();
  const Windows w = sliding_windows("pool", none.shape(), 2, {.kernel_size = {2}});
  const Tensor x = Tensor::ones({1, 3, 4, 4}).requires_grad();
  const Windows nothing = adaptive_windows("pool", x.shape(), 2, {0, 2});
  Tape tape;
  CHECK(tape.gradient(sum(max_pool(none, w) + avg_pool(none, w)), none).shape() == none.shape());
  const Tensor y = max_pool(x, nothing) + avg_pool(x, nothing);
  CHECK(y.shape() == Shape{1, 3, 0, 2});
  check_equal(tape.gradient(sum(y), x), std::vector<double>(48, 0.0));
}

TEST_CASE("a stride far beyond the input takes no memory") {
  const Tensor x = Tensor::ones({1, 1, 4, 4});
  const SlidingOptions options{.kernel_size = {3}, .stride = {1'000'000'000}, .padding = {1}};
  CHECK(max_pool(x, sliding_windows("pool", x.shape(), 2, options)).shape() == Shape{1, 1, 1, 1});
}

TEST_CASE("pooling refuses whole numbers and planes of another size") {
  const Windows w = sliding_windows("pool", {1, 1, 4, 4}, 2, {.kernel_size = {2}});
  CHECK_THROWS_AS(max_pool(Tensor::zeros({1, 1, 4, 4}, Dtype::i64), w), Error);
  CHECK_THROWS_AS(avg_pool(Tensor::zeros({1, 1, 4, 4}, Dtype::i64), w), Error);
  CHECK_THROWS_AS(max_pool(Tensor::zeros({1, 1, 4, 5}), w), Error);
  CHECK_THROWS_AS(avg_pool(Tensor::zeros({4, 4}), w), Error);
}

}  // namespace tarn::test_pool
