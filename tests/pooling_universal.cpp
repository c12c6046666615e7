// Universal pooling against the mean that it starts from and the weighted mean that it is.
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_universal {
namespace {

using test::check_example;
using test::check_same;
using test::layer_of;
using test::run_layer;
using test::square4;
using test::tensor;

Windows windows_over(const Tensor& x, int rank, std::vector<int64_t> kernel, int64_t stride, int64_t padding) {
  return sliding_windows("test", x.shape(), rank,
                         {.kernel_size = std::move(kernel), .stride = {stride}, .padding = {padding}});
}

TEST_CASE("UniversalPool weighs by the softmax of its logits, as LIP's worked example does") {
  check_example([](const Tensors& t) { return universal_pool(t[0], t[1], windows_over(t[0], 2, {2}, 2, 0)); },
                {tensor({1, 1, 2, 2}, {1, 3, 2, 4}), tensor({1, 4, 1, 1}, {0, 1, 0.5, -1})}, {2.4279147},
                {{0.17437149, 0.47399085, 0.28748998, 0.064147685}, {-0.24898762, 0.27116318, -0.1230212, 0.10084563}});
}

TEST_CASE("UniversalPool gives every channel and cell its own weights over the taps inside") {
  const Tensor x = normal({2, 3, 5, 4}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Windows w = windows_over(x, 2, {3, 2}, 2, 1);
  const int64_t cells = w.output_cells();
  const Tensor logits = normal({2, 18, w.axes[1].output, w.axes[2].output}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  const Tensor y = universal_pool(x, logits, w);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t plane = i / cells;
    double total = 0;
    double weights = 0;
    for (int64_t tap = 0; tap < 6; ++tap) {
      const int64_t row = i % cells / w.axes[2].output * 2 - 1 + tap / 2;
      const int64_t column = i % w.axes[2].output * 2 - 1 + tap % 2;
      if (row < 0 || row >= 5 || column < 0 || column >= 4) continue;
      const double weight = std::exp(logits.at((plane * 6 + tap) * cells + i % cells));
      total += weight * x.at(plane * 20 + row * 4 + column);
      weights += weight;
    }
    CHECK(y.at(i) == doctest::Approx(total / weights).epsilon(1e-12));
  }
  check_same(universal_pool(select(x, 0, 1), select(logits, 0, 1), w), select(y, 0, 1));
  CHECK_THROWS_WITH_AS(universal_pool(x, x, w), doctest::Contains("one for each of 6 taps of each channel"), Error);
}

TEST_CASE("UniversalPool starts as the mean of the cells inside, for every number of dimensions") {
  for (const int rank : {1, 2, 3}) {
    CAPTURE(rank);
    const std::vector<Shape> shapes{{2, 3, 7}, {2, 3, 5, 4}, {2, 3, 4, 5, 3}};
    const Tensor x = normal(shapes[static_cast<size_t>(rank - 1)], Stream{1, 2, 3}, 0, 1, Dtype::f64);
    const std::string window = R"(d", "kernel_size": 3, "stride": 2, "padding": 1)";
    const std::string config = text(R"({"type": "UniversalPool)", rank, window, "}");
    const Tensor means = run_layer(text(R"({"type": "AvgPool)", rank, window, R"(, "count_include_pad": false})"), {x});
    for (const bool training : {false, true}) check_same(run_layer(config, {x}, training), means);
    check_same(run_layer(config, {select(x, 0, 1)}), select(means, 0, 1));
    check_same(run_layer(config, {x.to(Dtype::f32)}), means.to(Dtype::f32), 1e-4);
    CHECK(run_layer(config, {slice(x, 0, 0, 0)}, false).shape() == means.shape().with(0, 0));
    const auto layer = layer_of(config, {x.shape()});
    CHECK_THROWS_WITH_AS(test::run_layer(*layer, {slice(x, 0, 0, 0)}), doctest::Contains("needs more than 1"), Error);
    CHECK_THROWS_WITH_AS(test::run_layer(*layer, {slice(x, 1, 0, 2)}), doctest::Contains("built for 3"), Error);
  }
}

TEST_CASE("UniversalPool's network learns, and normalises by the batch in training and by its running values later") {
  const Tensor x = normal({4, 2, 4, 4}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto layer = layer_of(R"({"type": "UniversalPool2d", "kernel_size": 2})", {x.shape()});
  std::vector<std::string> names;
  for (const NamedTensor& p : parameters(*layer)) {
    names.push_back(p.name);
    if (p.name == "logit.conv2.weight") *p.tensor = normal(p.tensor->shape(), Stream{1, 2, 5}, 0, 1, Dtype::f64);
  }
  CHECK(names == std::vector<std::string>{"logit.conv1.weight", "logit.norm1.weight", "logit.norm1.bias",
                                          "logit.conv2.weight", "logit.conv2.bias"});
  const Tensor evaluated = test::run_layer(*layer, {x}, false)[0];
  const Tensor trained = test::run_layer(*layer, {x}, true)[0];
  CHECK(amax(abs(trained - evaluated)).item() > 1e-3);
  CHECK(amax(abs(test::run_layer(*layer, {x}, false)[0] - evaluated)).item() > 1e-6);
  for (const Tensor& y : {trained, evaluated}) {
    CHECK(amin(max_pool(x, windows_over(x, 2, {2}, 2, 0)) - y).item() > 0);
    CHECK(amin(max_pool(x * -1, windows_over(x, 2, {2}, 2, 0)) + y).item() > 0);
  }
  const auto small = layer_of(R"({"type": "UniversalPool2d", "kernel_size": 4})", {square4().shape()});
  CHECK_THROWS_WITH_AS(test::run_layer(*small, {square4()}),
                       doctest::Contains("universal_pool2d: the input [1,1,4,4] has 1 windows"), Error);
  CHECK(test::run_layer(*small, {square4()}, false)[0].item() == doctest::Approx(mean(square4()).item()));
}

}  // namespace
}  // namespace tarn::test_pooling_universal
