// Tests of the initialisers: their distributions, exact values and errors.
#include "layers/init.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/initializer.h"

namespace tarn::test_init {
namespace {

const Stream stream{7, 1, 0};

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

Moments moments(const Tensor& x) {
  const auto n = static_cast<double>(x.numel());
  Moments m{.low = x.at(0), .high = x.at(0)};
  for (int64_t i = 0; i < x.numel(); ++i) {
    m.mean += x.at(i) / n;
    m.low = std::min(m.low, x.at(i));
    m.high = std::max(m.high, x.at(i));
  }
  for (int64_t i = 0; i < x.numel(); ++i) m.deviation += (x.at(i) - m.mean) * (x.at(i) - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

/// Mean and deviation within five standard errors (normal values; uniform ones scatter less).
void check_moments(const Tensor& x, double mean, double deviation) {
  const Moments m = moments(x);
  const double error = 5 * deviation / std::sqrt(static_cast<double>(x.numel()));
  CHECK(std::abs(m.mean - mean) < error);
  CHECK(std::abs(m.deviation - deviation) < error);
}

TEST_CASE("fans count the taps of a convolution") {
  CHECK(init::fans("t", {6, 5}).in == 5);
  CHECK(init::fans("t", {16, 3, 3, 3}).in == 27);
  CHECK(init::fans("t", {16, 3, 3, 3}).out == 144);
  CHECK_THROWS_WITH_AS(init::fans("kaiming_uniform", {5}), doctest::Contains("at least 2 dimensions"), Error);
}

TEST_CASE("gains are PyTorch's, and an unknown nonlinearity names the nearest") {
  CHECK(init::calculate_gain("relu") == doctest::Approx(std::sqrt(2.0)));
  CHECK(init::calculate_gain("tanh") == doctest::Approx(5.0 / 3));
  CHECK(init::calculate_gain("leaky_relu", 0.2) == doctest::Approx(std::sqrt(2 / 1.04)));
  CHECK(init::calculate_gain("leaky_relu") == doctest::Approx(std::sqrt(2 / 1.0001)));
  CHECK(init::calculate_gain("conv_transpose2d") == 1);
  CHECK_THROWS_WITH_AS(init::calculate_gain("gelu"), doctest::Contains("unknown nonlinearity 'gelu'"), Error);
  CHECK_THROWS_AS(init::kaiming_normal({2, 3}, stream, {.mode = "fan_avg"}), Error);
}

TEST_CASE("drawn values have the mean, deviation and bounds of their initialiser") {
  const Shape shape{400, 50, 5};
  check_moments(init::uniform(shape, stream, -1, 3, Dtype::f64), 1, 4 / std::sqrt(12.0));
  check_moments(init::normal(shape, stream, 0.5, 2, Dtype::f64), 0.5, 2);
  const double bound = std::sqrt(6.0 / (250 + 2000));
  check_moments(init::xavier_uniform(shape, stream, 1, Dtype::f64), 0, bound / std::sqrt(3.0));
  check_moments(init::xavier_normal(shape, stream, 1, Dtype::f64), 0, bound / std::sqrt(3.0));
  const init::Kaiming he{.a = 0, .mode = "fan_out", .nonlinearity = "relu"};
  check_moments(init::kaiming_normal(shape, stream, he), 0, std::sqrt(2.0 / 2000));
  const Tensor uniform = init::kaiming_uniform(shape, stream, he);
  check_moments(uniform, 0, std::sqrt(2.0 / 2000));
  CHECK(moments(uniform).high <= std::sqrt(3.0) * std::sqrt(2.0 / 2000));
}

TEST_CASE("a truncated normal stays inside and keeps its shape") {
  const Tensor x = init::trunc_normal({1000, 100}, stream, 0, 1, -2, 2, Dtype::f64);
  check_moments(x, 0, 0.8796256610342398);
  CHECK(moments(x).low >= -2);
  CHECK(moments(x).high <= 2);
  check_moments(init::trunc_normal({1000, 100}, stream, 1, 2, 0, 2, Dtype::f64), 1, 0.5677645800886548);
  const Tensor tail = init::trunc_normal({1000}, stream, 0, 1, 7, 9, Dtype::f64);
  CHECK(moments(tail).low >= 7);
  CHECK_THROWS_AS(init::trunc_normal({3}, stream, 0, 1, 2, -2), Error);
}

TEST_CASE("orthogonal rows or columns are orthonormal up to the gain") {
  for (const Shape& shape : {Shape{4, 6}, Shape{6, 4}, Shape{5, 2, 3}}) {
    CAPTURE(shape.text());
    const Tensor w = init::orthogonal(shape, stream, 3, Dtype::f64);
    const int64_t rows = shape[0];
    const int64_t columns = shape.numel() / rows;
    const bool wide = rows <= columns;
    for (int64_t a = 0; a < std::min(rows, columns); ++a)
      for (int64_t b = 0; b < std::min(rows, columns); ++b) {
        double dot = 0;
        for (int64_t k = 0; k < std::max(rows, columns); ++k)
          dot += wide ? w.at(a * columns + k) * w.at(b * columns + k) : w.at(k * columns + a) * w.at(k * columns + b);
        CHECK(dot == doctest::Approx(a == b ? 9 : 0));
      }
  }
  CHECK(init::orthogonal({0, 3}, stream).numel() == 0);
  CHECK_THROWS_AS(init::orthogonal({3}, stream), Error);
}

TEST_CASE("every column of a sparse matrix has the same number of zeros, in places of its own") {
  const Tensor w = init::sparse({10, 4}, stream, 0.3);
  std::vector<std::vector<int64_t>> places(4);
  for (int64_t i = 0; i < 40; ++i)
    if (w.at(i) == 0) places[static_cast<size_t>(i % 4)].push_back(i / 4);
  for (const auto& column : places) CHECK(column.size() == 3);
  CHECK(!(places[0] == places[1] && places[1] == places[2]));
  CHECK_THROWS_AS(init::sparse({10, 4}, stream, 1.5), Error);
}

TEST_CASE("a dirac weight hands input channels on, group by group") {
  const Tensor w = init::dirac({4, 2, 3}, 2);
  for (int64_t out = 0; out < 4; ++out)
    for (int64_t in = 0; in < 2; ++in)
      for (int64_t tap = 0; tap < 3; ++tap)
        CHECK(w.at((out * 2 + in) * 3 + tap) == (out % 2 == in && tap == 1 ? 1 : 0));
  CHECK_THROWS_AS(init::dirac({4, 2, 3}, 3), Error);
  CHECK_THROWS_AS(init::dirac({4, 2}), Error);
  CHECK(init::eye({2, 3}).to_vector<float>() == std::vector<float>{1, 0, 0, 0, 1, 0});
}

TEST_CASE("initialisers are found by name, with their settings") {
  const Initial he = make_initializer(parse_json(R"({"type": "kaiming_normal", "mode": "fan_out", "a": 0.2})", "t"));
  check_moments(he({400, 50, 5}, stream, Dtype::f64), 0, std::sqrt(2 / 1.04 / 2000));
  CHECK(make_initializer(Json("ones"))({2}, stream, Dtype::f32).at(1) == 1);
  CHECK_THROWS_WITH_AS(make_initializer(parse_json(R"({"type": "zeros", "val": 1})", "t")), doctest::Contains("/val"),
                       Error);
  CHECK_THROWS_WITH_AS(make_initializer(parse_json(R"("ortogonal")", "t")),
                       doctest::Contains("did you mean 'orthogonal'"), Error);
}

}  // namespace
}  // namespace tarn::test_init
