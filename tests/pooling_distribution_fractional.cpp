// Fractional pooling: where its windows start has the distribution that the published formulas imply, by chi-square.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/ops.h"
#include "layers/module.h"
#include "layers/pooling/fractional.h"
#include "tests/support/outcomes.h"

namespace tarn::test_pooling_distribution_fractional {
namespace {

using namespace test;

/// One dimension: sizes of input and output, and of the window.
struct Line {
  int64_t input, output, kernel;
};

/// The chance of each list of starts for u uniform in [0, 1): trunc((j + u) α) - trunc(u α), which changes where
/// (j + u) α is whole, and I - k at last.
Chances torch_starts(const Line& d) {
  if (d.output == 1) return {{{d.input - d.kernel}, 1.0}};
  const double alpha = static_cast<double>(d.input - d.kernel) / static_cast<double>(d.output - 1);
  std::set<double> breaks;
  for (int64_t j = 0; j < d.output; ++j)
    for (int64_t m = 0; alpha > 0 && m <= d.input; ++m) {
      const double u = static_cast<double>(m) / alpha - static_cast<double>(j);
      if (u > 0 && u < 1) breaks.insert(u);
    }
  return over_interval(1, breaks, [&](double u) {
    Outcome starts;
    for (int64_t j = 0; j + 1 < d.output; ++j)
      starts.push_back(static_cast<int64_t>(std::trunc((static_cast<double>(j) + u) * alpha) - std::trunc(u * alpha)));
    starts.push_back(d.input - d.kernel);
    return starts;
  });
}

TEST_CASE("PyTorch's windows start where its formula says, as often as it says, for maxima and means") {
  for (const Line& d : {Line{11, 5, 2}, Line{7, 3, 3}, Line{10, 4, 1}, Line{9, 6, 3}, Line{6, 1, 2}, Line{5, 4, 2}}) {
    CAPTURE(d.input);
    const Chances chances = torch_starts(d);
    CHECK((d.output == 1 || (d.input - d.kernel) % (d.output - 1) == 0) == (chances.size() == 1));
    const Tensor x = repeat(numbers({1, 1, d.input}), std::vector<int64_t>{1, draws, 1});
    for (const bool averages : {false, true}) {
      const auto pool = layer(text(R"({"type": "Fractional)", averages ? "Avg" : "Max", R"(Pool1d", "kernel_size": )",
                                   d.kernel, R"(, "output_size": )", d.output, "}"),
                              x.shape());
      const Tensor y = draw_from(*pool, x, 3);
      const double behind = static_cast<double>(d.kernel - 1) / (averages ? 2 : 1);
      OutcomeCounts counts;
      for (int64_t p = 0; p < draws; ++p) {
        Outcome starts;
        for (int64_t o = 0; o < d.output; ++o)
          starts.push_back(static_cast<int64_t>(std::lround(y.at(p * d.output + o) - behind)));
        ++counts[starts];
      }
      check_outcomes(counts, chances);
    }
  }
}

TEST_CASE("PyTorch's windows of rows and columns are drawn independently for every plane") {
  const Line rows{8, 4, 2};
  const Line columns{7, 3, 2};
  const Tensor x = repeat(numbers({1, 1, 8, 7}), std::vector<int64_t>{2, draws / 2, 1, 1});
  const auto pool = layer(R"({"type": "FractionalMaxPool2d", "kernel_size": 2, "output_size": [4, 3]})", x.shape());
  const Tensor y = draw_from(*pool, x, 4);
  OutcomeCounts counts, pairs;
  Outcome before;
  for (int64_t p = 0; p < draws; ++p) {
    Outcome starts;
    for (int64_t i = 0; i < 4; ++i) starts.push_back(static_cast<int64_t>(y.at(p * 12 + i * 3)) / 7 - 1);
    for (int64_t i = 0; i < 3; ++i) starts.push_back(static_cast<int64_t>(y.at(p * 12 + i)) % 7 - 1);
    ++counts[starts];
    // The columns of a plane against the rows of the next.
    Outcome crossed(starts.begin(), starts.begin() + 4);
    if (!before.empty()) {
      crossed.insert(crossed.end(), before.begin() + 4, before.end());
      ++pairs[crossed];
    }
    before = starts;
  }
  const Chances both = product(torch_starts(rows), torch_starts(columns));
  check_outcomes(counts, both);
  check_outcomes(pairs, both);
}

/// Where windows of 0 … input - 1 begin, from the values of the layer on 0, 1, 2, …: each maximum is the last of its
/// window.
Outcome begins(const Tensor& y, int64_t output, int64_t step, int64_t unit, bool overlapping, int64_t input) {
  Outcome b{0};
  for (int64_t o = 0; o + 1 < output; ++o) {
    const int64_t last = static_cast<int64_t>(y.at(o * step)) / unit % input;
    b.push_back(last + (overlapping ? 0 : 1));
  }
  return b;
}

/// Every order of the increments ⌊α⌋ and, I mod O times, ⌊α⌋ + 1, as the starts that it gives.
Chances random_begins(int64_t input, int64_t output) {
  std::vector<int64_t> steps(static_cast<size_t>(output), input / output);
  for (int64_t i = output - input % output; i < output; ++i) ++steps[static_cast<size_t>(i)];
  std::vector<Outcome> all;
  do {
    Outcome b{0};
    for (size_t i = 0; i + 1 < steps.size(); ++i) b.push_back(b.back() + steps[i]);
    all.push_back(b);
  } while (std::next_permutation(steps.begin(), steps.end()));
  return uniform_over(all);
}

/// b_i = ⌈α (i + u)⌉ from 1 on, u uniform in [0, min((k + 2)/α - 1, (I + 1 - k)/α - (O - 1))), k = ⌊α⌋.
Chances pseudo_begins(int64_t input, int64_t output) {
  const double alpha = static_cast<double>(input) / static_cast<double>(output);
  const double k = std::floor(alpha);
  const double most =
      std::min((k + 2) / alpha - 1, (static_cast<double>(input) + 1 - k) / alpha - static_cast<double>(output - 1));
  std::set<double> breaks;
  for (int64_t i = 1; i < output; ++i)
    for (int64_t m = 0; m <= 2 * input; ++m) {
      const double u = static_cast<double>(m) / alpha - static_cast<double>(i);
      if (u > 0 && u < most) breaks.insert(u);
    }
  return over_interval(most, breaks, [&](double u) {
    Outcome b{0};
    for (int64_t i = 1; i < output; ++i)
      b.push_back(static_cast<int64_t>(std::ceil(alpha * (static_cast<double>(i) + u))) - 1);
    return b;
  });
}

TEST_CASE("windows that divide a plane are drawn as published, rows and columns independently, once for all planes") {
  const Tensor x = numbers({1, 1, 10, 7});
  const Tensor many = cat(Tensors{x, x + 70}, 1);
  for (const bool overlapping : {false, true})
    for (const std::string mode : {"random", "pseudo"}) {
      CAPTURE(mode);
      const auto chances = [&](int64_t input, int64_t output) {
        return mode == "random" ? random_begins(input, output) : pseudo_begins(input, output);
      };
      const auto pool = layer(text(R"({"type": "FractionalMaxPool2d", "output_size": [4, 3], "mode": ")", mode,
                                   R"(", "overlapping": )", overlapping, "}"),
                              x.shape());
      OutcomeCounts counts;
      for (uint64_t step = 0; step < draws; ++step) {
        const Tensor y = draw_from(*pool, x, 5, step);
        Outcome b = begins(y, 4, 3, 7, overlapping, 10);
        const Outcome columns = begins(y, 3, 1, 1, overlapping, 7);
        b.insert(b.end(), columns.begin(), columns.end());
        ++counts[b];
      }
      check_outcomes(counts, product(chances(10, 4), chances(7, 3)));
      const Tensor y = draw_from(*pool, many, 6);
      for (int64_t i = 0; i < 12; ++i) CHECK(y.at(12 + i) == y.at(i) + 70);
    }
}

TEST_CASE("dividing intervals of other sizes are drawn as published") {
  for (const auto& [input, output] :
       std::vector<std::pair<int64_t, int64_t>>{{11, 4}, {9, 5}, {12, 4}, {20, 3}, {6, 5}})
    for (const FractionalMode mode : {FractionalMode::random, FractionalMode::pseudo}) {
      CAPTURE(input);
      CAPTURE(static_cast<int>(mode));
      OutcomeCounts counts;
      for (uint64_t seed = 0; seed < draws; ++seed) {
        Outcome b;
        for (const Span& s :
             dividing_intervals(mode, input, output, false, Stream{seed, purpose_of("tests/dividing"), 0}))
          b.push_back(s.first);
        ++counts[b];
      }
      check_outcomes(counts,
                     mode == FractionalMode::random ? random_begins(input, output) : pseudo_begins(input, output));
    }
}

}  // namespace
}  // namespace tarn::test_pooling_distribution_fractional
