// Norms and power means of windows: their worked examples, their formulas in both precisions, and their extremes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_power {
namespace {

using namespace test;

using Numbers = std::vector<double>;

Tensor one(double value, Dtype dtype = Dtype::f64) {
  return Tensor::full({1}, value, dtype);
}
/// One window over a row.
Windows whole(const Tensor& x) {
  return adaptive_windows("test", x.shape(), x.rank() - 2, {1});
}
Tensor row(const Numbers& values, Dtype dtype = Dtype::f64) {
  return tensor({1, 1, static_cast<int64_t>(values.size())}, values).to(dtype);
}

/// The power mean, or sum, its slopes by each value and by p, in long double.
struct Naive {
  double y = 0, by_p = 0;
  Numbers by_x;

  Naive(const Numbers& values, double p, bool sum, double eps) {
    const long double n = sum ? 1 : static_cast<long double>(values.size());
    const auto at = [&](size_t i) {
      return std::max(static_cast<long double>(values[i]), static_cast<long double>(eps));
    };
    long double scale = 0;
    for (size_t i = 0; i < values.size(); ++i) scale = std::max(scale, at(i));
    long double total = 0;
    long double logs = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const long double share = std::pow(at(i) / scale, static_cast<long double>(p));
      total += share;
      logs += share * std::log(at(i));
    }
    const long double root = scale * std::pow(total / n, 1 / static_cast<long double>(p));
    y = static_cast<double>(root);
    by_p = static_cast<double>(root / p * (logs / total - std::log(root)));
    for (size_t i = 0; i < values.size(); ++i) {
      const long double slope = std::pow(at(i) / root, static_cast<long double>(p) - 1) / n;
      by_x.push_back(values[i] > eps ? static_cast<double>(slope) : 0);
    }
  }
};

TEST_CASE("LPPool and GlobalLPPool have the values and gradients of their worked examples") {
  const auto norm = [](const std::string& rest) {
    return [rest](const Tensors& t) { return run(R"({"type": "LPPool2d", "kernel_size": 2, )" + rest + "}", t); };
  };
  for (const std::string mode : {"abs", "torch"})
    check_example(norm(R"("norm_type": 2, "sign_mode": ")" + mode + "\""), {square4()},
                  {4.5825757, 6.244998, 9.8994949, 4.1231056},
                  {{0.21821789, 0.43643578, 0.80064077, 0.48038446, 0.87287156, 0, 0.16012815, 0.32025631, 0.70710678,
                    0.30304576, -0.24253563, 0, 0.20203051, 0.60609153, 0, 0.9701425}});
  check_example(norm(R"("norm_type": 3)"), {square4()}, {4.1793392, 5.4401218, 8.406118, 4.0207258},
                {{0.057251222, 0.22900489, 0.84473941, 0.30410619, 0.91601955, 0, 0.033789577, 0.13515831, 0.69343398,
                  0.12736542, -0.061857319, 0, 0.056606855, 0.5094617, 0, 0.98971711}});
  check_example(norm(R"("norm_type": 3, "sign_mode": "signed")"), {square4()},
                {4.1793392, 5.4401218, 8.406118, 3.9790572},
                {{0.057251222, 0.22900489, 0.84473941, 0.30410619, 0.91601955, 0, 0.033789577, 0.13515831, 0.69343398,
                  0.12736542, 0.063159638, 0, 0.056606855, 0.5094617, 0, 1.0105542}});
  const Tensor block = tensor({1, 1, 2, 2}, {1, 3, 2, 4});
  for (const std::string type : {"GlobalLPPool", "GlobalLPPool2d"})
    check_example([&](const Tensors& t) { return run("\"" + type + "\"", t); }, {block}, {5.4772256},
                  {{0.18257419, 0.54772256, 0.36514837, 0.73029674}});
}

TEST_CASE("a partial window of LPPool adds up what is there, or is scaled up as PyTorch's") {
  const std::string config = R"({"type": "LPPool1d", "norm_type": 2, "kernel_size": 2, "ceil_mode": true)";
  CHECK(run(config + "}", {row({1, 2, 3})}).at(1) == doctest::Approx(3));
  CHECK(run(config + R"(, "partial_window": "torch"})", {row({1, 2, 3})}).at(1) == doctest::Approx(std::sqrt(18.0)));
}

