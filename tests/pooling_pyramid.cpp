// Pyramids, strips, rings and running maxima against their computed examples and naive loops.
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_pyramid {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::run_layer;
using test::square4;
using test::tensor;

TEST_CASE("a spatial pyramid has the bins of all its levels in a row") {
  check_example(
      [](const Tensors& t) {
        return spatial_pyramid_pool(t[0], 2, {{1}, {2}});
      },
      {square4()}, {7, 4, 5, 7, 4}, {{0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1}});
  const Tensor x = normal({2, 3, 7, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor y = run_layer(R"({"type": "SpatialPyramidPool2d", "levels": [1, [2, 3]], "mode": "avg"})", {x});
  REQUIRE(y.shape() == Shape{2, 21});
  const Tensor fine = avg_pool(x, adaptive_windows("test", x.shape(), 2, {2, 3}));
  check_same(slice(y, 1, 3, 21), flatten(fine, 1));
  check_same(run_layer(R"({"type": "SpatialPyramidPool2d", "levels": [1, [2, 3]], "mode": "avg"})", {select(x, 0, 1)}),
             select(y, 0, 1));
  CHECK(run_layer("SpatialPyramidPool3d", {Tensor::ones({2, 3, 2, 5, 4})}).shape() == Shape{2, 3 * (1 + 8 + 64)});
  CHECK(run_layer("SpatialPyramidPool1d", {Tensor::ones({0, 3, 9})}).shape() == Shape{0, 21});
}

TEST_CASE("a spatial pyramid has the windows of the paper and those of Caffe") {
  const Tensor x = tensor({1, 9}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  // Paper: kernel 3, stride 2 over 9 cells gives 4 bins here, and 5 cells in 4 bins become kernel 2, stride 1.
  check_values(spatial_pyramid_pool(x, 1, {{4}}, "max", "paper"), {3, 5, 7, 9});
  // Caffe: kernel and stride 3, padding (12 - 9 + 1) / 2 = 2, counted in means.
  check_values(spatial_pyramid_pool(x, 1, {{4}}, "max", "caffe"), {1, 4, 7, 9});
  check_values(spatial_pyramid_pool(x, 1, {{4}}, "avg", "caffe"), {1.0 / 3, 3, 6, 17.0 / 3});
  CHECK_THROWS_WITH_AS(spatial_pyramid_pool(slice(x, 1, 0, 3), 1, {{4}}, "max", "paper"),
                       doctest::Contains("4 bins do not fit a dimension of 3"), Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "SpatialPyramidPool1d", "levels": [0]})", {x}),
                       doctest::Contains("/levels/0: expected a number of bins from 1 to 16777216"), Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "SpatialPyramidPool1d", "levels": []})", {x}),
                       doctest::Contains("at least one"), Error);
  CHECK_THROWS_AS(spatial_pyramid_pool(x, 1, {{1, 2}}), Error);
}

TEST_CASE("YOLO's pyramids keep the size of the planes and can be ordered as Darknet's") {
  const Tensor x = tensor({1, 1, 3, 3}, {1, 2, 5, 4, 0, 1, 7, 3, -1});
  check_example(
      [](const Tensors& t) {
        return yolo_spp(t[0], {3, 5});
      },
      {x}, {1, 2, 5, 4, 0, 1, 7, 3, -1, 4, 5, 5, 7, 7, 5, 7, 7, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7},
      {{1, 1, 4, 2, 1, 1, 14, 2, 1}});
  const Tensor big = normal({2, 3, 9, 8}, Stream{1, 2, 3}, 0, 1, Dtype::f32);
  check_same(sppf(big), run_layer("YoloSPP", {big}));
  check_same(sppf(big, 3), yolo_spp(big, {3, 5, 7}));
  const Tensor back = run_layer(R"({"type": "YoloSPP", "order": "darknet"})", {big});
  check_same(slice(back, 1, 9, 12), big);
  check_same(slice(back, 1, 0, 3), slice(sppf(big), 1, 9, 12));
  CHECK_THROWS_WITH_AS(yolo_spp(big, {4}), doctest::Contains("odd"), Error);
}

