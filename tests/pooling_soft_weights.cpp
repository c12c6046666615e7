// Poolings with weights from elsewhere, learned or seen by a small network, against their formulas.
#include <algorithm>
#include <cmath>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_soft_weights {
namespace {

using namespace test;

Tensor noise(const Shape& shape, uint64_t variant) {
  return normal(shape, Stream{1, 3, variant}, 0, 1, Dtype::f64);
}
Tensor block() {
  return tensor({1, 1, 2, 2}, {1, 3, 2, 4});
}

TEST_CASE("LIP has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return lip_pool(t[0], t[1], tiles(t[0], 2)); },
                {block(), tensor({1, 1, 2, 2}, {0, 1, 0.5, -1})}, {2.4279147},
                {{0.17437149, 0.47399085, 0.28748998, 0.064147685}, {-0.24898762, 0.27116318, -0.1230212, 0.10084563}});
}

TEST_CASE("LIP divides two sums over what is inside each window, without overflow") {
  const Tensor x = noise({2, 3, 6, 5}, 1);
  const Tensor logits = noise({2, 3, 6, 5}, 2) * 3;
  const auto layer = layer_of(R"("LIP2d")", {x.shape(), x.shape()});
  CHECK(parameters(*layer).empty());
  const Tensor y = run(*layer, {x, logits});
  const Windows w =
      sliding_windows("test", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}, .dilation = {1}});
  REQUIRE(y.shape() == Shape{2, 3, 3, 3});
  for (int64_t i = 0; i < y.numel(); ++i) {
    double top = 0;
    double bottom = 0;
    for (const int64_t c : w.cells(i % 9)) {
      const int64_t at = i / 9 * 30 + c;
      top += std::exp(logits.at(at)) * x.at(at);
      bottom += std::exp(logits.at(at));
    }
    CHECK(y.at(i) == doctest::Approx(top / bottom));
  }
  check_values(run(*layer, {x, logits + 5000}), y.to_vector<double>());
  CHECK_THROWS_WITH_AS(run(*layer, {x, noise({2, 3, 6, 6}, 1)}), doctest::Contains("logits"), Error);
}

TEST_CASE("LIP begins as the mean, sees its input's importance with both of its networks, and takes single samples") {
  const Tensor x = noise({2, 3, 6, 5}, 3);
  const Windows w =
      sliding_windows("test", x.shape(), 2,
                      {.kernel_size = {3}, .stride = {2}, .padding = {1}, .dilation = {1}, .count_include_pad = false});
  for (const std::string kind : {"simplified", "bottleneck"}) {
    CAPTURE(kind);
    const auto layer = layer_of(R"({"type": "LIP2d", "importance": ")" + kind + "\"}", {x.shape()});
    check_values(run(*layer, {x}), avg_pool(x, w).to_vector<double>());
    Tensor& last = part(*layer, kind == "simplified" ? "logit.conv.weight" : "logit.conv3.weight");
    last = noise(last.shape(), 4);
    const Tensor y = run(*layer, {x});
    CHECK(std::abs(y.at(0) - avg_pool(x, w).at(0)) > 1e-6);
    check_values(run(*layer, {select(x, 0, 1)}), select(y, 0, 1).to_vector<double>());
    CHECK(run(*layer, {Tensor({0, 3, 6, 5}, Dtype::f64)}).shape() == Shape{0, 3, 3, 3});
    CHECK(
        run(*layer_of(R"({"type": "LIP2d", "importance": ")" + kind + "\"}", {{3, 6, 5}}), {select(x, 0, 1)}).shape() ==
        Shape{3, 3, 3});
    if (kind == "simplified")
      check_derivatives(
          [&](const Tensors& t) {
            last = t[1];
            return run(*layer, {t[0]});
          },
          {x, last});
  }
  const auto wide = layer_of(R"({"type": "LIP1d", "importance": "bottleneck"})", {{2, 3, 7}});
  CHECK(part(*wide, "logit.conv2.weight").shape() == Shape{128, 128, 3});
  CHECK(parameters(*wide).size() == 9);
}

TEST_CASE("SimplifiedLIP's importance is 12 times the sigmoid of a normalised convolution") {
  const Tensor x = noise({2, 3, 7}, 5);
  const auto layer = layer_of(R"("LIP1d")", {x.shape()});
  Tensor& weight = part(*layer, "logit.conv.weight");
  weight = noise({3, 3, 3}, 6);
  ConvGeometry same;
  same.before[0] = same.after[0] = 1;
  const Tensor logits = 12 * sigmoid(instance_norm(conv(x, weight, {}, same)).y);
  const Windows w =
      sliding_windows("test", x.shape(), 1, {.kernel_size = {3}, .stride = {2}, .padding = {1}, .dilation = {1}});
  check_values(run(*layer, {x}), lip_pool(x, logits, w).to_vector<double>());
}

