// Compares analytic derivatives with numeric ones, in double precision, to first and second order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/derivatives.h"
#include "core/tensor.h"

namespace tarn {

/// What a comparison of derivatives came to. `kink`: at this very point a comparison, a maximum or a sign changes, so
/// that no derivative exists; the analytic value was that of one of the pieces that meet there, or lay between the
/// slopes to both sides, and is as right as any. `skipped`: time was up before anything was compared.
enum class Verdict { pass, fail, kink, skipped };

/// "pass", "fail", "kink" or "skipped".
const char* verdict_name(Verdict verdict);

/// Along which directions an input is moved.
enum class CheckMode {
  automatic,   ///< random directions, then a few elements
  full,        ///< every element
  projection,  ///< random directions over all elements
  sampled,     ///< some elements, drawn at random
};
/// The mode of that name; throws for another.
CheckMode check_mode_named(const std::string& name);

struct GradientCheckOptions {
  int order = 1;  ///< 1: gradients; 2: also gradients of <v, gradient>
  CheckMode mode = CheckMode::automatic;
  int directions = 3;       ///< random directions tried for each input
  int64_t samples = 8;      ///< elements tried for each input where not all are
  double step = 1.0 / 256;  ///< largest step; halved and extrapolated (Ridders 1982)
  double tolerance = 1e-6;  ///< allowed difference, relative to 1 plus the size of the derivatives
  uint64_t seed = 0;        ///< of directions, elements and cotangents
  int64_t search = 512;     ///< so many elements are tried one by one to find the worst of an input that fails
  int differentiable = -1;  ///< so many of the first inputs are checked; -1: all floating ones
  double seconds = 0;       ///< no further comparison is begun after so long; 0: no limit
  std::vector<std::string> names = {};  ///< of the inputs, for reports; default "input 0", …
  /// Called now and then with the comparisons made and those planned.
  std::function<void(int64_t made, int64_t planned)> progress = {};
};

/// The worst comparison for one input and order.
struct InputCheck {
  std::string input;
  int order = 1;
  int64_t index = -1;  ///< element of the input; -1: a random direction over all elements
  double analytic = 0, numeric = 0;
  double error = 0;  ///< |analytic - numeric| / (1 + size of the derivatives)
  double step = 0;   ///< step that gave the numeric value; 0: none was taken
  Verdict verdict = Verdict::pass;
  std::string kink_at;      ///< the op that changes its choice, where that is known
  int64_t comparisons = 0;  ///< made for this input and order
  int64_t kinks = 0;        ///< of these, at kinks
  int64_t skipped = 0;      ///< planned, but left out when time was up
};

struct GradientReport {
  std::vector<InputCheck> checks;  ///< inputs in order, first order before second

  /// True where nothing failed; kinks are allowed.
  bool passed() const;
  /// The failures, one line each; empty where there are none.
  std::string text() const;
};

/// A function of tensors to be differentiated. It must be deterministic: a random layer draws the same numbers each
/// time.
using Differentiable = Function;

/// Checks d f / d inputs for every floating input, all of which must be float64. Outputs of any shape are reduced with
/// a fixed random cotangent. Where a step crosses a kink, the numeric slope is that of the piece on which the point
/// lies (see core/decisions.h). An input without elements has nothing to compare and passes. Throws what `f` throws.
GradientReport check_gradients(const Differentiable& f, const Tensors& inputs,
                               const GradientCheckOptions& options = {});

/// x -> f(x) * f(0.9 x): every input feeds two places, so that a missing sum of contributions shows. Integer inputs,
/// and those after the first `differentiable` (-1: none), stay as they are.
Differentiable twice(Differentiable f, int differentiable = -1);

}  // namespace tarn
