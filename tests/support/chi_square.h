// Pearson's test of whether counts agree with stated chances.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace tarn::test {

/// What a chi-square variable with so many degrees of freedom exceeds with chance 1e-6, or less: the cube of a normal
/// variable (Wilson and Hilferty 1931) is 15 % too large for one degree, 5 % for five.
inline double chi_square_limit(int64_t degrees) {
  constexpr double deviations = 4.753424;  // of a normal variable, exceeded with chance 1e-6
  const double n = static_cast<double>(degrees);
  const double root = 1 - 2 / (9 * n) + deviations * std::sqrt(2 / (9 * n));
  return n * root * root * root;
}

/// Pearson's statistic of counts under chances that add up to 1.
inline double chi_square(const std::vector<int64_t>& counts, const std::vector<double>& chances) {
  double draws = 0;
  for (const int64_t c : counts) draws += static_cast<double>(c);
  double total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = chances[i] * draws;
    const double difference = static_cast<double>(counts[i]) - expected;
    if (expected > 0) total += difference * difference / expected;
  }
  return total;
}

/// Checks counts of at least 100,000 draws. What has no chance must not occur, and every other outcome must be expected
/// five times, without which the statistic means nothing.
inline void check_distribution(const std::vector<int64_t>& counts, const std::vector<double>& chances) {
  REQUIRE(counts.size() == chances.size());
  int64_t draws = 0;
  double sum = 0;
  int64_t outcomes = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    draws += counts[i];
    sum += chances[i];
    outcomes += chances[i] > 0;
  }
  REQUIRE(draws >= 100000);
  REQUIRE(sum == doctest::Approx(1));
  for (size_t i = 0; i < counts.size(); ++i) {
    CAPTURE(i);
    if (chances[i] == 0) CHECK(counts[i] == 0);
    if (chances[i] > 0) CHECK(chances[i] * static_cast<double>(draws) >= 5);
  }
  if (outcomes > 1) CHECK(chi_square(counts, chances) < chi_square_limit(outcomes - 1));
}

/// The same where all outcomes are equally likely.
inline void check_uniform(const std::vector<int64_t>& counts) {
  check_distribution(counts, std::vector<double>(counts.size(), 1 / static_cast<double>(counts.size())));
}

}  // namespace tarn::test