TEST_CASE("LearnedWeightPool has the values and derivatives of its worked example") {
  check_example(
      [](const Tensors& t) { return learned_weight_pool(t[0], tiles(t[0], 2), t[1]); },
      {block(), tensor({4}, {0, 0.5, -0.5, 1})}, {3.0187077},
      {{0.1674051, 0.27600434, 0.10153632, 0.45505423}, {-0.33794196, -0.0051634107, -0.10343584, 0.44654121}});
}

TEST_CASE("LearnedWeightPool begins as the mean, also at the edges, and can take its weights as they are") {
  const Tensor x = noise({2, 3, 5, 4}, 7);
  const std::string window = R"("kernel_size": [3, 2], "stride": 2, "padding": 1)";
  const Windows w = sliding_windows(
      "test", x.shape(), 2,
      {.kernel_size = {3, 2}, .stride = {2}, .padding = {1}, .dilation = {1}, .count_include_pad = false});
  const auto softmaxed = layer_of(R"({"type": "LearnedWeightPool2d", )" + window + "}", {x.shape()});
  check_values(part(*softmaxed, "weight"), std::vector<double>(6, 0));
  check_values(run(*softmaxed, {x}), avg_pool(x, w).to_vector<double>());
  const auto plain =
      layer_of(R"({"type": "LearnedWeightPool2d", "normalize": false, "weight_scope": "per_channel", )" + window + "}",
               {x.shape()});
  Tensor& weight = part(*plain, "weight");
  check_values(weight, std::vector<double>(18, 1.0 / 6));
  weight = noise({3, 6}, 8);
  ConvGeometry geometry{.stride = {2, 2, 1}, .before = {1, 1, 0}, .after = {1, 1, 0}, .groups = 3};
  check_values(run(*plain, {x}), conv(x, reshape(weight, Shape{3, 1, 3, 2}), {}, geometry).to_vector<double>());
  check_derivatives([&](const Tensors& t) { return learned_weight_pool(t[0], w, t[1]); }, {x, weight});
  CHECK_THROWS_WITH_AS(learned_weight_pool(x, w, noise({4}, 1)), doctest::Contains("expected [6] or [3,6]"), Error);
}

TEST_CASE("DetailPreservingPool has the values and derivatives of its worked examples") {
  const Tensor x = tensor({1, 1, 2, 2}, {1, 3, 2, 7});
  const Tensors inputs{x, tensor({1}, {0.1}), tensor({1}, {0.2})};
  const auto f = [](bool asymmetric) {
    return [=](const Tensors& t) { return dpp_pool(t[0], tiles(t[0], 2), t[1], t[2], {}, asymmetric); };
  };
  check_example(f(false), inputs, {3.7709547},
                {{0.35319166, 0.042900895, 0.18759784, 0.4163096}, {-0.29551708}, {0.56720391}});
  check_example(f(true), inputs, {4.5371349},
                {{0.1635515, 0.1635515, 0.1635515, 0.50934549}, {-0.84015225}, {0.75594253}});
}

TEST_CASE("DetailPreservingPool weighs what stands out from a mean or from a learned filter") {
  const Tensor x = noise({2, 3, 4, 6}, 9);
  for (const std::string reference : {"lite", "full"})
    for (const std::string penalty : {"sym", "asym"}) {
      CAPTURE(reference);
      const auto layer = layer_of(
          R"({"type": "DetailPreservingPool2d", "reference": ")" + reference + R"(", "penalty": ")" + penalty + "\"}",
          {x.shape()});
      const Tensor y = run(*layer, {x});
      REQUIRE(y.shape() == Shape{2, 3, 2, 3});
      const ConvGeometry halving{.stride = {2, 2, 1}, .before = {1, 1, 0}, .after = {1, 1, 0}, .groups = 3};
      const Tensor means = avg_pool(x, tiles(x, 2));
      const Tensor compared =
          reference == "lite" ? means : conv(x, part(*layer, "weight"), part(*layer, "bias"), halving);
      const Windows w = tiles(x, 2);
      for (int64_t i = 0; i < y.numel(); ++i) {
        const int64_t channel = i / 6 % 3;
        std::vector<double> q;
        double all = 0;
        for (const int64_t c : w.cells(i % 6)) {
          double d = x.at(i / 6 * 24 + c) - compared.at(i);
          if (penalty == "asym") d = std::max(d, 0.0);
          q.push_back(d * d + 1e-3);
          all += q.back() / 4;
        }
        double top = 0;
        double bottom = 0;
        for (size_t k = 0; k < 4; ++k) {
          const double weight = std::pow(q[k] / all, std::exp(part(*layer, "lambda").at(channel)) / 2) +
                                std::exp(part(*layer, "alpha").at(channel));
          top += weight * x.at(i / 6 * 24 + w.cells(i % 6)[k]);
          bottom += weight;
        }
        CHECK(y.at(i) == doctest::Approx(top / bottom));
      }
      check_values(run(*layer, {select(x, 0, 1)}), select(y, 0, 1).to_vector<double>());
    }
}

