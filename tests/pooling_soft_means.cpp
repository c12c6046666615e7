// Poolings whose values weigh themselves, against their formulas, window by window.
#include <algorithm>
#include <cmath>
#include <limits>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_soft_means {
namespace {

using namespace test;

/// Windows that overlap, hang over the edges and are not square.
Windows odd_windows(const Tensor& x) {
  return sliding_windows(
      "test", x.shape(), 2,
      {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {1}, .ceil_mode = true});
}
Tensor noise(const Shape& shape, uint64_t variant, Dtype dtype = Dtype::f64) {
  return normal(shape, Stream{1, 2, variant}, 0, 1, dtype);
}
Tensor one(double value) {
  return tensor({1}, {value});
}
Tensor block() {
  return tensor({1, 1, 2, 2}, {1, 3, 2, 4});
}
using Naive = std::function<double(const std::vector<double>&)>;

/// That y is naive(values) of every window of x, in both precisions.
void check_windows(const std::function<Tensor(const Tensor&, const Windows&)>& pool, const Tensor& x,
                   const Naive& naive) {
  const Windows w = odd_windows(x);
  const Tensor y = pool(x, w);
  const Tensor single = pool(x.to(Dtype::f32), w);
  CHECK(single.dtype() == Dtype::f32);
  const int64_t plane = w.input_cells();
  REQUIRE(y.shape() == w.output_shape(x.shape()));
  for (int64_t i = 0; i < y.numel(); ++i) {
    std::vector<double> values;
    for (const int64_t c : w.cells(i % w.output_cells())) values.push_back(x.at(i / w.output_cells() * plane + c));
    CHECK(y.at(i) == doctest::Approx(naive(values)).epsilon(1e-10));
    CHECK(single.at(i) == doctest::Approx(naive(values)).epsilon(1e-4));
  }
  const Shape none = x.shape().with(0, 0);
  CHECK(pool(Tensor(none, Dtype::f64), w).shape() == y.shape().with(0, 0));
  check_values(pool(select(x, 0, 1), w), select(y, 0, 1).to_vector<double>());
}

double mean_of(const std::vector<double>& v) {
  double total = 0;
  for (const double e : v) total += e;
  return total / static_cast<double>(v.size());
}
double weighted(const std::vector<double>& v, const std::function<double(double)>& weight) {
  double top = 0;
  double bottom = 0;
  for (const double e : v) {
    top += weight(e) * e;
    bottom += weight(e);
  }
  return top / bottom;
}
double lse(const std::vector<double>& v, double r, bool mean) {
  double total = 0;
  for (const double e : v) total += std::exp(r * e);
  return std::log(mean ? total / static_cast<double>(v.size()) : total) / r;
}

TEST_CASE("LSEPool and GlobalLSEPool have the values and derivatives of their worked examples") {
  const auto f = [](const Tensors& t) { return lse_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(
      f, {square4(), one(2)}, {3.3173077, 4.3173077, 6.3704845, 3.3072109},
      {{0.0024274603, 0.01793664, 0.97930738, 0.01793664, 0.97930738, 0.00032852103, 0.00032852103, 0.0024274603,
        0.8805017, 0.00029537542, 4.5367432e-05, 0.0003352225, 3.9974715e-05, 0.11916295, 0.0003352225, 0.99928419},
       {1.2376484}});
  const auto global = [](const Tensors& t) { return lse_pool(t[0], tiles(t[0], 3), t[1]); };
  check_example(global, {square3(), one(5)}, {2.0780077},
                {{3.4152384e-06, 0.00083568128, 0.9164358, 0.00030742996, 0.075225631, 0.00050686632, 3.4152384e-06,
                  0.0061748958, 0.00050686632},
                 {0.075001007}});
  check_values(run(R"("GlobalLSEPool")", {square3()}), {2.0780077});
}

TEST_CASE("LSEPool is the logarithm of a mean, or a sum, of exponentials of what is inside each window") {
  const Tensor x = noise({2, 3, 5, 4}, 3);
  for (const bool sum_form : {false, true})
    check_windows([&](const Tensor& t, const Windows& w) { return lse_pool(t, w, one(1.7).to(t.dtype()), sum_form); },
                  x, [&](const std::vector<double>& v) { return lse(v, 1.7, !sum_form); });
  const Windows w = odd_windows(x);
  const auto f = [&](const Tensors& t) { return lse_pool(t[0], w, t[1], true); };
  check_derivatives(f, {x, tensor({3}, {0.4, 1, 2})});
}

TEST_CASE("LSEPool neither overflows for a large r nor loses its digits for a small one") {
  const Tensor x = tensor({1, 1, 3}, {-1000, 998, 1000});
  const auto at = [](const Tensor& v, double r) {
    return lse_pool(v, sliding_windows("test", v.shape(), 1, {.kernel_size = {3}}), one(r).to(v.dtype()));
  };
  CHECK(at(x, 50).item() == doctest::Approx(1000 - std::log(3.0) / 50));
  const Tensor small = tensor({1, 1, 3}, {1, 2, 6});  // mean 3, variance 14/3
  for (const double r : {1e-300, 1e-12, 1e-7, 1e-6, 1e-5}) {
    CAPTURE(r);
    CHECK(at(small, r).item() == doctest::Approx(3 + r * 7 / 3).epsilon(1e-9));
    const auto f = [&](const Tensors& t) { return at(t[0], 1) * 0 + lse_pool(t[0], tiles(t[0], 3), t[1]); };
    CHECK(gradient(f, {small, one(r)}).gradients[1].item() == doctest::Approx(7.0 / 3).epsilon(1e-4));
  }
  CHECK(at(small.to(Dtype::f32), 1e-4).item() == doctest::Approx(3.000233).epsilon(1e-6));
}

TEST_CASE("LSEPool and GlobalLSEPool learn r as e^rho, one for all or one for each channel") {
  const Tensor x = noise({2, 3, 4, 4}, 4);
  const auto plain = layer_of(R"({"type": "LSEPool2d", "kernel_size": 2})", {x.shape()});
  CHECK(parameters(*plain).empty());
  check_values(run(*plain, {x}), lse_pool(x, tiles(x, 2), one(1)).to_vector<double>());
  const auto learned = layer_of(
      R"({"type": "LSEPool2d", "kernel_size": 2, "r": 3, "learn_r": true, "r_scope": "per_channel"})", {x.shape()});
  CHECK(part(*learned, "rho").shape() == Shape{3});
  CHECK(part(*learned, "rho").at(2) == doctest::Approx(std::log(3.0)));
  check_values(run(*learned, {x}), lse_pool(x, tiles(x, 2), one(3)).to_vector<double>());
  const auto global = layer_of(R"({"type": "GlobalLSEPool2d", "learn_r": "shared", "keepdim": false})", {{3, 4, 4}});
  CHECK(part(*global, "rho").shape() == Shape{1});
  CHECK(run(*global, {select(x, 0, 0)}).shape() == Shape{3});
  CHECK(run(R"("GlobalLSEPool")", {x}).shape() == Shape{2, 3, 1, 1});
  check_refused(R"({"type": "LSEPool2d", "kernel_size": 2, "r": 0})", {x}, "r");
  check_refused(R"({"type": "LSEPool2d", "kernel_size": 2, "padding": 2})", {x}, "padding");
  check_refused(R"({"type": "LSEPool2d", "kernel_size": 9})", {x}, "kernel_size");
  CHECK_THROWS_WITH_AS(run(*learned, {noise({2, 4, 4, 4}, 1)}), doctest::Contains("4 channels"), Error);
}

TEST_CASE("SmoothMaxPool is a mean weighed by a softmax of any sharpness") {
  const auto f = [](const Tensors& t) { return smooth_max_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(f, {block(), one(2)}, {3.8448247},
                {{-0.010054649, -0.080729599, -0.042609966, 1.1333942}, {0.17564441}});
  const Tensor x = noise({2, 3, 5, 4}, 5);
  for (const double beta : {-1.5, 0.0, 1.0, 3.0})
    check_windows(
        [&](const Tensor& t, const Windows& w) { return smooth_max_pool(t, w, one(beta).to(t.dtype())); }, x,
        [&](const std::vector<double>& v) { return weighted(v, [&](double e) { return std::exp(beta * e); }); });
  const Windows w = odd_windows(x);
  check_derivatives([&](const Tensors& t) { return smooth_max_pool(t[0], w, t[1]); }, {x, tensor({3}, {-0.5, 1, 2})});
  check_values(smooth_max_pool(square4(), tiles(square4(), 2), one(1e4)), {4, 5, 7, 4});
  check_values(smooth_max_pool(square4(), tiles(square4(), 2), one(-1e4)), {0, 1, 2, -1});
  const auto layer =
      layer_of(R"({"type": "SmoothMaxPool1d", "kernel_size": 2, "beta_scope": "per_channel"})", {{2, 3, 4}});
  check_values(part(*layer, "beta"), {1, 1, 1});
  CHECK(parameters(*layer_of(R"({"type": "SmoothMaxPool1d", "kernel_size": 2, "learn_beta": false})", {{2, 3, 4}}))
            .empty());
}

TEST_CASE("AutoPool is SmoothMaxPool with a sharpness for each channel") {
  const Tensor x = noise({2, 3, 6}, 11);
  const auto layer = layer_of(R"({"type": "AutoPool1d", "kernel_size": 3})", {x.shape()});
  Tensor& beta = part(*layer, "beta");
  check_values(beta, {1, 1, 1});
  beta = tensor({3}, {-0.5, 0, 2});
  check_values(run(*layer, {x}), smooth_max_pool(x, tiles(x, 3), beta).to_vector<double>());
  check_values(
      part(*layer_of(R"({"type": "AutoPool2d", "kernel_size": 2, "beta_scope": "shared"})", {{2, 3, 4, 4}}), "beta"),
      {1});
}

TEST_CASE("LinearSoftmaxPool weighs values by themselves, and is 0 where there is nothing") {
  const auto f = [](const Tensors& t) { return linear_softmax_pool(t[0], tiles(t[0], 2)); };
  check_example(f, {block()}, {3}, {{-0.1, 0.3, 0.1, 0.5}});
  check_example(f, {Tensor::zeros({1, 1, 2, 2}, Dtype::f64)}, {0}, {{0, 0, 0, 0}});
  const Tensor x = abs(noise({2, 3, 5, 4}, 6)) + 0.1;
  check_windows(linear_softmax_pool, x,
                [](const std::vector<double>& v) { return weighted(v, [](double e) { return e; }); });
}

TEST_CASE("AlphaIntegrationPool goes through all the power means") {
  const auto f = [](const Tensors& t) { return alpha_pool(t[0], tiles(t[0], 2), t[1]); };
  check_example(f, {block(), one(-3)}, {2.7386137}, {{0.091287154, 0.27386128, 0.18257422, 0.36514834}, {-0.10537412}});
  check_values(f({block(), one(-1)}), {2.500001});                                       // the mean
  check_values(f({block(), one(1)}), {std::pow(24, 0.25) + 1.1523e-6});                  // the geometric one
  check_values(f({block(), one(3)}), {4 / (1.0 + 0.5 + 0.25 + 1.0 / 3) + 1e-6 * 1.31});  // the harmonic one
  CHECK(std::abs(f({block(), one(-2000)}).item() - 4) < 6e-3);
  CHECK(std::abs(f({block(), one(2000)}).item() - 1) < 2e-3);
  const Tensor x = abs(noise({2, 3, 5, 4}, 7)) + 0.1;
  for (const double alpha : {-3.0, 1.0, 4.0})
    check_windows([&](const Tensor& t, const Windows& w) { return alpha_pool(t, w, one(alpha).to(t.dtype()), 0); }, x,
                  [&](const std::vector<double>& v) {
                    const double p = (1 - alpha) / 2;
                    double total = 0;
                    for (const double e : v) total += p == 0 ? std::log(e) : std::pow(e, p);
                    total /= static_cast<double>(v.size());
                    return p == 0 ? std::exp(total) : std::pow(total, 1 / p);
                  });
  const Windows w = odd_windows(x);
  check_derivatives([&](const Tensors& t) { return alpha_pool(t[0], w, t[1]); }, {x, tensor({3}, {-2, 0.5, 3})});
  // Zeros, with nothing added to them, have the derivatives of a mean and of a root of squares.
  const auto of_zeros = [](double alpha) {
    return [alpha](const Tensors& t) { return alpha_pool(t[0], tiles(t[0], 2), one(alpha), 0); };
  };
  check_example(of_zeros(-1), {tensor({1, 1, 4}, {0, 2, 0, 0})}, {1, 0}, {});
  check_example(of_zeros(-1), {tensor({1, 1, 2}, {0, 2})}, {1}, {{0.5, 0.5}});
  check_example(of_zeros(-3), {tensor({1, 1, 4}, {0, 2, 0, 0})}, {std::sqrt(2.0), 0}, {{0, std::sqrt(0.5), 0, 0}});
  CHECK(of_zeros(3)({tensor({1, 1, 2}, {0, 2})}).item() == 0);
  CHECK(std::isnan(of_zeros(-3)({tensor({1, 1, 2}, {-1, 2})}).item()));
  const auto layer = layer_of(R"({"type": "AlphaIntegrationPool2d", "kernel_size": 2})", {x.shape()});
  check_values(part(*layer, "alpha"), {-1});
}

TEST_CASE("AdaPool and its parts have the values and derivatives of their worked examples") {
  check_example([](const Tensors& t) { return edscw_pool(t[0], tiles(t[0], 2)); }, {block()}, {2.57225},
                {{0.079328952, 0.30213673, 0.29024905, 0.25150318}});
  check_example([](const Tensors& t) { return idw_pool(t[0], tiles(t[0], 2)); }, {tensor({1, 1, 2, 2}, {1, 3, 2, 7})},
                {2.8870966}, {{-0.01300686, 1.0275741, 0.016129587, -0.03069684}});
  check_example([](const Tensors& t) { return ada_pool(t[0], tiles(t[0], 2), t[1]); }, {block(), one(0.3)}, {3.2165319},
                {{-0.0096979676, 0.17476831, 0.057022395, 0.75487263}, {-0.92040278}});
  check_values(run(R"({"type": "EMPool2d", "kernel_size": 2})", {square4()}),
               {3.5900958, 4.5900958, 6.6591137, 3.8272761});
}

TEST_CASE("AdaPool's parts are means weighed by likeness to the mean of what is inside each window") {
  const Tensor x = noise({2, 3, 5, 4}, 8);
  check_windows([](const Tensor& t, const Windows& w) { return edscw_pool(t, w); }, x,
                [](const std::vector<double>& v) {
                  const double m = mean_of(v);
                  return weighted(v, [&](double e) { return std::exp(2 * std::abs(e * m) / (e * e + m * m)); });
                });
  check_windows([](const Tensor& t, const Windows& w) { return idw_pool(t, w, 0.1); }, x,
                [](const std::vector<double>& v) {
                  const double m = mean_of(v);
                  return weighted(v, [&](double e) { return 1 / (std::abs(e - m) + 0.1); });
                });
  const Windows w = odd_windows(x);
  const Tensor map = noise({w.axes[1].output, w.axes[2].output}, 9) * 0.1 + 0.5;
  check_derivatives([&](const Tensors& t) { return ada_pool(t[0], w, t[1]); }, {x, map});
}

TEST_CASE("a plane of zeros, or of equal values, has itself as its mean weighed by likeness") {
  for (const double value : {0.0, 2.5}) {
    const Tensor x = Tensor::full({1, 1, 4, 4}, value, Dtype::f64);
    check_values(edscw_pool(x, tiles(x, 2)), {value, value, value, value});
    check_values(idw_pool(x, tiles(x, 2)), {value, value, value, value});
    const auto f = [](const Tensors& t) {
      return sum(edscw_pool(t[0], tiles(t[0], 2)) + idw_pool(t[0], tiles(t[0], 2)));
    };
    const Tensor g = gradient(f, {x}).gradients[0];
    for (int64_t i = 0; i < 16; ++i) CHECK(g.at(i) == doctest::Approx(0.5));
  }
}

TEST_CASE("means weighed by likeness or by themselves grow with their values, beyond where squares overflow") {
  const Tensor x = abs(noise({1, 2, 4, 4}, 12)) + 0.1;
  const auto grows = [&](const std::function<Tensor(const Tensor&)>& pool) {
    const Tensor y = pool(x);
    for (const double size : {1e-25, 1e25}) {
      const Tensor big = pool((x * size).to(Dtype::f32));
      for (int64_t i = 0; i < y.numel(); ++i) CHECK(big.at(i) / size == doctest::Approx(y.at(i)).epsilon(1e-5));
    }
  };
  grows([](const Tensor& t) { return edscw_pool(t, tiles(t, 2)); });
  const Tensor large = linear_softmax_pool((x * 1e25).to(Dtype::f32), tiles(x, 2));
  for (int64_t i = 0; i < large.numel(); ++i)
    CHECK(large.at(i) * 1e-25 == doctest::Approx(linear_softmax_pool(x, tiles(x, 2)).at(i)).epsilon(1e-5));
}

TEST_CASE("weights that count as constants give their values as derivatives") {
  for (const std::string type : {"EDSCWPool2d", "IDWPool2d", "AdaPool2d", "SoftPool2d"}) {
    CAPTURE(type);
    const auto layer =
        layer_of(R"({"type": ")" + type + R"(", "kernel_size": 2, "grad_mode": "detached"})", {block().shape()});
    const Tensor g = gradient([&](const Tensors& t) { return sum(run(*layer, t)); }, {block()}).gradients[0];
    CHECK(sum(g).item() == doctest::Approx(1));
    CHECK(sum(g * block()).item() == doctest::Approx(run(*layer, {block()}).item()));
  }
}

TEST_CASE("AdaPool keeps a share for each output cell, cut to 0 and 1, or one for all") {
  const Tensor x = noise({2, 3, 6, 5}, 10);
  const auto map = layer_of(R"({"type": "AdaPool2d", "kernel_size": 2})", {x.shape()});
  CHECK(part(*map, "beta").shape() == Shape{3, 2});
  CHECK(part(*map, "beta").at(0) == 0.5);
  CHECK_THROWS_WITH_AS(run(*map, {noise({2, 3, 8, 5}, 1)}), doctest::Contains("beta_scope"), Error);
  const auto shared =
      layer_of(R"({"type": "AdaPool2d", "kernel_size": 2, "beta_scope": "shared", "beta": 1.5})", {x.shape()});
  CHECK(part(*shared, "beta").shape() == Shape{1});
  check_values(run(*shared, {x}), edscw_pool(x, tiles(x, 2)).to_vector<double>());
  run(*shared, {noise({2, 3, 8, 5}, 1)});
  const auto f = [&](const Tensors& t) { return sum(ada_pool(x, tiles(x, 2), t[0])); };
  CHECK(gradient(f, {one(1.5)}).gradients[0].item() == 0);
}

}  // namespace
}  // namespace tarn::test_pooling_soft_means
