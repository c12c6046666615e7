// Poolings that draw: what they draw has the stated distribution, by chi-square over 100,000 draws or more.
#include <doctest/doctest.h>

#include <cmath>

#include "core/derivatives.h"
#include "core/ops.h"
#include "layers/module.h"
#include "tests/support/outcomes.h"

namespace tarn::test_pooling_distribution {
namespace {

using namespace test;

/// The plane `values` as each of so many channels, one window and one draw each.
Tensor planes(const std::vector<double>& values, int64_t count = draws) {
  return repeat(Tensor({1, 1, static_cast<int64_t>(values.size())}, values), std::vector<int64_t>{1, count, 1});
}

TEST_CASE("stochastic pooling by the softmax draws each value with its share, negative ones too") {
  const std::vector<double> values{-1, 2, 0.5, -0.25};
  const Tensor x = planes(values);
  const auto pool = layer(R"({"type": "StochasticPool1d", "kernel_size": 4, "negatives": "softmax"})", x.shape());
  const Tensor y = draw_from(*pool, x, 5);
  OutcomeCounts counts;
  for (int64_t i = 0; i < draws; ++i) ++counts[{static_cast<int64_t>(y.at(i) * 4)}];
  Chances chances;
  double total = 0;
  for (const double v : values) total += std::exp(v);
  for (const double v : values) chances[{static_cast<int64_t>(v * 4)}] = std::exp(v) / total;
  check_outcomes(counts, chances);
}

TEST_CASE("a window without a positive value hands its gradient to any of its cells alike, or to none") {
  const std::vector<double> values{0, -1, -2, 0};
  for (const bool padded : {false, true})  // the padded window before sees two of four cells
    for (const bool none : {false, true}) {
      const Tensor x = planes(values);
      const auto pool = layer(text(R"({"type": "StochasticPool1d", "kernel_size": 4, "stride": 4, "padding": )",
                                   padded ? 2 : 0, none ? R"(, "zero_sum": "zero"})" : "}"),
                              x.shape());
      const auto f = [&](const Tensors& t) { return select(draw_from(*pool, t[0], 6), 2, 0); };
      const Valued found = vjp(f, {x}, Tensor::ones({1, draws}, Dtype::f64));
      CHECK(amax(abs(found.value), {}).item() == 0);
      const Tensor& g = found.gradients[0];
      if (none) {
        CHECK(amax(abs(g), {}).item() == 0);
        continue;
      }
      std::vector<int64_t> counts(padded ? 2 : 4);
      for (int64_t i = 0; i < draws; ++i)
        for (int64_t k = 0; k < 4; ++k)
          if (g.at(4 * i + k) != 0) {
            REQUIRE(g.at(4 * i + k) == 1);
            REQUIRE(k < static_cast<int64_t>(counts.size()));
            ++counts[static_cast<size_t>(k)];
          }
      CHECK(counts[0] + counts[1] + (padded ? 0 : counts[2] + counts[3]) == draws);
      check_uniform(counts);
    }
}

TEST_CASE("stochastic pooling by rank draws each rank with its chance, in windows at the edge as well") {
  const double a = 0.3;
  const Tensor x = planes({3, -1, 5, 0, 4});
  const auto pool =
      layer(R"({"type": "RankStochasticPool1d", "kernel_size": 5, "stride": 5, "padding": 2, "a": 0.3})", x.shape());
  const Tensor y = select(draw_from(*pool, x, 7), 2, 0);  // sees 3, -1 and 5
  const auto whole = layer(R"({"type": "RankStochasticPool1d", "kernel_size": 5, "a": 0.3})", x.shape());
  const Tensor z = draw_from(*whole, x, 8);
  OutcomeCounts at_edge, counts;
  for (int64_t i = 0; i < draws; ++i) {
    ++at_edge[{static_cast<int64_t>(y.at(i))}];
    ++counts[{static_cast<int64_t>(z.at(i))}];
  }
  const auto by_rank = [a](const std::vector<int64_t>& descending) {
    Chances chances;
    const double total = 1 - std::pow(1 - a, static_cast<double>(descending.size()));
    for (size_t r = 0; r < descending.size(); ++r)
      chances[{descending[r]}] = a * std::pow(1 - a, static_cast<double>(r)) / total;
    return chances;
  };
  check_outcomes(at_edge, by_rank({5, 3, -1}));
  check_outcomes(counts, by_rank({5, 4, 3, 0, -1}));
}

TEST_CASE(
    "max pooling dropout keeps each value as the largest with chance p (1 - p)^(n - i), and none with (1 - p)^n") {
  const double p = 0.35;
  const Tensor x = planes({2, 5, 3, 1});
  const auto pool = layer(R"({"type": "MaxPoolDropout1d", "kernel_size": 4, "p": 0.35})", x.shape());
  const Tensor y = draw_from(*pool, x, 9);
  OutcomeCounts counts;
  for (int64_t i = 0; i < draws; ++i) ++counts[{static_cast<int64_t>(y.at(i))}];
  const double q = 1 - p;
  check_outcomes(counts, {{{5}, p}, {{3}, p * q}, {{2}, p * q * q}, {{1}, p * q * q * q}, {{0}, q * q * q * q}});
}

TEST_CASE("coins of mixed pooling are independent of each other and of those of the step before") {
  const double p = 0.3;
  const Chances coin{{{0}, 1 - p}, {{1}, p}};
  for (const std::string granularity : {"layer", "sample", "channel", "window"}) {
    CAPTURE(granularity);
    const Tensor x = numbers({2, 5, 8});
    const auto pool =
        layer(text(R"({"type": "MixedPool1d", "kernel_size": 2, "p_max": 0.3, "granularity": ")", granularity, "\"}"),
              x.shape());
    const int64_t coins = granularity == "layer" ? 1 : granularity == "sample" ? 2 : granularity == "channel" ? 10 : 40;
    const int64_t apart = 40 / coins;
    OutcomeCounts neighbours, steps;
    std::vector<int64_t> before;
    for (uint64_t step = 0; step * static_cast<uint64_t>(coins) < 2 * draws; ++step) {
      const Tensor y = draw_from(*pool, x, 10, step);
      std::vector<int64_t> now;
      // The values of a window are 2i and 2i + 1: the maximum is whole, the mean is not.
      for (int64_t i = 0; i < coins; ++i) {
        now.push_back(y.at(i * apart) == std::floor(y.at(i * apart)));
        for (int64_t k = 0; k < apart; ++k)
          REQUIRE((y.at(i * apart + k) == std::floor(y.at(i * apart + k))) == (now.back() == 1));
      }
      for (size_t i = 0; i + 1 < now.size(); i += 2) ++neighbours[{now[i], now[i + 1]}];
      if (step % 2 == 1)
        for (size_t i = 0; i < now.size(); ++i) ++steps[{before[i], now[i]}];
      before = now;
    }
    check_outcomes(steps, product(coin, coin));
    if (coins > 1) check_outcomes(neighbours, product(coin, coin));
  }
}

/// All lists of `k` of the numbers first … first + n - 1, ascending.
std::vector<Outcome> choices(int64_t first, int64_t n, int64_t k) {
  if (k == 0) return {{}};
  std::vector<Outcome> all;
  for (int64_t at = first; at < first + n; ++at)
    for (Outcome rest : choices(at + 1, first + n - at - 1, k - 1)) {
      rest.insert(rest.begin(), at);
      all.push_back(rest);
    }
  return all;
}

TEST_CASE("S3 pooling draws every choice of rows and of columns alike, and independently") {
  struct Case {
    const char* settings;
    Chances rows, columns;
  };
  const auto groups = [](int64_t first, int64_t n, int64_t k) { return uniform_over(choices(first, n, k)); };
  const std::vector<Case> cases{
      // Groups as large as the stride: one row of each.
      {R"("stride": 2)", product(groups(0, 2, 1), groups(2, 3, 1)), product(groups(0, 2, 1), groups(2, 2, 1))},
      // Larger groups, the last of which has the rows that are left over.
      {R"("stride": 2, "grid_size": 4)", groups(0, 5, 2), groups(0, 4, 2)},
      {R"("stride": [1, 2], "grid_size": [1, 4])",
       product(product(product(groups(0, 1, 1), groups(1, 1, 1)), product(groups(2, 1, 1), groups(3, 1, 1))),
               groups(4, 1, 1)),
       groups(0, 4, 2)},
  };
  const Tensor x = numbers({1, 1, 5, 4});
  const Tensor many = cat(Tensors{cat(Tensors{x, x + 20}, 1), cat(Tensors{x + 40, x + 60}, 1)}, 0);
  for (const Case& c : cases) {
    CAPTURE(c.settings);
    const auto pool = layer(text(R"({"type": "S3Pool2d", "kernel_size": 1, )", c.settings, "}"), x.shape());
    OutcomeCounts counts;
    for (uint64_t step = 0; step < draws; ++step) {
      const Tensor y = draw_from(*pool, x, 11, step);
      Outcome drawn;
      for (int64_t i = 0; i < y.size(2); ++i) drawn.push_back(static_cast<int64_t>(y.at(i * y.size(3))) / 4);
      for (int64_t i = 0; i < y.size(3); ++i) drawn.push_back(static_cast<int64_t>(y.at(i)) % 4);
      ++counts[drawn];
    }
    check_outcomes(counts, product(c.rows, c.columns));
    // One draw for all samples and channels.
    const Tensor y = draw_from(*pool, many, 12);
    const int64_t cells = y.numel() / 4;
    for (int64_t i = 0; i < cells; ++i)
      for (int64_t p = 1; p < 4; ++p) CHECK(y.at(p * cells + i) == y.at(i) + static_cast<double>(20 * p));
  }
}

}  // namespace
}  // namespace tarn::test_pooling_distribution
