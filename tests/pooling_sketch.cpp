// Sketched poolings against their computed examples and against circular convolutions written out.
#include <cmath>
#include <map>

#include "core/ops/sketch.h"
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_sketch {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::layer_of;
using test::run_layer;
using test::tensor;

using Row = std::vector<double>;

Tensor whole(const std::vector<int64_t>& values) {
  return {Shape{static_cast<int64_t>(values.size())}, values};
}

/// h1 = (0, 2), h2 = (1, 3), s1 = (1, -1), s2 = (1, 1) in 4 elements, which the spec's examples take.
TensorSketch small_sketch() {
  return {{{whole({0, 2}), tensor({2}, {1, -1})}, {whole({1, 3}), tensor({2}, {1, 1})}}, 4};
}

Row counted(const Row& x, const Tensor& places, const Tensor& signs, int64_t size) {
  Row y(static_cast<size_t>(size));
  for (size_t c = 0; c < x.size(); ++c)
    y[static_cast<size_t>(places.at(static_cast<int64_t>(c)))] += signs.at(static_cast<int64_t>(c)) * x[c];
  return y;
}

Row circular(const Row& a, const Row& b) {
  Row y(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j) y[(i + j) % y.size()] += a[i] * b[j];
  return y;
}

std::map<std::string, Tensor> named_buffers(Module& layer) {
  std::map<std::string, Tensor> all;
  for (const NamedTensor& b : buffers(layer)) all.emplace(b.name, *b.tensor);
  return all;
}

/// Channels of x [N, C, H, W] at a position of sample n.
Row vector_at(const Tensor& x, int64_t n, int64_t position) {
  const Tensor flat = flatten(x, 2);
  Row v;
  for (int64_t c = 0; c < x.size(1); ++c) v.push_back(flat.at((n * x.size(1) + c) * flat.size(2) + position));
  return v;
}

TEST_CASE("compact bilinear pooling has the values and derivatives of its worked example") {
  check_example(
      [](const Tensors& t) {
        return compact_bilinear_pool2d(t[0], t[0], small_sketch(), {.root = false, .unit = false});
      },
      {tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2})}, {0, -6, 0, 0}, {{4, 8, 12, 0, -16, -8}},
      tensor({1, 4}, {1, 2, 3, 4}));
}

TEST_CASE("compact bilinear pooling adds up circular convolutions of sketches drawn from the seed") {
  const Tensor a = normal({2, 5, 3, 4}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor b = normal({2, 3, 3, 4}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  for (const int64_t d : {1, 6, 64}) {
    const auto layer = layer_of(text(R"({"type": "CompactBilinearPool2d", "signed_sqrt": false, "normalize": false,)",
                                     R"( "reduction": "mean", "d": )", d, "}"),
                                {a.shape(), b.shape()});
    const auto drawn = named_buffers(*layer);
    REQUIRE(drawn.size() == 4);
    REQUIRE(drawn.at("h2").shape() == Shape{3});
    Row want;
    for (int64_t n = 0; n < 2; ++n) {
      Row total(static_cast<size_t>(d));
      for (int64_t i = 0; i < 12; ++i) {
        const Row one = circular(counted(vector_at(a, n, i), drawn.at("h1"), drawn.at("s1"), d),
                                 counted(vector_at(b, n, i), drawn.at("h2"), drawn.at("s2"), d));
        for (size_t j = 0; j < one.size(); ++j) total[j] += one[j] / 12;
      }
      want.insert(want.end(), total.begin(), total.end());
    }
    check_values(test::run_layer(*layer, {a, b})[0], want);
  }
}

TEST_CASE("random Maclaurin features are products of signed sums") {
  const Tensor x = normal({2, 4, 2, 3}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto layer = layer_of(
      R"({"type": "CompactBilinearPool2d", "method": "random_maclaurin", "d": 9, "signed_sqrt": false,
          "normalize": false})",
      {x.shape()});
  const auto drawn = named_buffers(*layer);
  REQUIRE(drawn.size() == 2);
  Row want;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t j = 0; j < 9; ++j) {
      double total = 0;
      for (int64_t i = 0; i < 6; ++i) {
        double left = 0;
        double right = 0;
        for (int64_t c = 0; c < 4; ++c) {
          const double v = vector_at(x, n, i)[static_cast<size_t>(c)];
          REQUIRE(std::abs(drawn.at("W1").at(j * 4 + c)) == 1);
          left += drawn.at("W1").at(j * 4 + c) * v;
          right += drawn.at("W2").at(j * 4 + c) * v;
        }
        total += left * right / 3;
      }
      want.push_back(total);
    }
  check_values(test::run_layer(*layer, {x})[0], want);
}

