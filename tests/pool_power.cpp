// Lp pooling against a naive loop and its definition over the values of windows; and its corner cases.
#include <doctest/doctest.h>

#include <cmath>

#include "core/gradcheck.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/tape.h"
#include "layers/module.h"
#include "tests/support/pools.h"

namespace tarn::test_pool_power {

using namespace test;

namespace {

struct Lp {
  double p;
  LpSign sign;
  bool scale_partial;

  Tensor operator()(const Tensor& x, const Windows& w) const { return lp_pool(x, w, p, sign, scale_partial); }
  bool odd() const { return sign == LpSign::with_sign || (sign == LpSign::plain && std::fmod(p, 2) == 1); }
  /// (|x| / y)^q with the sign that this norm gives it in its sum, or else in its derivative.
  double power(double x, double y, double q, bool derivative) const {
    const double a = std::pow(std::abs(x) / y, q);
    if (x >= 0) return a;
    if (std::isnan(x)) return x;
    if (sign == LpSign::plain && p != std::floor(p)) return std::isinf(x) && !derivative ? a : no_number;
    return odd() != derivative ? -a : a;
  }
  double root(double sum) const {
    if (sign == LpSign::plain) return p == 1 ? sum : std::pow(sum, 1 / p);
    return std::copysign(std::pow(std::abs(sum), 1 / p), sum);
  }
};

Lp draw_lp(Draws& draws) {
  constexpr double exponents[] = {1, 2, 3, 4, 5, 7, 0.5, 1.5, 2.5, 20};
  return {exponents[draws.pick(0, 9)], LpSign(draws.pick(0, 2)), draws.pick(0, 1) == 1};
}

/// dy / dx of one tap: σ(x) (|x| / |y|)^(p - 1), 0 where y is 0, and where x is 0 and that would be infinite.
double slope(const Lp& lp, double x, double y) {
  if (y == 0 || (x == 0 && lp.p < 1 && !std::isnan(y))) return 0;
  if (lp.p == 1 && !lp.odd() && !(x < 0 || x > 0)) return 0;  // that of |x| at 0, and, as in PyTorch, at NaN
  return lp.power(x, std::abs(y), lp.p - 1, true);
}

struct Expected {
  std::vector<double> y, dx;
};

Expected brute(const Lp& lp, const Tensor& x, const Tensor& g, const Windows& w) {
  Expected e;
  e.dx.resize(static_cast<size_t>(x.numel()));
  for (int64_t cell = 0; cell < g.numel(); ++cell) {
    const int64_t from = cell / w.output_cells() * w.input_cells();
    const auto seen = w.cells(cell % w.output_cells());
    const double scale = lp.scale_partial ? double(w.taps()) / double(seen.size()) : 1;
    double sum = 0;
    for (const int64_t c : seen) sum += lp.power(x.at(from + c), 1, lp.p, false);
    const double y = lp.root(sum * scale);
    e.y.push_back(y);
    for (const int64_t c : seen) e.dx[size_t(from + c)] += g.at(cell) * scale * slope(lp, x.at(from + c), y);
  }
  return e;
}

/// Small whole powers are exact; sums of others must not cancel out, or any error would be right.
Tensor suitable(const Lp& lp, const Tensor& values) {
  const bool exact = lp.p == 1 || lp.p == 2 || lp.p == 3;
  return lp.odd() && !exact ? abs(values) : values;
}

/// NaN and infinities where they are expected, else near.
void check_close(const Tensor& got, const std::vector<double>& expected, double allowed) {
  REQUIRE(got.numel() == int64_t(expected.size()));
  for (int64_t i = 0; i < got.numel(); ++i) {
    const double want = expected[size_t(i)];
    CAPTURE(i);
    CAPTURE(want);
    CAPTURE(got.at(i));
    if (std::isfinite(want))
      REQUIRE(std::abs(got.at(i) - want) <= allowed * (1 + std::abs(want)));
    else
      REQUIRE((std::isnan(want) ? std::isnan(got.at(i)) : got.at(i) == want));
  }
}

/// The definition in public ops, for values other than 0.
Tensor definition(const Lp& lp, const Tensor& x, const Windows& w) {
  const Tensor seen = windows(x, w);
  std::vector<double> scales;
  for (int64_t o = 0; o < w.output_cells(); ++o)
    scales.push_back(lp.scale_partial ? double(w.taps()) / double(w.cells(o).size()) : 1);
  const Tensor power = pow(abs(seen), lp.p);
  const Tensor total = sum(lp.odd() ? power * sign(seen) : power, {-1}) * Tensor({w.output_cells()}, scales);
  return reshape(pow(abs(total), 1 / lp.p) * sign(total), w.output_shape(x.shape()));
}

}  // namespace

TEST_CASE("Lp pooling equals a naive loop over random geometries, in value and gradient, for every exponent and sign") {
  each_configuration(21, 3000, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Lp lp = draw_lp(draws);
    CAPTURE(lp.p);
    CAPTURE(int(lp.sign));
    const Tensor x = suitable(lp, draws.values(shape, dtype)).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), dtype);
    Tape tape;
    const Tensor y = lp(x, w);
    const Expected e = brute(lp, x, g, w);
    check_close(y, e.y, dtype == Dtype::f32 ? 3e-6 : 1e-13);
    check_close(tape.gradient(y, x, {.seed = g}), e.dx, dtype == Dtype::f32 ? 1e-4 : 1e-11);
  });
}

