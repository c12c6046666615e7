// Matrix roots of covariances, SimPool and vector attention against their computed examples.
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_second_order_more {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::layer_of;
using test::run_layer;
using test::tensor;

/// The layer as a function of its input and the named parameters.
Function with_parts(Module& layer, const std::vector<std::string>& names) {
  return [&layer, names](const Tensors& t) {
    for (const NamedTensor& p : parameters(layer))
      for (size_t i = 0; i < names.size(); ++i)
        if (p.name == names[i]) *p.tensor = reshape(t[i + 1], p.tensor->shape());
    return test::run_layer(layer, {t[0]})[0];
  };
}

TEST_CASE("the root of a covariance comes from Newton-Schulz steps") {
  const auto layer = layer_of(R"({"type": "ISqrtCovPool2d", "output": "full"})", {{1, 2, 1, 3}});
  const Tensor x = tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2});
  check_example(with_parts(*layer, {}), {x}, {0.7665275, 0.28071607, 0.28071607, 1.6086757},
                {{-0.30283101, -0.16327671, 0.46610771, -0.36074695, 0.4423853, -0.081638353}},
                tensor({1, 2, 2}, {1, 0, 0, 1}));
  // Many steps: the square is the covariance again.
  const Tensor root = run_layer(R"({"type": "ISqrtCovPool2d", "output": "full", "iterations": 20})", {x});
  check_same(bmm(root, root), covariance_pool2d(x), 1e-9);
  check_values(run_layer("ISqrtCovPool2d", {select(x, 0, 0)}), {0.7665275, 0.28071607, 1.6086757});
  check_example(with_parts(*layer, {}), {Tensor::ones({1, 2, 2, 2}, Dtype::f64)}, {0, 0, 0, 0},
                {std::vector<double>(8, 0)});
  CHECK(run_layer("ISqrtCovPool2d", {Tensor::ones({0, 3, 2, 2})}).shape() == Shape{0, 6});
}

