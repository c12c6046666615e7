// What a pooling drew, counted, and compared with the chances that each outcome has.
#pragma once

#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/ops.h"
#include "layers/module.h"
#include "tests/support/chi_square.h"

namespace tarn::test {

/// What was drawn, as a list of whole numbers; how often, and with what chance.
using Outcome = std::vector<int64_t>;
using OutcomeCounts = std::map<Outcome, int64_t>;
using Chances = std::map<Outcome, double>;

/// Checks the counts, and that nothing else than what has a chance occurred.
inline void check_outcomes(const OutcomeCounts& counts, const Chances& chances) {
  for (const auto& [outcome, count] : counts) {
    std::string drawn;
    for (const int64_t i : outcome) drawn += std::to_string(i) + " ";
    REQUIRE_MESSAGE(chances.contains(outcome), drawn, "was drawn ", count, " times, and has no chance");
  }
  std::vector<int64_t> counted;
  std::vector<double> expected;
  for (const auto& [outcome, chance] : chances) {
    const auto found = counts.find(outcome);
    counted.push_back(found == counts.end() ? 0 : found->second);
    expected.push_back(chance);
  }
  check_distribution(counted, expected);
}
inline Chances uniform_over(const std::vector<Outcome>& outcomes) {
  Chances chances;
  for (const Outcome& o : outcomes) chances[o] = 1 / static_cast<double>(outcomes.size());
  return chances;
}
/// Two independent draws, one behind the other.
inline Chances product(const Chances& a, const Chances& b) {
  Chances both;
  for (const auto& [first, p] : a)
    for (const auto& [second, q] : b) {
      Outcome o = first;
      o.insert(o.end(), second.begin(), second.end());
      both[o] += p * q;
    }
  return both;
}
/// What `f` says for u uniform in [0, most), where it is constant between neighbours of `breaks`.
inline Chances over_interval(double most, std::set<double> breaks, const std::function<Outcome(double)>& f) {
  Chances chances;
  breaks.insert({0, most});
  for (auto it = breaks.begin(); std::next(it) != breaks.end(); ++it) {
    if (*it < 0 || *std::next(it) > most) continue;
    const double length = *std::next(it) - *it;
    if (length > 1e-12) chances[f(*it + length / 2)] += length / most;
  }
  return chances;
}

/// How many draws a distribution is compared on.
inline constexpr int64_t draws = 120000;

/// A layer for inputs of that shape; a pass with the draws of a seed and a step; 0, 1, 2, … in that shape.
inline std::unique_ptr<Module> layer(const std::string& json, const Shape& shape) {
  Build build{.inputs = {shape}, .dtype = Dtype::f64};
  return make_layer(parse_json(json, "config.json"), build);
}
inline Tensor draw_from(Module& pool, const Tensor& x, uint64_t seed, uint64_t step = 0) {
  Context context{.seed = seed, .step = step};
  return pool.forward(x, context);
}
inline Tensor numbers(const Shape& shape) {
  return reshape(Tensor::arange(shape.numel(), Dtype::f64), shape);
}

}  // namespace tarn::test