TEST_CASE("Lp pooling of NaN and infinities follows arithmetic") {
  each_configuration(22, 1500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Lp lp = draw_lp(draws);
    CAPTURE(lp.p);
    CAPTURE(int(lp.sign));
    const Tensor x = suitable(lp, draws.values(shape, dtype, true)).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), dtype);
    Tape tape;
    const Tensor y = lp(x, w);
    const Expected e = brute(lp, x, g, w);
    check_close(y, e.y, dtype == Dtype::f32 ? 3e-6 : 1e-13);
    check_close(tape.gradient(y, x, {.seed = g}), e.dx, dtype == Dtype::f32 ? 1e-4 : 1e-11);
  });
}

TEST_CASE("derivatives of Lp pooling equal those of its definition, up to the third") {
  each_configuration(23, 200, [](Draws& draws, const Shape& shape, const Windows& w, Dtype) {
    if (shape.numel() == 0) return;
    Lp lp = draw_lp(draws);
    if (lp.p < 2) lp.p += 2;
    if (lp.p > 7) lp.p = 3.5;
    const bool positive = lp.odd() || lp.sign == LpSign::plain;
    const Tensor draw = uniform(shape, {7, 8, 9}, 0.5, 1.5, Dtype::f64);
    const Tensor x = (positive ? draw : draw * sign(draws.values(shape, Dtype::f64) + 0.5)).requires_grad();
    const Tensor g = draws.values(w.output_shape(shape), Dtype::f64).requires_grad();
    const Tensor v = draws.values(shape, Dtype::f64).requires_grad();
    Tape tape;
    const auto derivatives = [&](const Tensor& y) {
      const Tensor first = tape.gradient(y, x, {.create_graph = true, .seed = g});
      const Tensors second = tape.gradient(first, Tensors{x, g}, {.create_graph = true, .seed = v});
      const Tensors third = tape.gradient(sum(second[0] * x) + sum(second[1]), Tensors{x, g, v});
      return Tensors{y, first, second[0], second[1], third[0], third[1], third[2]};
    };
    const Tensors fused = derivatives(lp(x, w));
    const Tensors defined = derivatives(definition(lp, x, w));
    for (size_t i = 0; i < fused.size(); ++i) check_close(fused[i], defined[i].to_vector<double>(), 1e-9);
  });
}

TEST_CASE("Lp pooling neither overflows nor vanishes where its result does not") {
  const Windows w = sliding_windows("pool", {1, 1, 4}, 1, {.kernel_size = {2}});
  for (const double p : {0.5, 1.0, 2.0, 3.0, 4.0, 20.0, 60.0})
    for (const double size : {1e-37, 1e-30, 1e-18, 1e18, 1e30, 1e37}) {
      CAPTURE(p);
      CAPTURE(size);
      const Tensor x = Tensor({1, 1, 4}, std::vector<double>{3 * size, -4 * size, 0, size}).to(Dtype::f32);
      const Tensor leaf = x.requires_grad();
      Tape tape;
      const Tensor y = lp_pool(leaf, w, p);
      const double norm = std::pow(std::pow(3.0, p) + std::pow(4.0, p), 1 / p);
      CHECK(y.at(0) / size == doctest::Approx(norm).epsilon(1e-5));
      CHECK(y.at(1) / size == doctest::Approx(1).epsilon(1e-5));
      const Tensor dx = tape.gradient(y, leaf, {.seed = Tensor::ones(y.shape())});
      CHECK(dx.at(0) == doctest::Approx(std::pow(3 / norm, p - 1)).epsilon(1e-5));
      CHECK(dx.at(1) == doctest::Approx(-std::pow(4 / norm, p - 1)).epsilon(1e-5));
      CHECK(dx.at(2) == 0);
      CHECK(dx.at(3) == doctest::Approx(1).epsilon(1e-5));
    }
}

