// Regularized pooling against its computed example and a naive loop over the windows' neighbours.
#include <cmath>

#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_regularized {
namespace {

using test::check_example;
using test::check_same;
using test::run_layer;
using test::square4;

TEST_CASE("RegularizedPool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return run_layer(R"({"type": "RegularizedPool2d", "kernel_size": 2})", t); },
                {square4()}, {4, 1, 2, 0}, {{0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0}});
}

struct Line {
  int64_t input, kernel, stride, padding, output;
};

/// Row and column of the first largest value that window (i, j) of a plane sees, from the window's start.
std::array<int64_t, 2> winner(const Tensor& plane, const Line& h, const Line& w, int64_t i, int64_t j) {
  std::array<int64_t, 2> best{};
  double most = -test::infinity;
  for (int64_t a = 0; a < h.kernel; ++a)
    for (int64_t b = 0; b < w.kernel; ++b) {
      const int64_t row = i * h.stride - h.padding + a;
      const int64_t column = j * w.stride - w.padding + b;
      if (row < 0 || row >= h.input || column < 0 || column >= w.input) continue;
      const double v = plane.at(row * w.input + column);
      if (v > most) {
        most = v;
        best = {a, b};
      }
    }
  return best;
}

double naive(const Tensor& plane, const Line& h, const Line& w, int64_t radius, int64_t i, int64_t j) {
  std::array<double, 2> total{};
  double count = 0;
  for (int64_t a = i - radius; a <= i + radius; ++a)
    for (int64_t b = j - radius; b <= j + radius; ++b) {
      if (a < 0 || a >= h.output || b < 0 || b >= w.output) continue;
      const auto [y, x] = winner(plane, h, w, a, b);
      total[0] += static_cast<double>(y);
      total[1] += static_cast<double>(x);
      ++count;
    }
  const auto place = [count](const Line& l, int64_t o, double sum) {
    const int64_t at = o * l.stride - l.padding + static_cast<int64_t>(std::floor(sum / count + 0.5));
    return std::clamp<int64_t>(at, 0, l.input - 1);
  };
  return plane.at(place(h, i, total[0]) * w.input + place(w, j, total[1]));
}

TEST_CASE("RegularizedPool looks where its windows and their neighbours have their maxima on the average") {
  const Tensor x = normal({2, 3, 9, 8}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Line h{9, 3, 2, 1, 5};
  const Line w{8, 2, 1, 1, 9};
  for (const int64_t radius : {0, 1, 2, 40}) {
    CAPTURE(radius);
    const std::string config =
        text(R"({"type": "RegularizedPool2d", "kernel_size": [3, 2], "stride": [2, 1], "padding": 1, "radius": )",
             radius, "}");
    const Tensor y = run_layer(config, {x});
    REQUIRE(y.shape() == Shape{2, 3, 5, 9});
    for (int64_t n = 0; n < y.numel(); ++n) {
      const Tensor plane = select(flatten(x, 0, 1), 0, n / 45);
      CHECK(y.at(n) == naive(plane, h, w, radius, n / 9 % 5, n % 9));
    }
    check_same(run_layer(config, {select(x, 0, 1)}), select(y, 0, 1));
    check_same(run_layer(config, {x.to(Dtype::f32)}), y.to(Dtype::f32));
    for (const int64_t one : {1, 3}) {
      const Tensor tall = one == 1 ? flatten(x, 2) : reshape(x, Shape{2, 3, 3, 3, 8});
      const std::string same =
          text(R"({"type": "RegularizedPool)", one, R"(d", "kernel_size": 2, "radius": )", radius, "}");
      const Tensor z = run_layer(same, {tall});
      if (radius == 0) {
        const std::string maxima = text(R"({"type": "MaxPool)", one, R"(d", "kernel_size": 2})");
        check_same(z, run_layer(maxima, {tall}));
      }
      CHECK(run_layer(same, {slice(tall, 0, 0, 0)}).shape() == z.shape().with(0, 0));
    }
  }
}

TEST_CASE("RegularizedPool of one line or of a cube is that of a plane along which nothing changes") {
  const Tensor line = normal({1, 2, 12}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor want = run_layer(R"({"type": "RegularizedPool1d", "kernel_size": 3, "stride": 2})", {line});
  const Tensor plane = run_layer(R"({"type": "RegularizedPool2d", "kernel_size": [1, 3], "stride": [1, 2]})",
                                 {reshape(line, Shape{1, 2, 1, 12})});
  const Tensor cube = run_layer(R"({"type": "RegularizedPool3d", "kernel_size": [3, 1, 1], "stride": [2, 1, 1]})",
                                {reshape(line, Shape{1, 2, 12, 1, 1})});
  check_same(flatten(plane, 2), want);
  check_same(flatten(cube, 2), want);
}

TEST_CASE("RegularizedPool says what it does not take") {
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "RegularizedPool2d", "kernel_size": 2, "radius": -1})", {square4()}),
                       doctest::Contains("radius"), Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "RegularizedPool2d", "kernel_size": 7})", {square4()}),
                       doctest::Contains("pool2d"), Error);
  const auto layer = test::layer_of(R"({"type": "RegularizedPool2d", "kernel_size": 2})", {{1, 1, 4, 4}});
  CHECK_THROWS_AS(test::run_layer(*layer, {Tensor::zeros({1, 1, 4, 4}, Dtype::i64)}), Error);
}

}  // namespace
}  // namespace tarn::test_pooling_regularized
