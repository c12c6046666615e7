// Compares analytic derivatives with numeric ones, in double precision, to first and second order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// What a comparison of derivatives came to. At a kink the slopes to both sides differ and the analytic value lies
/// between them: any such value is right.
enum class Verdict { pass, fail, kink };

/// "pass", "fail" or "kink".
const char* verdict_name(Verdict verdict);

struct GradientCheckOptions {
  int order = 1;            ///< 1: gradients; 2: also gradients of <v, gradient>
  int directions = 3;       ///< random directions tried for each input
  double step = 1.0 / 256;  ///< largest step; halved four times and extrapolated (Ridders 1982)
  double tolerance = 1e-6;  ///< allowed difference, relative to 1 plus the size of the derivatives
  uint64_t seed = 0;        ///< of directions and cotangents
  int64_t search = 512;     ///< so many elements are tried one by one to find the worst of an input that fails
  int differentiable = -1;  ///< so many of the first inputs are checked; -1: all floating ones
  std::vector<std::string> names = {};  ///< of the inputs, for reports; default "input 0", …
};

/// The worst comparison for one input and order.
struct InputCheck {
  std::string input;
  int order = 1;
  int64_t index = -1;  ///< element of the input that is wrong; -1: a random direction over all elements
  double analytic = 0, numeric = 0;
  double error = 0;  ///< |analytic - numeric| / (1 + size of the derivatives)
  double step = 0;   ///< step that gave the numeric value
  Verdict verdict = Verdict::pass;
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
using Differentiable = std::function<Tensor(const Tensors&)>;

/// Checks d f / d inputs for every floating input, all of which must be float64. Outputs of any shape are reduced with
/// a fixed random cotangent. An input without elements has nothing to compare and passes. Throws what `f` throws.
GradientReport check_gradients(const Differentiable& f, const Tensors& inputs,
                               const GradientCheckOptions& options = {});

/// x -> f(x) * f(0.9 x): every input feeds two places, so that a missing sum of contributions shows. Integer inputs,
/// and those after the first `differentiable` (-1: none), stay as they are.
Differentiable twice(Differentiable f, int differentiable = -1);

}  // namespace tarn
