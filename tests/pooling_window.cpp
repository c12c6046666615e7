// The worked examples of pooling over windows, of unpooling, and of poolings of whole planes, through their layers.
#include <cmath>
#include <limits>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_window {
namespace {

using namespace test;

using Numbers = std::vector<double>;
using Places = std::vector<int64_t>;

Tensor row5() {
  return tensor({1, 1, 5}, {1, 3, 2, 5, 4});
}
Tensor cube() {
  return tensor({1, 1, 2, 2, 2}, {1, 5, 2, 3, 9, 4, 8, 9});
}
/// 1, 2, 3, … in a plane of n x n cells.
Tensor counted(int64_t n, double from = 1) {
  return reshape(Tensor::arange(n * n, Dtype::f64) + from, Shape{1, 1, n, n});
}
Tensor seed() {
  return tensor({2, 2, 3},
                {-1.1367, -1.9247, -2.0963, -1.5315, 1.5207, 1.1702, -0.7293, 0.7023, 1.2145, 1.1222, 0.1508, -1.2018});
}
Numbers all(size_t n, double value) {
  return Numbers(n, value);
}

Tensors outputs_of(const std::string& config, const Tensors& inputs) {
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.shape());
  Context context{.training = false};
  return layer_of(config, shapes, inputs[0].dtype())->apply(inputs, context);
}

/// "TYPE", with the rest of its config.
std::string config_of(const std::string& type, const std::string& rest, bool indices = false) {
  return R"({"type": ")" + type + "\"" + (rest.empty() ? "" : ", " + rest) +
         (indices ? R"(, "return_indices": true})" : "}");
}

/// The layer's values and the gradients of their sum.
void check_layer(const std::string& type, const std::string& rest, const Tensor& x, const Numbers& y,
                 const Numbers& dx) {
  CAPTURE(type);
  CAPTURE(rest);
  check_example([&](const Tensors& t) { return outputs_of(config_of(type, rest), t)[0]; }, {x}, y, {dx});
}

/// The same of a layer that chooses, and where it found its values.
void check_choice(const std::string& type, const std::string& rest, const Tensor& x, const Numbers& y,
                  const Places& indices, const Numbers& dx) {
  check_layer(type, rest, x, y, dx);
  const Tensors found = outputs_of(config_of(type, rest, true), {x});
  REQUIRE(found.size() == 2);
  check_values(found[0], y);
  CHECK(found[1].shape() == found[0].shape());
  CHECK(found[1].to_vector<int64_t>() == indices);
}

TEST_CASE("MaxPool has the values, places and gradients of its worked examples") {
  check_choice("MaxPool1d", R"("kernel_size": 3, "stride": 2, "padding": 1)", row5(), {3, 5, 5}, {1, 3, 3},
               {0, 1, 0, 2, 0});
  check_choice("MaxPool2d", R"("kernel_size": 2, "stride": 2)", square4(), {4, 5, 7, 4}, {4, 2, 8, 15},
               {0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1});
  check_choice("MaxPool2d", R"("kernel_size": 3, "stride": 2, "padding": 1)", square4(), {4, 5, 7, 6}, {4, 2, 8, 13},
               {0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0});
  check_choice("MaxPool2d", R"("kernel_size": 2, "stride": 1, "dilation": 2)", square4(), {7, 3, 4, 6}, {8, 3, 4, 13},
               {0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0});
  check_choice("MaxPool2d", R"("kernel_size": 2, "stride": 2, "ceil_mode": true)", counted(3), {5, 6, 8, 9},
               {4, 5, 7, 8}, {0, 0, 0, 0, 1, 1, 0, 1, 1});
  check_choice("MaxPool3d", R"("kernel_size": 2)", cube(), {9}, {4}, {0, 0, 0, 0, 1, 0, 0, 0});
}