TEST_CASE("a window of zeros has Lp norm 0 and derivatives 0 of every order, for every exponent") {
  const Windows w = sliding_windows("pool", {1, 1, 4}, 1, {.kernel_size = {2}});
  for (const LpSign sign : {LpSign::absolute, LpSign::with_sign, LpSign::plain})
    for (const double p : {0.5, 1.0, 1.5, 2.0, 3.0, 4.0}) {
      CAPTURE(p);
      const Tensor x = Tensor({1, 1, 4}, std::vector<double>{0, 0, 0, 2}).requires_grad();
      Tape tape;
      const Tensor y = lp_pool(x, w, p, sign);
      const Tensor dx = tape.gradient(y, x, {.create_graph = true, .seed = Tensor::ones(y.shape(), Dtype::f64)});
      CHECK(y.at(0) == 0);
      CHECK(y.at(1) == doctest::Approx(2));
      CHECK(dx.at(0) == 0);
      CHECK(dx.at(1) == 0);
      CHECK(dx.at(2) == (p == 1 && sign != LpSign::absolute ? 1 : 0));
      CHECK(dx.at(3) == doctest::Approx(1));
      const Tensor twice = tape.gradient(sum(dx * x), x);
      for (int64_t i = 0; i < 4; ++i) CHECK(std::isfinite(twice.at(i)));
      CHECK(twice.at(0) == 0);
    }
}

TEST_CASE("negative values are taken as asked, and partial windows are scaled up only when asked") {
  const Tensor x({1, 1, 4}, std::vector<double>{3, -4, -3, 2});
  const Windows w = sliding_windows("pool", x.shape(), 1, {.kernel_size = {2}});
  CHECK(lp_pool(x, w, 3).at(0) == doctest::Approx(std::cbrt(91)));
  CHECK(lp_pool(x, w, 3, LpSign::with_sign).at(0) == doctest::Approx(-std::cbrt(37)));
  CHECK(std::isnan(lp_pool(x, w, 3, LpSign::plain).at(0)));
  CHECK(std::isnan(lp_pool(x, w, 2.5, LpSign::plain).at(1)));
  CHECK(lp_pool(x, w, 2, LpSign::plain).at(0) == doctest::Approx(5));
  CHECK(lp_pool(x, w, 1, LpSign::plain).at(0) == -1);
  const Tensor odd({1, 1, 3}, std::vector<double>{1, 2, 3});
  const Windows partial = sliding_windows("pool", odd.shape(), 1, {.kernel_size = {2}, .ceil_mode = true});
  CHECK(lp_pool(odd, partial, 2).at(1) == 3);
  CHECK(lp_pool(odd, partial, 2, LpSign::plain, true).at(1) == doctest::Approx(std::sqrt(18)));
}

TEST_CASE("the infinite norm is the largest absolute value, its derivative that of the first") {
  const Tensor x = Tensor({1, 1, 4}, std::vector<double>{3, -4, 4, -1}).requires_grad();
  Tape tape;
  const Tensor y = lp_pool(x, adaptive_windows("pool", x.shape(), 1, {1}), infinity);
  CHECK(y.item() == 4);
  check_equal(tape.gradient(y, x, {.seed = Tensor::ones(y.shape(), Dtype::f64)}), {0, -1, 0, 0});
}

TEST_CASE("Lp pooling gives the same bits for one, two and four threads") {
  const Tensor x = normal({8, 16, 57, 53}, {1, 2, 3}).requires_grad();
  const Windows w = sliding_windows("pool", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}});
  for (const double p : {1.0, 2.0, 3.0, 2.5}) {
    std::vector<std::vector<float>> seen;
    for (const int n : {1, 2, 4}) {
      set_threads(n);
      Tape tape;
      const Tensor y = lp_pool(x, w, p);
      seen.push_back(y.to_vector<float>());
      seen.push_back(tape.gradient(sum(y * y), x).to_vector<float>());
    }
    CHECK((seen[0] == seen[2] && seen[0] == seen[4]));
    CHECK((seen[1] == seen[3] && seen[1] == seen[5]));
  }
  set_threads(processors());
}

