// Divergence, Poisson's and Gauss' likelihood against their formulas, and at the edges of their domains.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/loss.h"

namespace tarn::test_loss_likelihood {

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double inf = std::numeric_limits<double>::infinity();

Tensor row(const std::vector<double>& values) {
  return {Shape{static_cast<int64_t>(values.size())}, values};
}

void check_close(const Tensor& y, const std::vector<double>& want) {
  REQUIRE(y.numel() == static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    const double got = y.at(static_cast<int64_t>(i));
    if (std::isnan(want[i]))
      CHECK(std::isnan(got));
    else
      CHECK(got == doctest::Approx(want[i]).epsilon(1e-13));
  }
}

}  // namespace

TEST_CASE("kl_div is t (log t - x), nothing where t is 0, and takes logarithms as targets") {
  const Tensor x = row({-1, -2, 0.5, -3});
  const Tensor t = row({0.25, 0, 1, -1});
  check_close(kl_div(x, t, Reduction::none), {0.25 * (std::log(0.25) + 1), 0, -0.5, not_a_number});
  const Tensor logs = row({-0.5, -inf, 0, -2});
  check_close(kl_div(x, logs, Reduction::none, true),
              {std::exp(-0.5) * 0.5, not_a_number, -0.5, std::exp(-2.0)});  // PyTorch, too, takes 0 · inf for NaN
  const Tensor p = uniform({5, 3}, {1, 2, 3}, 0.1, 1, Dtype::f64);
  const Tensor q = normal({5, 3}, {1, 2, 4}, 0, 1, Dtype::f64);
  CHECK(kl_div(q, log(p), Reduction::sum, true).item() == doctest::Approx(kl_div(q, p, Reduction::sum).item()));
}