TEST_CASE("strips are means and maxima of rows and columns") {
  check_example([](const Tensors& t) { return strip_pool2d(t[0], "w"); }, {square4()}, {2.75, 1.75, 2.25, 3},
                {std::vector<double>(16, 0.25)});
  check_example([](const Tensors& t) { return strip_pool2d(t[0], "h"); }, {square4()}, {3.5, 2.75, 1.25, 2.25},
                {std::vector<double>(16, 0.25)});
  check_example([](const Tensors& t) { return coord_pool2d(t[0]); }, {square4()},
                {2.75, 1.75, 2.25, 3, 3.5, 2.75, 1.25, 2.25}, {std::vector<double>(16, 0.5)});
  check_values(strip_pool2d(square4(), "w", "max"), {5, 4, 7, 6});
  CHECK(strip_pool2d(Tensor::ones({0, 2, 3, 5}), "w").shape() == Shape{0, 2, 3, 1});
  CHECK(strip_pool2d(Tensor::ones({2, 3, 5}), "h").shape() == Shape{2, 1, 5});
  CHECK(coord_pool2d(Tensor::ones({2, 3, 5})).shape() == Shape{2, 8, 1});
  CHECK_THROWS_WITH_AS(strip_pool2d(square4(), "d"), doctest::Contains("axis is \"d\""), Error);
  CHECK_THROWS_WITH_AS(coord_pool2d(Tensor::ones({1, 2, 0, 3})), doctest::Contains("is empty"), Error);
  CHECK_THROWS_WITH_AS(coord_pool2d(Tensor::zeros({1, 2, 3, 3}, Dtype::i64)), doctest::Contains("int64"), Error);
}