TEST_CASE("DetailPreservingPool caps alpha, starts within 1/√C, and refuses sizes that its window does not divide") {
  const Tensor x = noise({1, 4, 3, 6}, 10);
  const auto layer = layer_of(R"({"type": "DetailPreservingPool2d", "kernel_size": 3})", {x.shape()});
  for (const char* name : {"alpha", "lambda"})
    for (int64_t i = 0; i < 4; ++i) CHECK(std::abs(part(*layer, name).at(i)) <= 0.5);
  const auto at = [&](double alpha) {
    return dpp_pool(x, tiles(x, 3), Tensor::full({4}, alpha, Dtype::f64), Tensor::zeros({4}, Dtype::f64));
  };
  check_values(at(900), at(10).to_vector<double>());
  check_refused(R"("DetailPreservingPool2d")", {x}, "kernel_size 2 does not divide");
  check_refused(R"({"type": "DetailPreservingPool2d", "kernel_size": 1})", {x}, "kernel_size");
}

TEST_CASE("LpUnit has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return lp_unit(t[0], t[1], t[2]); },
                {tensor({1, 4}, {1, -3, 2, 5}), tensor({2}, {0, 1}), tensor({4}, {0, 0.5, 0.1, 0})},
                {2.4849664, 3.8713429},
                {{0.26604475, -0.63397762, 0.19634971, 0.69965568},
                 {0.15291626, 0.19892767},
                 {-0.26604475, 0.63397762, -0.19634971, -0.69965568}});
}

TEST_CASE("LpUnit is a normalised norm of each group of channels, of inputs of every rank") {
  for (const Shape& shape : {Shape{3, 6}, Shape{3, 6, 4}, Shape{2, 6, 3, 2}, Shape{2, 6, 2, 3, 2}}) {
    CAPTURE(shape.text());
    const Tensor x = noise(shape, 11);
    const auto layer = layer_of(R"({"type": "LpUnit", "group_size": 3})", {shape});
    check_values(part(*layer, "c"), std::vector<double>(6, 0));
    const Tensor y = run(*layer, {x});
    REQUIRE(y.shape() == shape.with(1, 2));
    const int64_t inner = shape.product(2, shape.rank());
    for (int64_t i = 0; i < y.numel(); ++i) {
      double total = 0;
      for (int64_t k = 0; k < 3; ++k) total += std::pow(std::abs(x.at((i / inner * 3 + k) * inner + i % inner)), 3);
      CHECK(y.at(i) == doctest::Approx(std::cbrt(total / 3)));  // p is 3 initially
    }
    CHECK(run(*layer, {Tensor(shape.with(0, 0), Dtype::f64)}).shape() == y.shape().with(0, 0));
  }
  check_refused(R"({"type": "LpUnit", "group_size": 4})", {noise({2, 6}, 1)}, "group_size 4 does not divide");
}

TEST_CASE("LpUnit has no derivatives where its norm is 0, and neither overflows nor vanishes") {
  const Tensors nothing{Tensor::zeros({1, 2}, Dtype::f64), tensor({1}, {0.3}), Tensor::zeros({2}, Dtype::f64)};
  const auto f = [](const Tensors& t) { return lp_unit(t[0], t[1], t[2]); };
  check_example(f, nothing, {0}, {{0, 0}, {0}, {0, 0}});
  CHECK(f({tensor({1, 2}, {1e200, -1e200}), tensor({1}, {5}), nothing[2]}).item() == doctest::Approx(1e200));
  CHECK(f({tensor({1, 2}, {1e-200, -1e-200}), tensor({1}, {5}), nothing[2]}).item() == doctest::Approx(1e-200));
}

}  // namespace
}  // namespace tarn::test_pooling_soft_weights