TEST_CASE("products of sketches are, on the average, the squared products of what is sketched") {
  const Tensor x = tensor({1, 3, 1, 1}, {1, 2, -1});
  const Tensor y = tensor({1, 3, 1, 1}, {2, 0.5, 1});
  for (const std::string method : {"tensor_sketch", "random_maclaurin"}) {
    double total = 0;
    for (uint64_t seed = 0; seed < 4000; ++seed) {
      Build build{.inputs = {x.shape()}, .seed = seed, .dtype = Dtype::f64};
      const auto layer = make_layer(
          parse_json(text(R"({"type": "CompactBilinearPool2d", "d": 16, "signed_sqrt": false, "normalize": false, )",
                          R"("method": ")", method, R"("})"),
                     "l.json"),
          build);
      total += sum(test::run_layer(*layer, {x})[0] * test::run_layer(*layer, {y})[0]).item() / 4000;
    }
    CHECK(total == doctest::Approx(4).epsilon(0.1));  // (2 + 1 - 1)²
  }
}

TEST_CASE("compact bilinear pooling ends like bilinear pooling, and takes every kind of batch") {
  const Tensor x = normal({2, 3, 4, 2}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor plain =
      run_layer(R"({"type": "CompactBilinearPool2d", "d": 5, "signed_sqrt": false, "normalize": false})", {x});
  const Tensor y = run_layer(R"({"type": "CompactBilinearPool2d", "d": 5})", {x});
  check_same(y, normalize(signed_sqrt(plain), 2, 1));
  for (const std::string method : {"tensor_sketch", "random_maclaurin"}) {
    const std::string config = text(R"({"type": "CompactBilinearPool2d", "d": 5, "method": ")", method, R"("})");
    const Tensor z = run_layer(config, {x});
    check_same(run_layer(config, {select(x, 0, 1)}), select(z, 0, 1));
    check_same(run_layer(config, {x.to(Dtype::f32)}), z.to(Dtype::f32), 1e-4);
    CHECK(run_layer(config, {Tensor::ones({0, 3, 2, 2})}).shape() == Shape{0, 5});
    CHECK(run_layer(config, {Tensor::ones({0, 3, 2, 2}), Tensor::ones({0, 2, 2, 2})}).shape() == Shape{0, 5});
  }
  CHECK(run_layer("CompactBilinearPool2d", {x}).shape() == Shape{2, 8192});
}

TEST_CASE("compact bilinear pooling says what does not fit") {
  const Tensor x = Tensor::ones({2, 3, 4, 2}, Dtype::f64);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "CompactBilinearPool2d", "d": 0})", {x}), doctest::Contains("/d: 0"),
                       Error);
  CHECK_THROWS_WITH_AS(run_layer("CompactBilinearPool2d", {x, Tensor::ones({2, 3, 2, 4}, Dtype::f64)}),
                       doctest::Contains("may differ in their channels only"), Error);
  CHECK_THROWS_WITH_AS(compact_bilinear_pool2d(x, x, small_sketch()), doctest::Contains("3 channels"), Error);
  TensorSketch beyond = small_sketch();
  beyond.factors[0].places = whole({0, 4});
  CHECK_THROWS_AS(kernel_pool2d(slice(x, 1, 0, 2), tensor({3}, {1, 1, 1}), std::vector<TensorSketch>{beyond}), Error);
  CHECK_THROWS_WITH_AS(random_maclaurin_pool2d(x, x, tensor({1, 3}, {1, 1, 1}), tensor({1, 2}, {1, 1})),
                       doctest::Contains("3 channels"), Error);
  CHECK_THROWS_AS(run_layer("CompactBilinearPool2d", {Tensor::ones({2, 0, 4, 2}, Dtype::f64)}), Error);
}

TEST_CASE("kernel pooling has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return kernel_pool2d(t[0], t[1], std::vector<TensorSketch>{small_sketch()}); },
                {tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2}), tensor({3}, {1, 0.8, 0.5})}, {1, 1.6, 1.6, 0, -1, 0, 0},
                {{0.93333333, 1.6, 2.2666667, 0.26666667, -2.4, -1.0666667}, {1, 4, -4}},
                tensor({1, 7}, {1, 1, 1, 1, 2, 3, 4}));
}

