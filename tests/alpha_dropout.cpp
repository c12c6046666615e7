// Tests of alpha dropout and of the randomised leaky ReLU: shares, moments, gradients, modes, and their draws.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/module.h"

namespace tarn::test_alpha_dropout {
namespace {

constexpr double limit = -1.7580993408473766;

Tensor drawn(const Shape& shape) {
  return normal(shape, Stream{7, 1, 0}, 0, 1, Dtype::f64);
}

TEST_CASE("alpha dropout keeps the right share, and mean 0 and variance 1 of normal values") {
  for (const double p : {0.1, 0.5, 0.9}) {
    const Tensor x = drawn({200000}).requires_grad();
    Tape tape;
    const Tensor y = alpha_dropout(x, p, Stream{3, 1, 4});
    const Tensor dx = tape.gradient(sum(y), x);
    const double a = 1 / std::sqrt((1 - p) * (1 + p * limit * limit));
    int64_t kept = 0;
    for (int64_t i = 0; i < x.numel(); ++i) {
      const bool here = dx.at(i) != 0;
      kept += here;
      REQUIRE(dx.at(i) == doctest::Approx(here ? a : 0));
      REQUIRE(y.at(i) == doctest::Approx(a * (here ? x.at(i) : limit) - a * limit * p));
    }
    CHECK(std::abs(static_cast<double>(kept) - 200000 * (1 - p)) < 5 * std::sqrt(200000 * p * (1 - p)));
    CHECK(std::abs(mean(y).item()) < 5 / std::sqrt(200000.0));
    CHECK(std::abs(var(y).item() - 1) < 0.05);
  }
}

TEST_CASE("alpha dropout by features decides for whole channels") {
  const Tensor y = alpha_dropout(Tensor::ones({20, 30, 4, 3}, Dtype::f64), 0.5, {1, 2, 3}, true);
  int64_t kept = 0;
  for (int64_t c = 0; c < 600; ++c) {
    for (int64_t i = 1; i < 12; ++i) REQUIRE(y.at(c * 12 + i) == y.at(c * 12));
    kept += y.at(c * 12) > 0;
  }
  CHECK(std::abs(static_cast<double>(kept) - 300) < 5 * std::sqrt(150.0));
}

TEST_CASE("alpha dropout of nothing, of everything, of an empty batch, and of a chance that is none") {
  const Tensor x = Tensor::full({9}, 3, Dtype::f64);
  CHECK(alpha_dropout(x, 0, {1, 2, 3}).to_vector<double>() == x.to_vector<double>());
  CHECK(alpha_dropout(x, 1, {1, 2, 3}).to_vector<double>() == std::vector<double>(9));
  CHECK(alpha_dropout(Tensor::ones({0, 3}), 0.5, {1, 2, 3}).shape() == Shape{0, 3});
  for (const double p : {-0.1, 1.1, static_cast<double>(NAN)}) CHECK_THROWS_AS(alpha_dropout(x, p, {1, 2, 3}), Error);
  CHECK_THROWS_WITH_AS(alpha_dropout(x, 0.5, {1, 2, 3}, true),
                       "alpha_dropout: input [9] has no channels to drop; expected [N,C,…]", Error);
}

TEST_CASE("rrelu draws a slope for each value that is not positive, evenly between its bounds") {
  const Tensor x = drawn({100001}).requires_grad();
  std::vector<std::vector<double>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    Tape tape;
    const Tensor y = rrelu(x, 0.1, 0.5, Stream{3, 1, 4});
    const Tensor dx = tape.gradient(sum(y), x);
    seen.push_back(y.to_vector<double>());
    for (int64_t i = 0; i < x.numel(); ++i) REQUIRE(y.at(i) == doctest::Approx(dx.at(i) * x.at(i)));
  }
  set_threads(processors());
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
  std::vector<int64_t> tenths(10);
  int64_t negative = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double slope = seen[0][static_cast<size_t>(i)] / x.at(i);
    if (x.at(i) > 0) {
      REQUIRE(slope == 1);
      continue;
    }
    REQUIRE(slope > 0.1 - 1e-12);
    REQUIRE(slope < 0.5 + 1e-12);
    ++negative;
    ++tenths[std::min<size_t>(9, static_cast<size_t>((slope - 0.1) / 0.04))];
  }
  for (const int64_t count : tenths)
    CHECK(std::abs(static_cast<double>(count) - static_cast<double>(negative) / 10) <
          5 * std::sqrt(static_cast<double>(negative) * 0.09));
}

TEST_CASE("rrelu takes odd values and refuses bounds that are no range") {
  const Tensor odd({4}, std::vector<double>{NAN, 0, -INFINITY, INFINITY});
  const Tensor y = rrelu(odd, 0.25, 0.25, {1, 2, 3});
  CHECK(std::isnan(y.at(0)));
  CHECK(y.at(1) == 0);
  CHECK(y.at(2) == -INFINITY);
  CHECK(y.at(3) == INFINITY);
  CHECK(rrelu(Tensor::ones({0, 2}), 0.1, 0.2, {1, 2, 3}).shape() == Shape{0, 2});
  CHECK_THROWS_AS(rrelu(odd, 0.5, 0.1, {1, 2, 3}), Error);
  CHECK_THROWS_AS(rrelu(odd, 0.5, INFINITY, {1, 2, 3}), Error);
  CHECK_THROWS_AS(rrelu(odd, NAN, 1, {1, 2, 3}), Error);
}

TEST_CASE("the random layers change nothing, or by the mean slope, when not training, and draw anew at each step") {
  const auto made = [](const char* config) {
    Build build{.inputs = {{40, 10, 2}}, .dtype = Dtype::f64};
    return make_layer(parse_json(config, "l.json"), build);
  };
  const Tensor x = drawn({40, 10, 2});
  for (const char* config :
       {R"({"type": "AlphaDropout", "p": 0.4})", R"({"type": "FeatureAlphaDropout", "p": 0.4})", R"("RReLU")"}) {
    CAPTURE(config);
    const auto layer = made(config);
    const auto run = [&](bool training, uint64_t step) {
      Context context{.training = training, .seed = 1, .step = step};
      return layer->forward(x, context).to_vector<double>();
    };
    CHECK(run(true, 1) == run(true, 1));
    CHECK(run(true, 1) != run(true, 2));
    const bool leaky = std::string(config) == R"("RReLU")";
    CHECK(run(false, 1) == (leaky ? leaky_relu(x, (1.0 / 8 + 1.0 / 3) / 2) : x).to_vector<double>());
  }
  CHECK_THROWS_AS(made(R"({"type": "AlphaDropout", "p": 1.5})"), Error);
  CHECK_THROWS_AS(made(R"({"type": "RReLU", "lower": 0.5, "upper": 0.2})"), Error);
}

}  // namespace
}  // namespace tarn::test_alpha_dropout