TEST_CASE("SimPool asks with the mean and keeps the normalised positions") {
  const Tensor x = tensor({1, 3, 1, 3}, {1, 2, 3, 0, 4, 2, 1, 1, -2});
  const auto layer = layer_of(R"({"type": "SimPool2d", "affine": false})", {x.shape()});
  const Tensor one = tensor({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const Function f = with_parts(*layer, {"wq.weight", "wk.weight"});
  check_example(f, {x, one, one}, {0.45158284, 0.70832122, -1.1599041},
                {{0.13216369, 0.15295581, 0.14905475, -0.051532083, -0.0813312, -0.15840142, -0.080631608, -0.071624607,
                  0.0093466708}},
                tensor({1, 3}, {1, 0, 0}));
  // gamma 1 is the plain mean of the values, less their minimum.
  const auto powers = layer_of(R"({"type": "SimPool2d", "affine": false, "gamma": 1})", {x.shape()});
  const Tensor values = layer_norm(transpose(flatten(x, 2), 1, 2), Shape{3});
  check_same(with_parts(*powers, {"wq.weight", "wk.weight"})({x, one, one}) + amin(values) - 1e-6, f({x, one, one}),
             1e-9);
  CHECK(run_layer("SimPool2d", {Tensor::ones({3, 2, 2})}).shape() == Shape{3});
}

TEST_CASE("generalized pooling gives every channel its own attention") {
  const Tensor x = tensor({1, 2, 3}, {1, 3, 2, 0, -1, 4});
  const auto layer = layer_of(R"({"type": "GeneralizedPool1d", "hidden": 2})", {x.shape()});
  check_example(
      with_parts(*layer, {"W1", "b1", "W2", "b2"}),
      {x, tensor({2, 2}, {1, 0, 0, 1}), tensor({2}, {0, 0}), tensor({2, 2}, {0.5, 0, 0, 0.5}), tensor({2}, {0, 0})},
      {2.3201567, 3.0414372},
      {{0.06333547, 0.67864405, 0.25802048, 0.10650698, 0.10650698, 1.1641738},
       {0.29515191, -0.36886528, 0.75437555, 1.5087511},
       {0, 0.37718778},
       {0.59030382, -0.39340324, -0.10650698, 3.0175022},
       {0, 0}});
  CHECK(run_layer(R"({"type": "GeneralizedPool1d", "num_heads": 3})", {Tensor::ones({0, 2, 5})}).shape() ==
        Shape{0, 6});
  CHECK(run_layer("GeneralizedPool1d", {Tensor::ones({2, 5})}).shape() == Shape{2});
}

TEST_CASE("precise RoI pooling integrates the surface and moves its box") {
  const Tensor x =
      tensor({1, 1, 5, 5}, {0, 3, 12, 4, 2, 7, 15, 6, 3, 6, 5, 18, 14, 16, 1, 17, 12, 13, 20, 10, 20, 20, 3, 15, 10});
  const double a = 0.0052083333;
  const double b = 0.036458333;
  const double c = 0.041666667;
  const double d = 0.25520833;
  const double e = 0.29166667;
  check_example(
      [](const Tensors& t) {
        return prroi_pool2d(t[0], t[1], {.output_size = {1, 2}});
      },
      {x, tensor({1, 5}, {0, 0.5, 0.5, 3.5, 2.5})}, {12.932292, 9.4791667},
      {{a, b, c, b, a, b, d, e, d, b, b, d, e, d, b, a, b, c, b, a, 0, 0, 0, 0, 0},
       {0, 0.24131944, 4.2473958, -2.9288194, 3.6067708}});
  check_values(prroi_pool2d(x, tensor({1, 5}, {0, 2, 2, 2, 3}), {.output_size = {1}}), {0});
  CHECK(run_layer(R"({"type": "PrRoIPool2d", "output_size": 2})", {x, Tensor::zeros({0, 5}, Dtype::f64)}).shape() ==
        Shape{0, 1, 2, 2});
}

TEST_CASE("deformable RoI pooling moves its bins, and is RoIAlign where they stay") {
  const Tensor x =
      tensor({1, 1, 5, 5}, {0, 3, 12, 4, 2, 7, 15, 6, 3, 6, 5, 18, 14, 16, 1, 17, 12, 13, 20, 10, 20, 20, 3, 15, 10});
  const Tensor box = tensor({1, 5}, {0, 0.5, 0.5, 3.5, 2.5});
  const RoiOptions options{.output_size = {1}, .sampling_ratio = 2, .aligned = true};
  check_example([&](const Tensors& t) { return deform_roi_pool2d(t[0], box, t[1], options); },
                {x, tensor({1, 2, 1, 1}, {0.5, -0.3})}, {9.825},
                {{0.014, 0.126, 0.084, 0.056, 0, 0.025, 0.225, 0.15, 0.1, 0, 0.011, 0.099, 0.066,
                  0.044, 0,     0,     0,     0, 0,     0,     0,    0,   0, 0,     0},
                 {0.66, 1}});
  const Tensor big = normal({2, 3, 6, 7}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor boxes = tensor({2, 5}, {1, -2, 0.3, 5.5, 4, 0, 1, 2, 9, 7.5});
  for (const int64_t ratio : {-1, 2}) {
    const RoiOptions plain{.output_size = {3, 2}, .sampling_ratio = ratio, .aligned = true};
    check_same(deform_roi_pool2d(big, boxes, Tensor::zeros({2, 2, 3, 2}, Dtype::f64), plain),
               roi_align2d(big, boxes, plain), 1e-9);
  }
  CHECK_THROWS_WITH_AS(deform_roi_pool2d(big, boxes, Tensor::zeros({2, 2, 1, 1}, Dtype::f64), {.output_size = {2}}),
                       doctest::Contains("the offsets are"), Error);
}

}  // namespace
}  // namespace tarn::test_pooling_second_order_more