TEST_CASE("rings are told apart by the distance from the middle, and cover all cells or leave the corners") {
  const double outer = 1.0 / 12;
  check_example(
      [](const Tensors& t) { return concentric_circle_pool2d(t[0], 2); }, {square4()}, {0.75, 3},
      {{outer, outer, outer, outer, outer, 0.25, 0.25, outer, outer, 0.25, 0.25, outer, outer, outer, outer, outer}});
  check_values(concentric_circle_pool2d(square4(), 2, "max", false), {3, 7});
  check_values(concentric_circle_pool2d(square4(), 2, "avg", false), {0.75, (36.0 - 10) / 8});
  for (const auto& [h, w, n] : {std::array<int64_t, 3>{9, 6, 3}, {7, 7, 3}, {5, 11, 2}}) {
    const Tensor x = normal({2, h, w}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
    std::vector<double> total(static_cast<size_t>(2 * n));
    std::vector<double> count(total.size());
    for (int64_t i = 0; i < x.numel(); ++i) {
      const double dy = static_cast<double>(i / w % h) - static_cast<double>(h - 1) / 2;
      const double dx = static_cast<double>(i % w) - static_cast<double>(w - 1) / 2;
      const double share = std::sqrt(dy * dy + dx * dx) / (static_cast<double>(std::min(h, w)) / 2);
      const auto ring = std::min(n - 1, static_cast<int64_t>(share * static_cast<double>(n) + 1e-12));
      total[static_cast<size_t>(i / (h * w) * n + ring)] += x.at(i);
      count[static_cast<size_t>(i / (h * w) * n + ring)] += 1;
    }
    for (size_t i = 0; i < total.size(); ++i) total[i] /= count[i];
    check_values(concentric_circle_pool2d(x, n), total);
  }
  check_values(concentric_circle_pool2d(tensor({1, 1, 3}, {1, 2, 5}), 2), {2, 3});
  CHECK_THROWS_WITH_AS(concentric_circle_pool2d(Tensor::ones({1, 1, 100000}), 50000), doctest::Contains("more than 2"),
                       Error);
  CHECK_THROWS_WITH_AS(run_layer(R"({"type": "ConcentricCirclePool2d", "rings": 4})", {square4()}),
                       doctest::Contains("holds no cell"), Error);
}

TEST_CASE("a running maximum sends the gradient to its first winner") {
  const Tensor x = tensor({1, 1, 1, 5}, {2, 1, 3, 0, 2});
  check_example([](const Tensors& t) { return corner_pool2d(t[0], "left"); }, {x}, {3, 3, 3, 2, 2}, {{0, 0, 3, 0, 2}});
  const Tensor ties = tensor({4}, {1, 5, 5, 2});
  check_example([](const Tensors& t) { return running_max(t[0], 0); }, {ties}, {1, 5, 5, 5}, {{1, 3, 0, 0}});
  check_example([](const Tensors& t) { return running_max(t[0], 0, true); }, {ties}, {5, 5, 5, 2}, {{0, 0, 3, 1}});
  const Tensor nan = tensor({4}, {1, test::no_number, 7, test::no_number});
  const Valued got = test::values_and_gradients([](const Tensors& t) { return running_max(t[0], 0); }, {nan});
  CHECK(std::isnan(got.value.at(2)));
  check_values(got.gradients[0], {1, 2, 0, 1});
}

TEST_CASE("each direction of corner pooling looks to its side") {
  const Tensor x = normal({2, 3, 4, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f32);
  const auto naive = [&x](int64_t n, bool rows, bool below) {
    const int64_t h = n / 5 % 4;
    const int64_t w = n % 5;
    double best = -1e300;
    for (int64_t i = 0; i < (rows ? 4 : 5); ++i)
      if (below ? i >= (rows ? h : w) : i <= (rows ? h : w))
        best = std::max(best, x.at(n - (rows ? (h - i) * 5 : w - i)));
    return best;
  };
  const Tensor left = corner_pool2d(x, "left");
  const Tensor right = corner_pool2d(x, "right");
  const Tensor top = corner_pool2d(x, "top");
  const Tensor bottom = run_layer(R"({"type": "CornerPool2d", "direction": "bottom"})", {x});
  for (int64_t i = 0; i < x.numel(); ++i) {
    CHECK(left.at(i) == naive(i, false, true));
    CHECK(right.at(i) == naive(i, false, false));
    CHECK(top.at(i) == naive(i, true, true));
    CHECK(bottom.at(i) == naive(i, true, false));
  }
  check_same(run_layer(R"({"type": "CumulativeMaxPool", "dim": 2, "reverse": true})", {x}), top);
  CHECK(corner_pool2d(Tensor::ones({0, 1, 2, 3}), "top").shape() == Shape{0, 1, 2, 3});
  CHECK_THROWS_WITH_AS(corner_pool2d(x, "up"), doctest::Contains("expected \"top\""), Error);
}

TEST_CASE("R-MAC adds up normalised maxima of regions, more of them along the longer side") {
  const Tensor x = tensor({1, 2, 3, 3}, {1, 2, 3, 4, 0, 1, 2, 5, 1.5, 2, 1, 0.5, 3, 1.2, 2.5, 0.2, 1.1, 4});
  check_example(
      [](const Tensors& t) { return rmac_pool2d(t[0]); }, {x}, {10.590548, 8.9139735},
      {{0.35777076, 0.089442839, 0.11383481, 0.14400002, 0.83333264, 0.32016428, 0.0049261693, 0.2372518, 0.20522279,
        -0.17888528, -0.17888528, -0.053318555, -0.26766104, 0, -0.25400351, -0.049259218, -0.040988497, -0.30550542}},
      tensor({1, 2}, {1, 0}));
  const Tensor wide = normal({2, 6}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor image = reshape(wide, Shape{1, 2, 6});
  // One channel: every region's vector becomes its sign.
  const auto signs = [&](const std::vector<int64_t>& starts, int64_t side) {
    double total = 0;
    for (int64_t row = 0; row + side <= 2; ++row)
      for (const int64_t s : starts) {
        double best = -1e300;
        for (int64_t h = row; h < row + side; ++h)
          for (int64_t w = s; w < s + side; ++w) best = std::max(best, wide.at(h * 6 + w));
        total += best / (std::abs(best) + 1e-6);
      }
    return total;
  };
  const double largest = amax(wide).item();
  CHECK(largest > 0);
  // 2 × 6: 3 more regions, steps of 4/3 cells, overlap by a third, which is nearest to 0.4: 4 of side 2 at level 1.
  const Tensor one = rmac_pool2d(image, 1);
  CHECK(one.item() == doctest::Approx(largest / (largest + 1e-6) + signs({0, 1, 2, 4}, 2)).epsilon(1e-9));
  CHECK(run_layer("RMAC", {Tensor::ones({0, 3, 4, 7})}).shape() == Shape{0, 3});
}

TEST_CASE("PoolFormer's pooling is the mean around a cell less the cell") {
  check_example(
      [](const Tensors& t) { return poolformer_pool2d(t[0]); }, {square4()},
      {0.75, 0.16666667, -2.8333333, -0.25, -1.1666667, 2.4444444, 0.66666667, -0.33333333, -3.3333333, -0.55555556,
       2.6666667, 1, 2.5, -3.1666667, 2, -3.25},
      {{-0.30555556, -0.027777778, -0.027777778, -0.30555556, -0.027777778, 0.36111111, 0.36111111, -0.027777778,
        -0.027777778, 0.36111111, 0.36111111, -0.027777778, -0.30555556, -0.027777778, -0.027777778, -0.30555556}});
  CHECK(run_layer("PoolFormerPool2d", {Tensor::ones({3, 1, 1})}).at(0) == 0);
  CHECK_THROWS_WITH_AS(poolformer_pool2d(square4(), 2), doctest::Contains("odd"), Error);
}

}  // namespace
}  // namespace tarn::test_pooling_pyramid