TEST_CASE("batchmean divides by the first dimension's size, and belongs to kl_div") {
  const Tensor x = normal({4, 3}, {1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor t = uniform({4, 3}, {1, 2, 4}, 0, 1, Dtype::f64);
  const double total = kl_div(x, t, Reduction::sum).item();
  CHECK(kl_div(x, t, Reduction::batchmean).item() == doctest::Approx(total / 4));
  CHECK(kl_div(x, t).item() == doctest::Approx(total / 12));
  const Tensor one = Tensor::full({}, 0.5, Dtype::f64);
  CHECK(kl_div(one, one, Reduction::batchmean).item() == kl_div(one, one, Reduction::sum).item());
  const Tensor none = Tensor::zeros({0, 3});
  CHECK(std::isnan(kl_div(none, none, Reduction::batchmean).item()));
  CHECK(reduction_named("batchmean") == Reduction::batchmean);
  const Tensor classes({4}, std::vector<int64_t>{0, 1, 2, 0});
  CHECK_THROWS_WITH_AS(mse_loss(x, t, Reduction::batchmean),
                       "mse_loss: the reduction batchmean is kl_div's; choose none, mean or sum", Error);
  CHECK_THROWS_AS(cross_entropy(x, classes, {}, Reduction::batchmean), Error);
  CHECK_THROWS_AS(nll_loss(x, classes, {}, Reduction::batchmean), Error);
  CHECK_THROWS_AS(binary_cross_entropy(t, t, {}, Reduction::batchmean), Error);
}

TEST_CASE("poisson_nll_loss has Stirling's term for targets above 1 alone, in value and gradient") {
  const Tensor x = row({0.5, -1, 2});
  const Tensor t = row({0, 1, 3}).requires_grad();
  const double stirling = 3 * std::log(3) - 3 + 0.5 * std::log(6 * std::numbers::pi);
  check_close(poisson_nll_loss(x, t, true, true, 1e-8, Reduction::none),
              {std::exp(0.5), std::exp(-1) + 1, std::exp(2) - 6 + stirling});
  const Tensor rate = row({0.5, 0, 2});
  check_close(poisson_nll_loss(rate, t, false, false, 0.1, Reduction::none),
              {0.5, -std::log(0.1), 2 - 3 * std::log(2.1)});
  Tape tape;
  const Tensor loss = poisson_nll_loss(x, t, true, true, 1e-8, Reduction::sum);
  check_close(tape.gradient(loss, t), {-0.5, 1, -2 + std::log(3) + 0.5 / 3});
  const Tensor counts({3}, std::vector<int64_t>{0, 1, 3});
  CHECK(poisson_nll_loss(x, counts).item() == poisson_nll_loss(x, t).item());
}

TEST_CASE("gaussian_nll_loss raises small variances to eps, but not their gradient") {
  const Tensor x = row({1, 2, 3});
  const Tensor t = row({0, 2, 5});
  const Tensor var = row({0.5, 0, 4}).requires_grad();
  Tape tape;
  const Tensor loss = gaussian_nll_loss(x, t, var, true, 0.01, Reduction::none);
  const double constant = 0.5 * std::log(2 * std::numbers::pi);
  check_close(loss, {0.5 * (std::log(0.5) + 2) + constant, 0.5 * std::log(0.01) + constant,
                     0.5 * (std::log(4) + 1) + constant});
  check_close(tape.gradient(sum(loss), var), {0.5 * (2 - 4), 0.5 / 0.01, 0.5 * (0.25 - 0.25)});
}

TEST_CASE("a variance is one for each element, or one for each line") {
  const Tensor x = normal({2, 3}, {1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor t = normal({2, 3}, {1, 2, 4}, 0, 1, Dtype::f64);
  const Tensor lines({2}, std::vector<double>{0.5, 3});
  const Tensor each = broadcast_to(reshape(lines, Shape{2, 1}), {2, 3});
  const double want = gaussian_nll_loss(x, t, each).item();
  CHECK(gaussian_nll_loss(x, t, lines).item() == want);
  CHECK(gaussian_nll_loss(x, t, reshape(lines, Shape{2, 1})).item() == want);
  CHECK_THROWS_WITH_AS(gaussian_nll_loss(x, t, Tensor::ones({3}, Dtype::f64)),
                       doctest::Contains("var [3] does not fit input [2,3]"), Error);
  CHECK_THROWS_AS(gaussian_nll_loss(x, t, Tensor::ones({1, 3}, Dtype::f64)), Error);
  CHECK_THROWS_AS(gaussian_nll_loss(x, t, Tensor::ones({2, 3, 1}, Dtype::f64)), Error);
  CHECK_THROWS_WITH_AS(gaussian_nll_loss(x, t, Tensor({2}, std::vector<double>{1, -1e-300})),
                       doctest::Contains("-1e-300 at position 1"), Error);
  const Tensor one = Tensor::ones({}, Dtype::f64);
  CHECK(gaussian_nll_loss(one, one, one).item() == 0);
  CHECK(gaussian_nll_loss(row({1, 2}), row({1, 2}), one).item() == 0);
  CHECK(
      gaussian_nll_loss(Tensor::zeros({0, 3}), Tensor::zeros({0, 3}), Tensor::zeros({0}), false, 1e-6, Reduction::none)
          .shape() == Shape{0, 3});
}

TEST_CASE("a config chooses the settings of likelihood losses") {
  const Tensor x = normal({4, 3}, {1, 2, 3});
  const Tensor t = uniform({4, 3}, {1, 2, 4}, 0, 4, Dtype::f64);
  const auto loss = [&](const char* config) { return make_loss(parse_json(config, "l.json"))->value(x, t); };
  const Tensor same = t.to(Dtype::f32);
  CHECK(loss(R"({"type": "KLDivLoss", "reduction": "batchmean"})").item() ==
        kl_div(x, same, Reduction::batchmean).item());
  CHECK(loss(R"({"type": "KLDivLoss", "log_target": true})").item() == kl_div(x, same, Reduction::mean, true).item());
  CHECK(loss(R"({"type": "PoissonNLLLoss", "full": true, "reduction": "sum"})").item() ==
        poisson_nll_loss(x, same, true, true, 1e-8, Reduction::sum).item());
  CHECK_THROWS_AS(loss(R"({"type": "MSELoss", "reduction": "batchmean"})"), Error);
}

}  // namespace tarn::test_loss_likelihood