TEST_CASE("PowerAveragePool has the values and derivatives of its worked example") {
  const auto f = [](const Tensors& t) { return power_average_pool(t[0], tiles(t[0], 3), t[1]); };
  check_example(
      f, {square3(), one(2)}, {4.0644803},
      {{0, 0.27063731, 0.61508479, 0.22143052, 0.49206783, 0.24603392, 0, 0.36905087, 0.24603392}, {-1.6882942}});
}

TEST_CASE("GeM has the values and derivatives of its worked examples, for planes and through its layers") {
  const auto f = [](const Tensors& t) { return gem_pool(t[0], whole(t[0]), t[1]); };
  check_example(
      f, {square3(), one(3)}, {1.511192},
      {{0, 0.058871292, 0.30408725, 0.039409708, 0.19461584, 0.04865396, 0, 0.10947141, 0.04865396}, {0.13714059}});
  const Tensor two = tensor({1, 2, 1, 2}, {1, 2, 3, -1});
  check_example(f, {two, tensor({2}, {1, 3})}, {1.5, 2.3811016},
                {{0.5, 0.5, 0.79370053, 0}, {0.084949518, 0.18338376}});
  for (const std::string type : {"GeM", "GeM2d"}) check_values(run("\"" + type + "\"", {square3()}), {1.511192});
  const auto layer = layer_of(R"({"type": "GeM2d", "p_scope": "per_channel", "keepdim": false})", {two.shape()});
  check_values(part(*layer, "p"), {3, 3});
  part(*layer, "p") = tensor({2}, {1, 3});
  CHECK(run(*layer, {two}).shape() == Shape{1, 2});
  check_values(run(*layer, {two}), {1.5, 2.3811016});
}

TEST_CASE("power means and sums have the values and slopes of their formulas, in both precisions, for every window") {
  const Tensor x = normal({2, 3, 5, 4}, Stream{1, 4, 1}, 0.5, 1, Dtype::f64);
  const Windows w = sliding_windows("test", x.shape(), 2,
                                    {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .ceil_mode = true});
  for (const Dtype dtype : {Dtype::f64, Dtype::f32})
    for (const bool sum_form : {true, false})
      for (const double p : {1.0, 1.3, 2.0, 5.0, 32.0}) {
        CAPTURE(p);
        const double digits = dtype == Dtype::f64 ? 1e-11 : 2e-4;
        const auto f = [&](const Tensors& t) {
          return sum(power_average_pool(t[0], w, t[1], {.sum = sum_form, .eps = 0.01}));
        };
        const Tensor y = power_average_pool(x.to(dtype), w, one(p, dtype), {.sum = sum_form, .eps = 0.01});
        const Valued found = gradient(f, {x.to(dtype), one(p, dtype)});
        Numbers by_x(static_cast<size_t>(x.numel()));
        double by_p = 0;
        for (int64_t i = 0; i < y.numel(); ++i) {
          Numbers values;
          const std::vector<int64_t> cells = w.cells(i % w.output_cells());
          for (const int64_t c : cells) values.push_back(x.at(i / w.output_cells() * 20 + c));
          const Naive naive(values, p, sum_form, 0.01);
          CHECK(y.at(i) == doctest::Approx(naive.y).epsilon(digits));
          by_p += naive.by_p;
          for (size_t k = 0; k < cells.size(); ++k)
            by_x[static_cast<size_t>(i / w.output_cells() * 20 + cells[k])] += naive.by_x[k];
        }
        CHECK(found.gradients[1].item() == doctest::Approx(by_p).epsilon(digits));
        for (int64_t i = 0; i < x.numel(); ++i)
          CHECK(found.gradients[0].at(i) == doctest::Approx(by_x[static_cast<size_t>(i)]).epsilon(digits));
      }
}

TEST_CASE("power means have right second derivatives by values and exponents") {
  const Tensor x = uniform({2, 3, 5, 4}, Stream{1, 4, 2}, 0.2, 2, Dtype::f64);
  const Windows w = sliding_windows("test", x.shape(), 2,
                                    {.kernel_size = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .ceil_mode = true});
  for (const bool sum_form : {true, false}) {
    check_derivatives([&](const Tensors& t) { return power_average_pool(t[0], w, t[1], {.sum = sum_form}); },
                      {x, tensor({3}, {1.5, 2, 3.7})});
    check_derivatives([&](const Tensors& t) { return power_average_pool(t[0], w, t[1], {.sum = sum_form}); },
                      {x, one(4)});
  }
  // Exponents below, at and above 0, where the mean turns from harmonic to geometric to arithmetic.
  check_derivatives([&](const Tensors& t) { return gem_pool(t[0], w, t[1]); }, {x, tensor({3}, {-2, 0.01, 0.3})});
  check_derivatives([&](const Tensors& t) { return gem_pool(t[0], w, t[1]); }, {x, tensor({3}, {-0.2, 1, 6})});
}