TEST_CASE("AvgPool has the values and gradients of its worked examples") {
  const double third = 1.0 / 3;
  const std::string window = R"("kernel_size": 3, "stride": 2, "padding": 1)";
  check_layer("AvgPool1d", window, row5(), {1.3333333, 3.3333333, 3}, {third, 2 * third, third, 2 * third, third});
  check_layer("AvgPool1d", window + R"(, "count_include_pad": false)", row5(), {2, 3.3333333, 4.5},
              {0.5, 0.5 + third, third, 0.5 + third, 0.5});
  check_layer("AvgPool2d", R"("kernel_size": 2, "stride": 2)", square4(), {1.75, 2.75, 4.5, 0.75}, all(16, 0.25));
  check_layer("AvgPool2d", window + R"(, "ceil_mode": true)", counted(4),
              {1.5555556, 3.3333333, 2, 6.3333333, 11, 6, 4.5, 7.5, 4},
              {0.11111111, 0.22222222, 0.11111111, 0.27777778, 0.22222222, 0.44444444, 0.22222222, 0.55555556,
               0.11111111, 0.22222222, 0.11111111, 0.27777778, 0.27777778, 0.55555556, 0.27777778, 0.69444444});
  check_layer("AvgPool2d", R"("kernel_size": 2, "divisor_override": 3)", square4(), {2.3333333, 3.6666667, 6, 1},
              all(16, third));
  check_layer("AvgPool3d", R"("kernel_size": 2)", cube(), {5.125}, all(8, 0.125));
}

TEST_CASE("a divisor of one's own may be negative, and goes with every rank") {
  check_layer("AvgPool1d", R"("kernel_size": 2, "divisor_override": -4)", row5(), {-1, -1.75},
              {-0.25, -0.25, -0.25, -0.25, 0});
  check_layer("AvgPool3d", R"("kernel_size": 2, "divisor_override": 41)", cube(), {1}, all(8, 1.0 / 41));
  check_refused(config_of("AvgPool1d", R"("kernel_size": 2, "divisor_override": 0)"), {row5()}, "divisor_override");
}

TEST_CASE("SumPool and MinPool have the values and gradients of their worked examples") {
  check_layer("SumPool2d", R"("kernel_size": 2)", square4(), {7, 11, 18, 3}, all(16, 1));
  check_choice("MinPool2d", R"("kernel_size": 2)", square4(), {0, 1, 2, -1}, {5, 6, 12, 10},
               {0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0});
}

TEST_CASE("SumPool adds up what lies inside, and overlapping windows add up their gradients") {
  check_layer("SumPool1d", R"("kernel_size": 3, "stride": 2, "padding": 1)", row5(), {4, 10, 9}, {1, 2, 1, 2, 1});
  check_layer("SumPool1d", R"("kernel_size": 2, "ceil_mode": true)", row5(), {4, 7, 4}, all(5, 1));
  check_layer("SumPool3d", R"("kernel_size": [1, 2, 2])", cube(), {11, 30}, all(8, 1));
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(outputs_of(config_of("SumPool1d", R"("kernel_size": 2)"), {tensor({1, 1, 2}, {1, inf})})[0].item() == inf);
}

TEST_CASE("MinPool is max pooling of the opposite, of every rank, with dilation, ceil_mode and places") {
  const std::string rest = R"("kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": true)";
  const std::vector<Shape> shapes{{2, 3, 9}, {2, 3, 7, 8}, {1, 2, 7, 6, 5}};
  for (int rank = 1; rank <= 3; ++rank)
    for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
      const Tensor x = normal(shapes[size_t(rank) - 1], {3, 1, 4}, 0, 1, dtype);
      const std::string suffix = std::to_string(rank) + "d";
      const Tensors least = outputs_of(config_of("MinPool" + suffix, rest, true), {x});
      const Tensors most = outputs_of(config_of("MaxPool" + suffix, rest, true), {neg(x)});
      CHECK(least[0].dtype() == dtype);
      CHECK(least[0].to(Dtype::f64).to_vector<double>() == neg(most[0]).to(Dtype::f64).to_vector<double>());
      CHECK(least[1].to_vector<int64_t>() == most[1].to_vector<int64_t>());
      const Tensor none(x.shape().with(0, 0), dtype);
      CHECK(outputs_of(config_of("MinPool" + suffix, rest, true), {none})[1].shape() == least[1].shape().with(0, 0));
    }
  check_refused(config_of("MinPool1d", R"("kernel_size": 2, "padding": 2)"), {row5()}, "padding");
  CHECK_THROWS_WITH_AS(min_pool(Tensor::arange(4).viewed({1, 1, 4}), tiles(tensor({1, 1, 4}, {1, 2, 3, 4}), 2)),
                       doctest::Contains("min_pool: needs float32 or float64 values"), Error);
  check_refused(config_of("MinPool1d", R"("kernel_size": 9)"), {row5()}, "min_pool1d: kernel_size 9");
}

