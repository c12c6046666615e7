// LiftPool against its definition, and its inverse.
#include "layers/pooling/lift_pool.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_filter_lift {
namespace {

using namespace test;

Tensor noise(const Shape& shape, uint64_t variant) {
  return normal(shape, Stream{1, 5, variant}, 0, 1, Dtype::f64);
}
Tensor same(const Tensor& rows) {
  return rows;
}
Tensor half(const Tensor& rows) {
  return rows * 0.5;
}

TEST_CASE("lifting has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) {
    const Tensors b = lift_bands(t[0], 2, same, half);
    return b[0] + b[1] + b[2] + b[3];
  };
  check_example(f, {tensor({1, 1, 2, 2}, {1, 3, 2, 4})}, {5.5}, {{0.25, -0.75, -0.75, 2.25}});
}

TEST_CASE("lifting is undone exactly, whatever predicts and updates") {
  const Tensor x = noise({2, 3, 4, 6}, 1);
  const auto predict = [](const Tensor& rows) { return tanh(cumsum(rows, 2)); };
  const auto update = [](const Tensor& rows) { return square(rows); };
  const Tensors bands = lift_bands(x, 2, predict, update);
  REQUIRE(bands.size() == 4);
  CHECK(bands[3].shape() == Shape{2, 3, 2, 3});
  check_values(lift_up(bands, 2, predict, update), x.to_vector<double>());
  const Tensors row = lift_bands(noise({1, 2, 5}, 2), 1, predict, update);
  CHECK(row[1].shape() == Shape{1, 2, 3});  // an odd size repeats its last cell
  CHECK_THROWS_AS(lift_up(row, 2, predict, update), Error);
}

TEST_CASE("LiftPool's nets are convolutions of each channel along the rows, and its bands can be had") {
  const Tensor x = noise({2, 3, 7}, 3);
  const auto layer = layer_of(R"({"type": "LiftPool1d", "return_bands": true})", {x.shape()});
  CHECK(part(*layer, "predict.conv1.weight").shape() == Shape{3, 1, 5});
  CHECK(part(*layer, "update.conv2.weight").shape() == Shape{3, 1, 1});
  const auto net = [&](const std::string& name, const Tensor& rows) {
    ConvGeometry geometry{.before = {2, 0, 0}, .after = {2, 0, 0}, .groups = 3};
    const Tensor inner =
        relu(conv(rows, part(*layer, name + ".conv1.weight"), part(*layer, name + ".conv1.bias"), geometry));
    geometry = {.groups = 3};
    return tanh(conv(inner, part(*layer, name + ".conv2.weight"), part(*layer, name + ".conv2.bias"), geometry));
  };
  const Tensor longer = cat(Tensors{x, narrow(x, 2, 6, 1)}, 2);
  const Tensor even = slice(longer, 2, 0, 8, 2);
  const Tensor detail = slice(longer, 2, 1, 8, 2) - net("predict", even);
  const Tensor smooth = even + net("update", detail);
  Context context;
  const Tensors y = layer->apply({x}, context);
  check_values(y[0], (smooth + detail).to_vector<double>());
  check_values(y[1], cat(Tensors{smooth, detail}, 1).to_vector<double>());
  CHECK(layer->outputs() == std::vector<std::string>{"bands"});
  check_values(layer->apply({select(x, 0, 1)}, context)[0], select(y[0], 0, 1).to_vector<double>());
  CHECK(layer->apply({Tensor({0, 3, 7}, Dtype::f64)}, context)[1].shape() == Shape{0, 6, 4});
  CHECK(run(R"("LiftPool2d")", {noise({3, 4, 5}, 4)}).shape() == Shape{3, 2, 3});
  check_refused(R"({"type": "LiftPool1d", "kernel_size": 4})", {x}, "odd number");
}

}  // namespace
}  // namespace tarn::test_pooling_filter_lift
