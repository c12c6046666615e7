// Tests of the padding layers, and of what padding does where it also cuts off.
#include <doctest/doctest.h>

#include "core/ops.h"
#include "core/tape.h"
#include "layers/module.h"

namespace tarn::test_pad_layers {
namespace {

Tensor run(const std::string& config, const Tensor& x) {
  Build build{.inputs = {x.shape()}, .dtype = x.dtype()};
  Context context;
  return make_layer(parse_json(config, "l.json"), build)->forward(x, context);
}

Tensor counted(const Shape& shape) {
  return reshape(Tensor::arange(shape.numel(), Dtype::f64), shape);
}

using Values = std::vector<double>;

TEST_CASE("a padding layer adds its cells last dimension first") {
  const Tensor x = counted({1, 1, 2, 3});
  CHECK(run(R"({"type": "ZeroPad2d", "padding": [1, 0, 0, 1]})", x).to_vector<double>() ==
        Values{0, 0, 1, 2, 0, 3, 4, 5, 0, 0, 0, 0});
  CHECK(run(R"({"type": "ConstantPad2d", "padding": [-1, 1, 1, -1], "value": 7.5})", x).to_vector<double>() ==
        Values{7.5, 7.5, 7.5, 1, 2, 7.5});
  CHECK(run(R"({"type": "ReflectionPad2d", "padding": [2, 0, 1, 0]})", x).to_vector<double>() ==
        Values{5, 4, 3, 4, 5, 2, 1, 0, 1, 2, 5, 4, 3, 4, 5});
  CHECK(run(R"({"type": "ReplicationPad2d", "padding": [0, 2, 0, 1]})", x).to_vector<double>() ==
        Values{0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 3, 4, 5, 5, 5});
}

TEST_CASE("one number pads every side, in each rank, with or without a batch") {
  for (const char* family : {"ConstantPad", "ReflectionPad", "ReplicationPad"})
    for (int rank = 1; rank <= 3; ++rank) {
      CAPTURE(family);
      std::vector<int64_t> sizes{2, 3}, padded{2, 3};
      for (int d = 0; d < rank; ++d) {
        sizes.push_back(3 + d);
        padded.push_back(7 + d);
      }
      const std::string value = std::string(family) == "ConstantPad" ? R"(, "value": 1)" : "";
      const std::string config = text(R"({"type": ")", family, rank, R"(d", "padding": 2)", value, "}");
      const Tensor x = counted(Shape(sizes));
      const Tensor y = run(config, x);
      CHECK(y.shape() == Shape(padded));
      const Tensor one = run(config, select(x, 0, 1));
      CHECK(one.to_vector<double>() == select(y, 0, 1).to_vector<double>());
      CHECK(run(config, Tensor::ones(Shape(sizes).with(0, 0))).shape() == Shape(padded).with(0, 0));
    }
}

TEST_CASE("padding layers refuse what does not fit") {
  const Tensor x = counted({2, 3, 4});
  CHECK_THROWS_AS(run(R"({"type": "ReflectionPad1d", "padding": 4})", x), Error);
  CHECK_THROWS_AS(run(R"({"type": "ReflectionPad1d", "padding": [1, 1, 1]})", x), Error);
  CHECK_THROWS_AS(run(R"({"type": "ReplicationPad3d", "padding": 1})", x), Error);
  CHECK_THROWS_AS(run(R"({"type": "ConstantPad1d", "padding": 1})", x), Error);  // no value
  CHECK_THROWS_AS(run(R"({"type": "ZeroPad2d", "padding": 1})", counted({2, 3})), Error);
  CHECK_THROWS_AS(run(R"({"type": "ZeroPad2d", "padding": [0, 0, -3, 0]})", counted({1, 1, 2, 2})), Error);
  // A batch of signals is not quietly taken for one image whose channels are the batch.
  CHECK_THROWS_AS(run(R"({"type": "ReflectionPad2d", "padding": 1})", Tensor::ones({0, 3, 4})), Error);
}

TEST_CASE("own cells are added also where a crop from the other side reaches beyond the input") {
  const Tensor x = counted({1, 1, 3});
  CHECK(pad(x, Dims{-4, 3}, "replicate").to_vector<double>() == Values{2, 2});
  CHECK(pad(x, Dims{-4, 2}, "reflect").to_vector<double>() == Values{0});
  CHECK(pad(x, Dims{-2, 2}, "circular").to_vector<double>() == Values{2, 2, 2});
  Tape tape;
  const Tensor leaf = x.requires_grad();
  CHECK(tape.gradient(sum(pad(leaf, Dims{-4, 3}, "replicate")), leaf).to_vector<double>() == Values{0, 0, 2});
}

TEST_CASE("wrapping around what was cropped away altogether is an error") {
  const Tensor x = counted({1, 1, 3});
  CHECK_THROWS_AS(pad(x, Dims{-3, 2}, "circular"), Error);
  CHECK_THROWS_AS(pad(x, Dims{3, -3}, "circular"), Error);
  CHECK_THROWS_AS(pad(x, Dims{-4, 3}, "circular"), Error);
  CHECK_THROWS_AS(pad(x, Dims{-4, 3}), Error);
}

}  // namespace
}  // namespace tarn::test_pad_layers
