// Poolings of boxes against their computed examples and the definitions, cell by cell.
#include "core/ops/window_watch.h"
#include "core/tape.h"
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_roi {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::run_layer;
using test::tensor;

const Tensor& square5() {
  static const Tensor x =
      tensor({1, 1, 5, 5}, {0, 3, 12, 4, 2, 7, 15, 6, 3, 6, 5, 18, 14, 16, 1, 17, 12, 13, 20, 10, 20, 20, 3, 15, 10});
  return x;
}

Tensor box(double x1, double y1, double x2, double y2) {
  return tensor({1, 5}, {0, x1, y1, x2, y2});
}

/// Four channels of four cells, 1 to 16.
Tensor quarters() {
  return reshape(Tensor::arange(16).to(Dtype::f64) + 1.0, Shape{1, 4, 2, 2});
}

/// Bilinear reading as RoIAlign has it.
double read(const Tensor& x, int64_t plane, double y, double at) {
  const int64_t h = x.size(-2);
  const int64_t w = x.size(-1);
  if (y < -1 || y > static_cast<double>(h) || at < -1 || at > static_cast<double>(w)) return 0;
  const auto ends = [](double p, int64_t n) {
    p = std::max(p, 0.0);
    const auto low = std::min(static_cast<int64_t>(p), n - 1);
    return std::tuple(low, std::min(low + 1, n - 1), low == n - 1 ? 0.0 : p - static_cast<double>(low));
  };
  const auto [y0, y1, fy] = ends(y, h);
  const auto [x0, x1, fx] = ends(at, w);
  const auto cell = [&](int64_t i, int64_t j) { return x.at((plane * h + i) * w + j); };
  return (1 - fy) * ((1 - fx) * cell(y0, x0) + fx * cell(y0, x1)) + fy * ((1 - fx) * cell(y1, x0) + fx * cell(y1, x1));
}

TEST_CASE("RoIPool takes the maximum of rounded bins, and nothing of empty ones") {
  check_example([](const Tensors& t) { return roi_pool2d(t[0], box(0, 0, 3, 3), {.output_size = {2}}); }, {square5()},
                {15, 12, 18, 20}, {{0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}});
  // A malformed box is one cell; one outside is empty; halves are rounded away from zero.
  check_values(roi_pool2d(square5(), box(2, 1, 0, 0), {.output_size = {1}}), {6});
  check_example([](const Tensors& t) { return roi_pool2d(t[0], box(7, 7, 9, 9), {.output_size = {1}}); }, {square5()},
                {0}, {std::vector<double>(25, 0)});
  check_values(roi_pool2d(square5(), box(0.5, 2.5, 0.5, 2.5), {.output_size = {1}}), {12});
  check_values(roi_pool2d(square5(), box(1, 5, 1, 5), {.output_size = {1}, .spatial_scale = 0.5}), {12});
  const Tensor nan = tensor({1, 1, 2, 2}, {1, test::no_number, test::no_number, 4});
  const Valued got = test::values_and_gradients(
      [](const Tensors& t) { return roi_pool2d(t[0], box(0, 0, 1, 1), {.output_size = {1}}); }, {nan});
  CHECK(std::isnan(got.value.item()));
  check_values(got.gradients[0], {0, 0, 1, 0});
}

TEST_CASE("the bins of boxes are windows, enumerable as those of any pooling") {
  Tape tape;
  const WindowsWatch watch(tape);
  const Tensor boxes = tensor({2, 5}, {0, 0, 0, 3, 3, 0, 7, 7, 9, 9});
  roi_pool2d(square5(), boxes, {.output_size = {2}});
  ps_roi_pool2d(quarters(), tensor({1, 5}, {0, 0, 0, 2, 2}), {.output_size = {2}});
  roi_align2d(square5(), boxes, {.output_size = {1}, .sampling_ratio = 1});
  REQUIRE(watch.all().size() == 5);
  const auto seen = [&watch](size_t i, int64_t cell) { return watch.all()[i].windows.cells(cell); };
  CHECK(seen(0, 0) == std::vector<int64_t>{0, 1, 5, 6});
  CHECK(seen(0, 3) == std::vector<int64_t>{12, 13, 17, 18});
  for (int64_t cell = 0; cell < 4; ++cell) CHECK(seen(1, cell).empty());
  CHECK(seen(2, 3) == std::vector<int64_t>{3});
  CHECK(seen(3, 0) == std::vector<int64_t>{6, 7, 11, 12});
  CHECK(seen(4, 0).empty());
  CHECK(watch.all()[3].op == std::string("roi_align2d"));
}

TEST_CASE("RoIAlign reads the points of its bins between the cells") {
  const RoiOptions options{.output_size = {2}, .sampling_ratio = 2, .aligned = true};
  const double a = 0.15625;
  const double b = 0.34375;
  const double c = 0.3125;
  const double d = 0.6875;
  check_example([&](const Tensors& t) { return roi_align2d(t[0], box(0.5, 0.5, 3.5, 2.5), options); }, {square5()},
                {7.28125, 7.28125, 12.8125, 10.25},
                {{a, b, b, a, 0, c, d, d, c, 0, a, b, b, a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
}

TEST_CASE("RoIAlign is the mean, or the maximum, of points for any boxes, ratios and sizes") {
  test::Draws draws(5);
  for (int trial = 0; trial < 60; ++trial) {
    const Dtype dtype = trial % 2 == 0 ? Dtype::f32 : Dtype::f64;
    const Tensor x = normal({2, 3, draws.pick(1, 6), draws.pick(1, 6)}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
    RoiOptions o{.output_size = {draws.pick(1, 3), draws.pick(1, 3)}, .spatial_scale = 0.5};
    o.sampling_ratio = draws.pick(-1, 3);
    o.aligned = draws.pick(0, 1) == 1;
    o.mode = draws.pick(0, 1) == 1 ? "avg" : "max";
    std::vector<double> values;
    for (int r = 0; r < 3; ++r) {
      values.push_back(static_cast<double>(draws.pick(0, 1)));
      for (int i = 0; i < 4; ++i) values.push_back(static_cast<double>(draws.pick(-8, 64)) / 4);
    }
    const Tensor y = roi_align2d(x.to(dtype), tensor({3, 5}, values).to(dtype), o);
    REQUIRE(y.shape() == Shape{3, 3, o.output_size[0], o.output_size[1]});
    for (int64_t n = 0; n < y.numel(); ++n) {
      const int64_t j = n % o.output_size[1];
      const int64_t i = n / o.output_size[1] % o.output_size[0];
      const int64_t channel = n / (o.output_size[0] * o.output_size[1]) % 3;
      const double* v = values.data() + n / (o.output_size[0] * o.output_size[1] * 3) * 5;
      const double shift = o.aligned ? 0.5 : 0;
      double size[2] = {(v[4] - v[2]) / 2, (v[3] - v[1]) / 2};
      int64_t points[2];
      for (size_t k = 0; k < 2; ++k) {
        if (!o.aligned) size[k] = std::max(size[k], 1.0);
        size[k] /= static_cast<double>(o.output_size[k]);
        points[k] =
            o.sampling_ratio > 0 ? o.sampling_ratio : std::max<int64_t>(0, static_cast<int64_t>(std::ceil(size[k])));
      }
      double total = 0;
      double most = points[0] * points[1] > 0 ? -1e300 : 0;
      for (int64_t p = 0; p < points[0] * points[1]; ++p) {
        const double fy = (static_cast<double>(p / points[1]) + 0.5) / static_cast<double>(points[0]);
        const double fx = (static_cast<double>(p % points[1]) + 0.5) / static_cast<double>(points[1]);
        const double at = read(x, static_cast<int64_t>(v[0]) * 3 + channel,
                               v[2] / 2 - shift + (static_cast<double>(i) + fy) * size[0],
                               v[1] / 2 - shift + (static_cast<double>(j) + fx) * size[1]);
        total += at / static_cast<double>(points[0] * points[1]);
        most = std::max(most, at);
      }
      CAPTURE(n);
      CHECK(std::abs(y.at(n) - (o.mode == "avg" ? total : most)) < (dtype == Dtype::f32 ? 1e-5 : 1e-12));
    }
  }
}

TEST_CASE("position-sensitive poolings read other channels in every bin") {
  const RoiOptions options{.output_size = {2}, .sampling_ratio = 2};
  const double a = 0.765625;
  const double b = 0.109375;
  const double c = 0.015625;
  check_example([&](const Tensors& t) { return ps_roi_align2d(t[0], box(0, 0, 2, 2), options); }, {quarters()},
                {1.375, 6.125, 10.875, 15.625}, {{a, b, b, c, b, a, c, b, b, c, a, b, c, b, b, a}});
  check_example([&](const Tensors& t) { return ps_roi_pool2d(t[0], box(0, 0, 1, 1), options); }, {quarters()},
                {1, 5, 9, 13}, {{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}});
  // The whole plane: without the last row and column only the first cell of each channel is left.
  RoiOptions compat = options;
  check_values(ps_roi_pool2d(quarters(), box(0, 0, 2, 2), compat), {1, 6, 11, 16});
  compat.torchvision_compat = true;
  check_values(ps_roi_pool2d(quarters(), box(0, 0, 2, 2), compat), {1, 0, 0, 0});
  const Tensor x = normal({2, 8, 4, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor boxes = tensor({2, 5}, {1, 0.5, 1, 3.5, 3, 0, 1, 0, 4, 2.5});
  const Tensor own = ps_roi_align2d(x, boxes, options);
  RoiOptions plain = options;
  plain.aligned = true;
  const Tensor all = roi_align2d(x, boxes, plain);
  REQUIRE(own.shape() == Shape{2, 2, 2, 2});
  for (int64_t n = 0; n < own.numel(); ++n)
    CHECK(own.at(n) == doctest::Approx(all.at((n / 8 * 8 + n / 4 % 2 * 4 + n % 4) * 4 + n % 4)));
}

TEST_CASE("poolings of boxes take no boxes, one image, and say what is wrong with others") {
  const Tensor x = Tensor::ones({2, 4, 3, 3}, Dtype::f32);
  const Tensor none = Tensor::zeros({0, 5}, Dtype::f32);
  for (const char* type : {"RoIPool2d", "RoIAlign2d", "PSRoIPool2d", "PSRoIAlign2d"}) {
    CAPTURE(type);
    const std::string config = std::string(R"({"type": ")") + type + R"(", "output_size": [1, 2]})";
    CHECK(run_layer(config, {x, none}).shape() == Shape{0, std::string(type)[0] == 'P' ? 2 : 4, 1, 2});
    const Tensor one = box(0, 0, 2, 2).to(Dtype::f32);
    check_same(run_layer(config, {select(x, 0, 0), one}), run_layer(config, {x, one}));
    const auto message = [&](const Tensor& boxes, const char* part) {
      CHECK_THROWS_WITH_AS(run_layer(config, {x, boxes}), doctest::Contains(part), Error);
    };
    message(tensor({1, 5}, {2, 0, 0, 1, 1}).to(Dtype::f32), "is of image 2; expected a whole number from 0 to 1");
    message(tensor({1, 5}, {0.5, 0, 0, 1, 1}).to(Dtype::f32), "is of image 0.5");
    message(tensor({1, 5}, {0, 0, test::no_number, 1, 1}).to(Dtype::f32), "coordinate 1 of box 0");
    message(box(0, 0, 1, 1), "the boxes are float64, but the features are float32");
    message(tensor({1, 4}, {0, 0, 1, 1}).to(Dtype::f32), "expected [R,5]");
    CHECK_THROWS_WITH_AS(run_layer(config, {Tensor::zeros({1, 2, 2, 2}, Dtype::i64), one}), doctest::Contains("int64"),
                         Error);
  }
  CHECK(roi_align2d(Tensor::ones({0, 4, 3, 3}), none, {.output_size = {2}, .mode = "max"}).shape() ==
        Shape{0, 4, 2, 2});
  CHECK_THROWS_WITH_AS(ps_roi_pool2d(x, none, {.output_size = {3}}), doctest::Contains("4 channels do not give"),
                       Error);
  // An aligned box without size has no points; otherwise it is a cell wide.
  check_values(roi_align2d(square5(), box(1, 1, 1, 1), {.aligned = true}), {0});
  check_values(roi_align2d(square5(), box(1, 1, 1, 1), {}), {(15 + 6 + 18 + 14) / 4.0});
}

}  // namespace
}  // namespace tarn::test_pooling_roi