TEST_CASE("Lp pooling refuses exponents that are no norm, and whole numbers") {
  const Tensor x = Tensor::ones({1, 1, 4});
  const Windows w = sliding_windows("pool", x.shape(), 1, {.kernel_size = {2}});
  for (const double p : {0.0, -1.0, no_number}) CHECK_THROWS_AS(lp_pool(x, w, p), Error);
  CHECK_THROWS_WITH_AS(lp_pool(x, w, infinity, LpSign::with_sign), doctest::Contains("norm_type is inf"), Error);
  CHECK_THROWS_AS(lp_pool(x, w, infinity, LpSign::plain), Error);
  CHECK_THROWS_AS(lp_pool(Tensor::zeros({1, 1, 4}, Dtype::i64), w, 2), Error);
  CHECK_THROWS_AS(lp_pool(Tensor::ones({1, 1, 5}), w, 2), Error);
}

TEST_CASE("the layers of Lp pooling read every setting, and refuse what does not fit by name") {
  const auto run = [](const std::string& config, const Tensor& x) {
    Build build{.inputs = {x.shape()}, .dtype = Dtype::f64};
    Context context;
    return make_layer(parse_json(config, "l.json"), build)->forward(x, context);
  };
  const Tensor x({1, 1, 2, 2}, std::vector<double>{1, -3, 2, 4});
  const std::string layer = R"({"type": "LPPool2d", "kernel_size": 2, "norm_type": )";
  CHECK(run(layer + "3}", x).item() == doctest::Approx(std::cbrt(1 + 27 + 8 + 64)));
  CHECK(run(layer + R"(3, "sign_mode": "signed"})", x).item() == doctest::Approx(std::cbrt(1 - 27 + 8 + 64)));
  CHECK(std::isnan(run(layer + R"(1.5, "sign_mode": "torch"})", x).item()));
  CHECK(run(layer + R"("inf"})", x).item() == 4);
  CHECK(run(layer + R"(1, "padding": 1, "partial_window": "torch"})", x).at(1) == 12);
  CHECK(run(layer + R"(2, "padding": 1})", x).at(1) == 3);
  CHECK_THROWS_WITH_AS(run(layer + "0}", x), doctest::Contains("/norm_type"), Error);
  CHECK_THROWS_WITH_AS(run(layer + R"(2, "padding": 2})", x), doctest::Contains("lp_pool2d: padding is 2"), Error);
  CHECK_THROWS_WITH_AS(run(layer + "2}", Tensor::ones({2, 2}, Dtype::f64)), doctest::Contains("[N, C, H, W]"), Error);
  const Tensor planes({1, 2, 2}, std::vector<double>{3, -4, 0, 2});
  check_close(run(R"("GlobalLPPool1d")", planes), {5, 2}, 1e-12);
  CHECK(run(R"({"type": "GlobalLPPool", "p": 1})", x).shape() == Shape{1, 1, 1, 1});
  CHECK(run(R"({"type": "GlobalLPPool", "p": 1, "keepdim": false})", x).shape() == Shape{1, 1});
  CHECK(run(R"({"type": "GlobalLPPool2d", "keepdim": false})", planes).shape() == Shape{1});
  CHECK_THROWS_WITH_AS(run(R"("GlobalLPPool")", Tensor::ones({2, 2}, Dtype::f64)),
                       doctest::Contains("1 to 3 spatial dimensions"), Error);
}

TEST_CASE("gradient checks of Lp pooling are not misled where values are 0") {
  each_configuration(24, 60, [](Draws& draws, const Shape& shape, const Windows& w, Dtype) {
    if (shape.numel() == 0) return;
    const Tensor x = draws.values(shape, Dtype::f64);
    for (const double p : {1.0, infinity}) {
      const auto f = [&](const Tensors& t) { return lp_pool(t[0], w, p) * lp_pool(t[0] * 0.9, w, p); };
      CAPTURE(p);
      const GradientReport report = check_gradients(f, {x}, {.order = 2});
      CAPTURE(report.text());
      CHECK(report.passed());
    }
  });
}

}  // namespace tarn::test_pool_power
