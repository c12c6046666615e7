// Losses against their definitions, every option of cross entropy, and what they refuse.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_loss {

namespace {

// Per sample, in plain loops: -sum_c w_c q_c log p_c with q the smoothed target.
double expected_loss(const Tensor& x, const std::vector<int64_t>& target, const std::vector<double>& w, Reduction r,
                     int64_t ignore, double smoothing) {
  const int64_t classes = x.shape()[1];
  double total = 0;
  double weights = 0;
  for (size_t n = 0; n < target.size(); ++n) {
    if (target[n] == ignore) continue;
    double sum_exp = 0;
    for (int64_t c = 0; c < classes; ++c) sum_exp += std::exp(x.at(static_cast<int64_t>(n) * classes + c));
    for (int64_t c = 0; c < classes; ++c) {
      const double q = (c == target[n] ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes);
      total += w[static_cast<size_t>(c)] * q * (std::log(sum_exp) - x.at(static_cast<int64_t>(n) * classes + c));
    }
    weights += w[static_cast<size_t>(target[n])];
  }
  return r == Reduction::mean ? total / weights : total;
}

template <class F>
void check_refused(F f, const char* part) {
  CAPTURE(part);
  try {
    f();
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("cross entropy equals its definition for every mix of weights, smoothing, ignored targets and reduction") {
  const Tensor x = normal({7, 5}, {1, 2, 3}, 0, 3, Dtype::f64);
  const std::vector<int64_t> targets{0, 4, 2, 2, 1, 3, 0};
  const Tensor target({7}, targets);
  const std::vector<double> ones(5, 1.0);
  const std::vector<double> uneven{0.5, 2, 1, 0, 3};
  for (const auto& w : {ones, uneven})
    for (const double smoothing : {0.0, 0.1, 1.0})
      for (const int64_t ignore : {-100, 2})
        for (const Reduction r : {Reduction::mean, Reduction::sum}) {
          const Tensor loss = cross_entropy(x, target, Tensor({5}, w), r, ignore, smoothing);
          CHECK(loss.shape() == Shape{});
          CHECK(loss.item() == doctest::Approx(expected_loss(x, targets, w, r, ignore, smoothing)).epsilon(1e-12));
          const Tensor each = cross_entropy(x, target, Tensor({5}, w), Reduction::none, ignore, smoothing);
          CHECK(each.shape() == Shape{7});
          CHECK(sum(each).item() ==
                doctest::Approx(expected_loss(x, targets, w, Reduction::sum, ignore, smoothing)).epsilon(1e-12));
        }
}

TEST_CASE("cross entropy by classes, by one-hot probabilities and by nll_loss of log_softmax agree, gradients too") {
  const Tensor x = normal({3, 4, 35}, {1, 2, 3}, 0, 2, Dtype::f64).requires_grad();
  std::vector<int64_t> classes(3 * 35);
  std::vector<double> hot(3 * 4 * 35, 0.0);
  for (size_t i = 0; i < classes.size(); ++i) {
    classes[i] = static_cast<int64_t>(i * 7 % 4);
    hot[(i / 35 * 4 + static_cast<size_t>(classes[i])) * 35 + i % 35] = 1;
  }
  const Tensor target({3, 35}, classes);
  Tape tape;
  const Tensor a = cross_entropy(x, target);
  const Tensor b = cross_entropy(x, Tensor({3, 4, 35}, hot));
  const Tensor c = nll_loss(log_softmax(x, 1), target);
  CHECK(a.item() == doctest::Approx(b.item()).epsilon(1e-13));
  CHECK(a.item() == doctest::Approx(c.item()).epsilon(1e-13));
  const Tensor da = tape.gradient(a, x, {.keep = true});
  const Tensor db = tape.gradient(b, x, {.keep = true});
  const Tensor dc = tape.gradient(c, x, {.keep = true});
  for (int64_t i = 0; i < x.numel(); ++i) {
    CHECK(std::abs(da.at(i) - db.at(i)) < 1e-14);
    CHECK(std::abs(da.at(i) - dc.at(i)) < 1e-14);
  }
}

TEST_CASE("a single sample needs no batch dimension, and a mean over no targets is NaN") {
  const Tensor x({3}, std::vector<double>{1, 2, 3});
  const double expected = std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 2;
  const Tensor one = Tensor({}, std::vector<int64_t>{1});
  CHECK(cross_entropy(x, one).item() == doctest::Approx(expected));
  CHECK(cross_entropy(x, one, {}, Reduction::none).shape() == Shape{});
  CHECK(nll_loss(x, one).item() == -2);
  const Tensor rows = Tensor::ones({2, 3}, Dtype::f64);
  const Tensor ignored({2}, std::vector<int64_t>{-100, -100});
  CHECK(std::isnan(cross_entropy(rows, ignored).item()));
  CHECK(cross_entropy(rows, ignored, {}, Reduction::sum).item() == 0);
  CHECK(std::isnan(nll_loss(rows, ignored).item()));
}

TEST_CASE("cross entropy of extreme logits neither overflows nor loses what is small") {
  const Tensor x({2, 2}, std::vector<float>{10000, 9999, -3e38f, 3e38f});
  const Tensor each = cross_entropy(x, Tensor({2}, std::vector<int64_t>{0, 1}), {}, Reduction::none);
  CHECK(each.at(0) == doctest::Approx(std::log1p(std::exp(-1.0))).epsilon(1e-6));
  CHECK(each.at(1) == 0);
}

TEST_CASE("losses over classes refuse targets that are no class, by value and place") {
  const Tensor x = Tensor::ones({2, 3});
  const auto classes = [](std::vector<int64_t> v) { return Tensor({static_cast<int64_t>(v.size())}, v); };
  check_refused([&] { cross_entropy(x, classes({0, 3})); }, "target 3 at position 1 is outside [0, 3)");
  check_refused([&] { nll_loss(x, classes({-1, 0})); }, "target -1 at position 0");
  check_refused([&] { cross_entropy(x, classes({1099511627776, 0})); }, "target 1099511627776");
  check_refused([&] { cross_entropy(x, classes({0, 0, 0})); }, "target [3] does not fit input [2,3]; expected [2]");
  check_refused([&] { cross_entropy(x, classes({0, 1}), Tensor::ones({2})); }, "weight [2]");
  check_refused([&] { cross_entropy(x, classes({0, 1}), {}, Reduction::mean, -100, 1.5); }, "label_smoothing is 1.5");
  check_refused([&] { cross_entropy(x, Tensor::ones({2, 4})); }, "target [2,4]");
  check_refused([&] { nll_loss(x, Tensor::ones({2})); }, "the target is float32");
  check_refused([&] { reduction_named("avg"); }, "'avg'");
  CHECK(reduction_named("sum") == Reduction::sum);
}

TEST_CASE("the elementwise losses have the values of their formulas") {
  const Tensor x({4}, std::vector<double>{0, 0.25, 2, -3});
  const Tensor t = Tensor::zeros({4}, Dtype::f64);
  CHECK(mse_loss(x, t).item() == doctest::Approx((0.0625 + 4 + 9) / 4));
  CHECK(l1_loss(x, t, Reduction::sum).item() == 5.25);
  CHECK(smooth_l1_loss(x, t, Reduction::none, 0.5).to_vector<double>() == std::vector<double>{0, 0.0625, 1.75, 2.75});
  CHECK(smooth_l1_loss(x, t, Reduction::sum, 0).item() == 5.25);
  CHECK(huber_loss(x, t, Reduction::none, 0.5).to_vector<double>() == std::vector<double>{0, 0.03125, 0.875, 1.375});
  check_refused([&] { smooth_l1_loss(x, t, Reduction::mean, -1); }, "beta is -1");
  check_refused([&] { huber_loss(x, t, Reduction::mean, 0); }, "delta is 0");
  CHECK_THROWS_AS(mse_loss(Tensor::ones({2, 3}), Tensor::ones({4, 2})), Error);
}

TEST_CASE("binary cross entropy is the same from probabilities and from logits, and stays finite at the ends") {
  const Tensor x = normal({50}, {1, 2, 3}, 0, 2, Dtype::f64);
  const Tensor t = uniform({50}, {1, 2, 4}, 0, 1, Dtype::f64);
  const Tensor pos = Tensor::full({}, 3, Dtype::f64);
  CHECK(binary_cross_entropy(sigmoid(x), t).item() ==
        doctest::Approx(binary_cross_entropy_with_logits(x, t).item()).epsilon(1e-12));
  CHECK(binary_cross_entropy_with_logits(x, t, {}, Reduction::mean, Tensor::ones({}, Dtype::f64)).item() ==
        doctest::Approx(binary_cross_entropy_with_logits(x, t).item()).epsilon(1e-12));
  CHECK(binary_cross_entropy_with_logits(x, Tensor::ones({50}, Dtype::f64), {}, Reduction::sum, pos).item() ==
        doctest::Approx(-3 * sum(logsigmoid(x)).item()).epsilon(1e-12));
  const Tensor ends({2}, std::vector<double>{0, 1});
  CHECK(binary_cross_entropy(ends, Tensor({2}, std::vector<double>{1, 0}), {}, Reduction::none).to_vector<double>() ==
        std::vector<double>{100, 100});
  const Tensor far({2}, std::vector<double>{-1e4, 1e4});
  CHECK(binary_cross_entropy_with_logits(far, ends, {}, Reduction::sum).item() == 0);
  check_refused([&] { binary_cross_entropy(x * 9.0, t); }, "outside [0, 1]");
  check_refused([&] { binary_cross_entropy(ends, Tensor::ones({2, 1}, Dtype::f64)); }, "must have the same shape");
}

}  // namespace tarn::test_loss