TEST_CASE("the minimum of equals is the first, that of NaN the last NaN, and padding never wins") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto places = [](const Numbers& values, const std::string& rest) {
    const Tensor x = tensor({1, 1, static_cast<int64_t>(values.size())}, values);
    return outputs_of(config_of("MinPool1d", rest, true), {x})[1].to_vector<int64_t>();
  };
  CHECK(places({2, 1, 1, 1}, R"("kernel_size": 4)") == Places{1});
  CHECK(places({2, nan, -inf, nan, 1}, R"("kernel_size": 5)") == Places{3});
  CHECK(places({inf, inf, inf}, R"("kernel_size": 3, "stride": 2, "padding": 1)") == Places{0, 1});
  CHECK(std::isnan(outputs_of(config_of("MinPool1d", R"("kernel_size": 2)"), {tensor({1, 1, 2}, {nan, 0})})[0].item()));
}

TEST_CASE("AdaptiveAvgPool and AdaptiveMaxPool have the values and gradients of their worked examples") {
  const double third = 1.0 / 3;
  check_layer("AdaptiveAvgPool1d", R"("output_size": 3)", row5(), {2, 3.3333333, 4.5},
              {0.5, 0.5 + third, third, 0.5 + third, 0.5});
  check_layer("AdaptiveAvgPool2d", R"("output_size": [2, 3])", square4(), {1.75, 2, 2.75, 4.5, 2, 0.75},
              {0.25, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.25});
  check_layer("AdaptiveAvgPool3d", R"("output_size": 1)", cube(), {5.125}, all(8, 0.125));
  check_layer("AdaptiveAvgPool1d", R"("output_size": 5)", tensor({1, 1, 3}, {1, 2, 3}), {1, 1.5, 2, 2.5, 3},
              {1.5, 2, 1.5});
  check_choice("AdaptiveMaxPool1d", R"("output_size": 3)", row5(), {3, 5, 5}, {1, 3, 3}, {0, 1, 0, 2, 0});
  check_choice("AdaptiveMaxPool2d", R"("output_size": [3, 2])", square4(), {4, 5, 7, 2, 7, 4}, {4, 2, 8, 7, 8, 15},
               {0, 0, 1, 0, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1});
  check_choice("AdaptiveMaxPool3d", R"("output_size": 1)", cube(), {9}, {4}, {0, 0, 0, 0, 1, 0, 0, 0});
}

TEST_CASE("unpooling has the values and gradients of its worked examples") {
  const auto with_cotangent = [](const std::string& config, const Tensors& inputs, const Numbers& y, const Tensor& g,
                                 const Numbers& dx) {
    CAPTURE(config);
    const Function f = [&](const Tensors& t) {
      Tensors all = inputs;
      all[0] = t[0];
      return outputs_of(config, all)[0];
    };
    check_values(f({inputs[0]}), y);
    check_values(vjp(f, {inputs[0]}, g).gradients[0], dx);
  };
  const Tensor g = counted(4, 0);
  with_cotangent(config_of("MaxUnpool2d", R"("kernel_size": 2, "stride": 2)"),
                 {tensor({1, 1, 2, 2}, {10, 20, 30, 40}), Tensor({1, 1, 2, 2}, Places{4, 2, 8, 15})},
                 {0, 0, 20, 0, 10, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 40}, g, {4, 2, 8, 15});
  with_cotangent(config_of("MaxUnpool1d", R"("kernel_size": 2, "stride": 2, "output_size": 5)"),
                 {tensor({1, 1, 2}, {5, 7}), Tensor({1, 1, 2}, Places{1, 3})}, {0, 5, 0, 7, 0},
                 Tensor::ones({1, 1, 5}, Dtype::f64), {1, 1});
  with_cotangent(config_of("MaxUnpool3d", R"("kernel_size": 2)"),
                 {tensor({1, 1, 1, 1, 1}, {5}), Tensor({1, 1, 1, 1, 1}, Places{6})}, {0, 0, 0, 0, 0, 0, 5, 0},
                 reshape(Tensor::arange(8, Dtype::f64), Shape{1, 1, 2, 2, 2}), {6});
  const Tensor block = tensor({1, 1, 2, 2}, {1, 3, 2, 4});
  with_cotangent(config_of("AvgUnpool2d", R"("kernel_size": 2, "stride": 2)"), {block},
                 {1, 1, 3, 3, 1, 1, 3, 3, 2, 2, 4, 4, 2, 2, 4, 4}, g, {10, 18, 42, 50});
  with_cotangent(config_of("AvgUnpool2d", R"("kernel_size": 2, "mode": "adjoint")"), {block},
                 {0.25, 0.25, 0.75, 0.75, 0.25, 0.25, 0.75, 0.75, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1}, g,
                 {2.5, 4.5, 10.5, 12.5});
}