TEST_CASE("kernel pooling means circular convolutions of as many sketches as a degree") {
  const Tensor x = normal({2, 3, 2, 2}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const std::string config = R"({"type": "KernelPool2d", "dims": [6, 5, 7], "gamma": 0.25, "normalize_input": false})";
  const auto layer = layer_of(config, {x.shape()});
  const auto drawn = named_buffers(*layer);
  REQUIRE(drawn.size() == 2 * (2 + 3 + 4));
  const std::vector<int64_t> sizes{1, 3, 6, 5, 7};
  Row want;
  for (int64_t n = 0; n < 2; ++n) {
    double square = std::exp(-0.5);
    for (int64_t q = 0; q < 5; ++q) {
      if (q > 0) square *= 0.5 / static_cast<double>(q);
      const int64_t d = sizes[static_cast<size_t>(q)];
      Row total(static_cast<size_t>(d));
      for (int64_t i = 0; i < 4; ++i) {
        Row one = q == 0 ? Row{1} : vector_at(x, n, i);
        for (int64_t k = 1; q > 1 && k <= q; ++k) {
          const Row next = counted(vector_at(x, n, i), drawn.at(text("degree", q, ".h", k)),
                                   drawn.at(text("degree", q, ".s", k)), d);
          one = k == 1 ? next : circular(one, next);
        }
        for (size_t j = 0; j < one.size(); ++j) total[j] += std::sqrt(square) * one[j] / 4;
      }
      want.insert(want.end(), total.begin(), total.end());
    }
  }
  const Tensor y = test::run_layer(*layer, {x})[0];
  check_values(y, want);
  check_same(run_layer(config, {select(x, 0, 1)}), select(y, 0, 1));
  check_same(run_layer(R"({"type": "KernelPool2d", "dims": [6, 5, 7]})", {x}),
             run_layer(R"({"type": "KernelPool2d", "dims": [6, 5, 7], "normalize_input": false})", {normalize(x)}));
  CHECK(run_layer(config, {Tensor::ones({0, 3, 2, 2})}).shape() == Shape{0, 22});
  CHECK(run_layer(R"({"type": "KernelPool2d", "dims": []})", {x}).shape() == Shape{2, 4});
  CHECK(run_layer("KernelPool2d", {Tensor::ones({2, 8, 2, 2})}).shape() == Shape{2, 9 + 3 * 4096});
}

TEST_CASE("kernel pooling says what does not fit") {
  const Tensor x = Tensor::ones({1, 2, 2, 2}, Dtype::f64);
  CHECK_THROWS_WITH_AS(kernel_pool2d(x, tensor({2}, {1, 1}), std::vector<TensorSketch>{small_sketch()}),
                       doctest::Contains("one for each of degree 0 to 2"), Error);
  const std::vector<TensorSketch> twice{small_sketch(), small_sketch()};
  CHECK_THROWS_WITH_AS(kernel_pool2d(x, tensor({4}, {1, 1, 1, 1}), twice), doctest::Contains("degree 3 has 2 factors"),
                       Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "KernelPool2d", "dims": [4, 0]})", {x}), doctest::Contains("dims"), Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "KernelPool2d", "dims": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]})", {x}),
                       doctest::Contains("up to 14"), Error);
}

TEST_CASE("circular sums and products are those of rows written out") {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Tensor a = normal({3, 77}, Stream{1, 2, 3}, 0, 1, dtype);
    const Tensor g = normal({3, 77}, Stream{1, 2, 4}, 0, 1, dtype);
    const Tensor weights = normal({3, 4}, Stream{1, 2, 5}, 0, 1, dtype);
    const Tensor shifts = whole({76, 0, 40, 40});
    const Tensor sums = circular_add(a, weights, shifts);
    const Tensor dots = circular_dot(g, a, shifts);
    Row total(3 * 77);
    for (int64_t m = 0; m < 3; ++m)
      for (int64_t c = 0; c < 4; ++c) {
        double dot = 0;
        for (int64_t j = 0; j < 77; ++j) {
          const int64_t to = m * 77 + (j + shifts.data<int64_t>()[c]) % 77;
          total[static_cast<size_t>(to)] += weights.at(m * 4 + c) * a.at(m * 77 + j);
          dot += g.at(to) * a.at(m * 77 + j);
        }
        CHECK(dots.at(m * 4 + c) == doctest::Approx(dot).epsilon(dtype == Dtype::f32 ? 1e-5 : 1e-12));
      }
    for (size_t i = 0; i < total.size(); ++i)
      CHECK(sums.at(static_cast<int64_t>(i)) ==
            doctest::Approx(total[i]).epsilon(dtype == Dtype::f32 ? 1e-5 : 1e-12).scale(1));
  }
  CHECK(circular_add(Tensor::ones({0, 3}), Tensor::ones({0, 1}), whole({2})).shape() == Shape{0, 3});
  CHECK(circular_dot(Tensor::ones({2, 3}), Tensor::ones({2, 3}), whole({})).shape() == Shape{2, 0});
  CHECK_THROWS_WITH_AS(circular_add(Tensor::ones({1, 3}), Tensor::ones({1, 1}), whole({3})),
                       doctest::Contains("index 3 is outside [0, 2]"), Error);
  CHECK_THROWS_WITH_AS(circular_add(Tensor::ones({1, 3}), Tensor::ones({2, 1}), whole({0})),
                       doctest::Contains("expected [M, d], [M, C]"), Error);
  CHECK_THROWS_WITH_AS(circular_dot(Tensor::ones({1, 3}), Tensor::ones({1, 2}), whole({0})),
                       doctest::Contains("one shape [M, d]"), Error);
}

}  // namespace
}  // namespace tarn::test_pooling_sketch