TEST_CASE("power means neither overflow nor vanish, whatever the size of values and exponents") {
  for (const double size : {1e-30, 1e-18, 1.0, 1e18, 1e30})
    for (const double p : {1.0, 8.0, 32.0})
      for (const bool sum_form : {true, false}) {
        CAPTURE(size);
        CAPTURE(p);
        const Numbers values{0.25 * size, 3 * size, 1e-3 * size, 2.5 * size};
        const Naive naive(values, p, sum_form, 1e-36);
        const PowerAverage options{.sum = sum_form, .eps = 1e-36};
        const auto f = [&](const Tensors& t) { return sum(power_average_pool(t[0], whole(t[0]), t[1], options)); };
        const Tensors inputs{row(values, Dtype::f32), one(p, Dtype::f32)};
        const Valued found = gradient(f, inputs);
        CHECK(f(inputs).item() == doctest::Approx(naive.y).scale(0).epsilon(2e-6));
        CHECK(found.gradients[1].item() == doctest::Approx(naive.by_p).scale(0).epsilon(2e-4));
        for (int64_t i = 0; i < 4; ++i)
          if (naive.by_x[static_cast<size_t>(i)] > 1e-6)
            CHECK(found.gradients[0].at(i) ==
                  doctest::Approx(naive.by_x[static_cast<size_t>(i)]).scale(0).epsilon(1e-4));
      }
}

TEST_CASE("values at or below eps count as eps and get no gradient; NaN and infinity reach the result") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto f = [](const Tensors& t) { return power_average_pool(t[0], whole(t[0]), one(2), {.eps = 0.5}); };
  check_example(f, {row({-3, 0.5, 0.25, 1.5})}, {std::sqrt(3.0)}, {{0, 0, 0, 1.5 / std::sqrt(3.0)}});
  CHECK(std::isnan(f({row({1, nan, 2})}).item()));
  CHECK(f({row({1, inf, 2})}).item() == inf);
  const Tensor zeros = Tensor::zeros({1, 1, 4}, Dtype::f32);
  const auto tiny = [](const Tensors& t) {
    return sum(power_average_pool(t[0], whole(t[0]), t[1], {.sum = false, .eps = 1e-60}));
  };
  const Valued found = gradient(tiny, {zeros, one(3, Dtype::f32)});
  CHECK(tiny({zeros, one(3, Dtype::f32)}).item() < 1e-37);
  CHECK(std::isfinite(found.gradients[1].item()));
  check_values(found.gradients[0], {0, 0, 0, 0});
}

TEST_CASE("GeM goes through all the power means, without bounds for its exponent") {
  const Tensor x = row({1, 2, 4});
  const auto at = [&](double p) { return gem_pool(x, whole(x), one(p)).item(); };
  CHECK(at(1) == doctest::Approx(7.0 / 3));
  CHECK(at(0) == doctest::Approx(2));
  CHECK(at(1e-9) == doctest::Approx(2));
  CHECK(at(-1) == doctest::Approx(3 / 1.75));
  CHECK(at(5000) == doctest::Approx(4).epsilon(1e-3));
  CHECK(at(-5000) == doctest::Approx(1).epsilon(1e-3));
  const auto f = [&](const Tensors& t) { return gem_pool(x, whole(x), t[0]); };
  const double variance = 2.0 / 3 * std::log(2.0) * std::log(2.0);  // of the logarithms
  for (const double p : {0.0, 1e-8, -1e-8})
    check_example(f, {one(p)}, {2 + p * variance}, {{variance}});  // y · variance / 2
}

TEST_CASE("the bounds of PowerAveragePool hold its exponent, which has no gradient outside them") {
  const Tensor x = row({1, 2, 4});
  const auto f = [&](const Tensors& t) { return power_average_pool(x, whole(x), t[0], {.p_min = 2, .p_max = 3}); };
  check_example(f, {one(1.5)}, {std::sqrt(21.0)}, {{0}});
  check_example(f, {one(9)}, {std::cbrt(73.0)}, {{0}});
  CHECK(gradient([&](const Tensors& t) { return sum(f(t)); }, {one(2.5)}).gradients[0].item() < -0.1);
}