TEST_CASE("poolings of whole planes have the values, places and gradients of their worked examples") {
  const Tensor block = tensor({1, 1, 2, 2}, {1, 3, 2, 4});
  for (const std::string suffix : {"", "2d"}) {
    check_layer("GlobalSumPool" + suffix, "", block, {10}, all(4, 1));
    check_choice("GlobalMinPool" + suffix, "", block, {1}, {0}, {1, 0, 0, 0});
    check_choice("GlobalMaxPool" + suffix, "", block, {4}, {3}, {0, 0, 0, 1});
  }
  check_layer("GlobalAvgPool2d", "", seed(), {-0.66638333, 0.20978333}, all(12, 1.0 / 6));
  check_choice("GlobalMaxPool2d", "", seed(), {1.5207, 1.2145}, {4, 2}, {0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0});
  CHECK(outputs_of(config_of("GlobalAvgPool2d", ""), {seed()})[0].shape() == Shape{2, 1, 1});
}

TEST_CASE("poolings of whole planes are adaptive ones to one cell, of every rank, with and without dimensions") {
  const std::vector<Shape> shapes{{2, 3, 9}, {2, 3, 5, 7}, {2, 3, 3, 4, 5}};
  for (int rank = 1; rank <= 3; ++rank) {
    const Tensor x = normal(shapes[size_t(rank) - 1], {3, 1, 5}, 0, 1, Dtype::f64);
    const Windows w = adaptive_windows("test", x.shape(), rank, {1});
    const Tensor n = Tensor::full({}, static_cast<double>(w.input_cells()), Dtype::f64);
    const std::vector<std::pair<std::string, Tensor>> wanted{{"GlobalAvgPool", avg_pool(x, w)},
                                                             {"GlobalSumPool", avg_pool(x, w) * n},
                                                             {"GlobalMaxPool", max_pool(x, w)},
                                                             {"GlobalMinPool", neg(max_pool(neg(x), w))}};
    for (const auto& [name, y] : wanted)
      for (const std::string& suffix : {std::string(), std::to_string(rank) + "d"}) {
        CAPTURE(name + suffix);
        const Tensor kept = outputs_of(config_of(name + suffix, ""), {x})[0];
        CHECK(kept.shape() == y.shape());
        check_values(kept, y.to_vector<double>());
        const Tensor flat = outputs_of(config_of(name + suffix, R"("keepdim": false)"), {x})[0];
        CHECK(flat.shape() == Shape{2, 3});
        check_values(flat, y.to_vector<double>());
        CHECK(outputs_of(config_of(name + suffix, ""), {x.to(Dtype::f32)})[0].dtype() == Dtype::f32);
        CHECK(outputs_of(config_of(name + suffix, ""), {Tensor(x.shape().with(0, 0), Dtype::f64)})[0].shape() ==
              y.shape().with(0, 0));
        check_refused(config_of(name + suffix, ""), {Tensor(x.shape().with(1, 0), Dtype::f64)}, "channels");
        check_refused(config_of(name + suffix, ""), {Tensor(x.shape().with(2, 0), Dtype::f64)}, "spatial size of 0");
      }
    const Tensors found = outputs_of(config_of("GlobalMinPool", R"("keepdim": false)", true), {x});
    CHECK(found[1].shape() == Shape{2, 3});
    const Tensor single = outputs_of(config_of("GlobalMaxPool" + std::to_string(rank) + "d", ""), {select(x, 0, 1)})[0];
    check_values(single, select(max_pool(x, w), 0, 1).to_vector<double>());
  }
  check_refused(config_of("GlobalAvgPool", ""), {Tensor({2, 3}, Dtype::f64)}, "1 to 3 spatial dimensions");
}

TEST_CASE("sums and means over large planes of float32 keep their digits") {
  const Tensor x = Tensor::full({1, 1, 2000, 1500}, 0.1, Dtype::f32);
  CHECK(global_avg_pool(x).item() == doctest::Approx(0.1).epsilon(1e-6));
  CHECK(global_sum_pool(x).item() == doctest::Approx(3e5).epsilon(1e-6));
}

}  // namespace
}  // namespace tarn::test_pooling_window