TEST_CASE("PowerAveragePool learns its exponent, one for all or one for each channel, or keeps it") {
  const Tensor x = uniform({2, 3, 6}, Stream{1, 4, 3}, 0.2, 2, Dtype::f64);
  const std::string type = R"({"type": "PowerAveragePool1d", "kernel_size": 2)";
  const auto shared = layer_of(type + "}", {x.shape()});
  check_values(part(*shared, "p"), {2});
  check_values(run(*shared, {x}), power_average_pool(x, tiles(x, 2), one(2)).to_vector<double>());
  const auto each = layer_of(type + R"(, "p_init": 4, "p_scope": "per_channel", "reduction": "mean"})", {x.shape()});
  check_values(part(*each, "p"), {4, 4, 4});
  check_values(run(*each, {x}), power_average_pool(x, tiles(x, 2), one(4), {.sum = false}).to_vector<double>());
  check_values(run(*each, {select(x, 0, 1)}), select(run(*each, {x}), 0, 1).to_vector<double>());
  CHECK(run(*each, {Tensor({0, 3, 6}, Dtype::f64)}).shape() == Shape{0, 3, 3});
  const auto kept = layer_of(type + R"(, "learn_p": false, "p_init": 3})", {x.shape()});
  CHECK(parameters(*kept).empty());
  check_values(run(*kept, {x}), power_average_pool(x, tiles(x, 2), one(3)).to_vector<double>());
  check_refused(type + R"(, "p_init": 0.5})", {x}, "p_init is 0.5; allowed are p_min to p_max, 1 to 32");
  check_refused(type + R"(, "p_min": 5, "p_max": 4})", {x}, "p_min is 5, above p_max");
  check_refused(type + R"(, "eps": 0})", {x}, "eps");
}

TEST_CASE("GeM pools local windows where it has a kernel, and says what does not go together") {
  const Tensor x = uniform({2, 3, 6, 5}, Stream{1, 4, 4}, 0.2, 2, Dtype::f64);
  const Windows w = sliding_windows("test", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}});
  for (const std::string type : {"GeM", "GeM2d"})
    check_values(run(R"({"type": ")" + type + R"(", "kernel_size": 3, "stride": 2, "padding": 1})", {x}),
                 gem_pool(x, w, one(3)).to_vector<double>());
  CHECK(run(R"({"type": "GeM2d", "kernel_size": [4, 2], "ceil_mode": true})", {x}).shape() == Shape{2, 3, 2, 3});
  CHECK(run(R"("GeM2d")", {Tensor({0, 3, 6, 5}, Dtype::f32)}).shape() == Shape{0, 3, 1, 1});
  CHECK(run(R"("GeM2d")", {select(x, 0, 0)}).shape() == Shape{3, 1, 1});
  CHECK(run(R"("GeM3d")", {reshape(x, Shape{2, 3, 6, 5, 1})}).shape() == Shape{2, 3, 1, 1, 1});
  check_refused(R"({"type": "GeM2d", "stride": 2})", {x}, "give their kernel_size");
  check_refused(R"({"type": "GeM2d", "kernel_size": 2, "keepdim": false})", {x}, "keepdim");
  check_refused(R"({"type": "GeM2d", "kernel_size": 2, "padding": 2})", {x}, "padding");
}

TEST_CASE("power means over large planes of float32 keep their digits") {
  const Tensor x = uniform({1, 1, 1200, 900}, Stream{1, 4, 5}, 0, 3, Dtype::f64);
  const Tensor single = x.to(Dtype::f32);
  for (const double p : {1.0, 3.0, 20.0})
    CHECK(gem_pool(single, whole(single), one(p, Dtype::f32)).item() ==
          doctest::Approx(gem_pool(x, whole(x), one(p)).item()).epsilon(1e-6));
}

TEST_CASE("means of powers keep small slopes in float32, where AlphaIntegrationPool sees zeros, too") {
  const Tensor x = row({0, 1e-4, 1, 2}, Dtype::f32);
  const auto f = [](const Tensors& t) { return sum(alpha_pool(t[0], whole(t[0]), one(-3, Dtype::f32))); };
  const Tensor g = gradient(f, {x}).gradients[0];
  const Naive naive({1e-6, 1e-4 + 1e-6, 1 + 1e-6, 2 + 1e-6}, 2, false, 1e-9);
  for (int64_t i = 0; i < 4; ++i)
    CHECK(g.at(i) == doctest::Approx(naive.by_x[static_cast<size_t>(i)]).scale(0).epsilon(1e-4));
}

}  // namespace
}  // namespace tarn::test_pooling_power
