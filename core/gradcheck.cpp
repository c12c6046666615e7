// Checking derivatives: directional central differences, extrapolated to step zero, against what the tape gives.
#include "core/gradcheck.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn {
namespace {

constexpr int levels = 5;  // step sizes of one extrapolation

/// A scalar function of the inputs and what is claimed to be its gradient; an undefined gradient means zero.
struct Claim {
  std::function<double(const Tensors&)> value;
  Tensors gradients;
};

/// A derivative along a line, from values of the function only.
struct Numeric {
  double value = 0, step = 0;
  double left = 0, right = 0;   ///< one-sided slopes at the smallest step
  double jump = 0, before = 0;  ///< their difference at the smallest step and at twice that step
};

double dot(const Tensor& gradient, const std::vector<double>& direction) {
  double total = 0;
  if (!gradient.defined()) return total;
  const double* g = gradient.data<double>();
  for (size_t i = 0; i < direction.size(); ++i)
    if (direction[i] != 0) total += g[i] * direction[i];
  return total;
}

double length(const Tensor& gradient) {
  if (!gradient.defined()) return 0;
  const std::vector<double> values = gradient.to_vector<double>();
  return std::sqrt(dot(gradient, values));
}

/// The inputs with input `which` moved by t along the direction.
Tensors moved(const Tensors& inputs, size_t which, const std::vector<double>& direction, double t) {
  Tensors result = inputs;
  std::vector<double> values = inputs[which].to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] += t * direction[i];
  result[which] = Tensor(inputs[which].shape(), values);
  return result;
}

/// Ridders' extrapolation of central differences to step zero; takes the entry of the table that changed least.
Numeric slope_along(const Claim& claim, const Tensors& inputs, size_t which, const std::vector<double>& direction,
                    double largest_step) {
  Numeric result;
  std::array<std::array<double, levels>, levels> table{};
  const double centre = claim.value(inputs);
  double best = std::numeric_limits<double>::infinity();
  double h = largest_step;
  for (size_t i = 0; i < levels; ++i, h /= 2) {
    const double above = claim.value(moved(inputs, which, direction, h));
    const double below = claim.value(moved(inputs, which, direction, -h));
    result.before = result.jump;
    result.right = (above - centre) / h;
    result.left = (centre - below) / h;
    result.jump = std::abs(result.right - result.left);
    table[0][i] = (above - below) / (2 * h);
    if (i == 0) result.value = table[0][0];
    double factor = 4;
    for (size_t j = 1; j <= i; ++j, factor *= 4) {
      table[j][i] = (factor * table[j - 1][i] - table[j - 1][i - 1]) / (factor - 1);
      const double change =
          std::max(std::abs(table[j][i] - table[j - 1][i]), std::abs(table[j][i] - table[j - 1][i - 1]));
      if (!(change < best)) continue;
      best = change;
      result.value = table[j][i];
      result.step = h;
    }
  }
  return result;
}

/// Judges one comparison. At a kink the one-sided slopes stay apart however small the step; where the function is
/// smooth, halving the step halves their difference.
Verdict judge(double analytic, const Numeric& numeric, double error, double scale, double tolerance) {
  if (error <= tolerance) return Verdict::pass;
  const double slack = tolerance * scale + std::abs(numeric.before - numeric.jump);
  const bool stays = numeric.jump > 10 * tolerance * scale && numeric.jump > 0.75 * numeric.before;
  const bool between = analytic >= std::min(numeric.left, numeric.right) - slack &&
                       analytic <= std::max(numeric.left, numeric.right) + slack;
  return stays && between ? Verdict::kink : Verdict::fail;
}

InputCheck compare_along(const Claim& claim, const Tensors& inputs, size_t which, const std::vector<double>& direction,
                         const GradientCheckOptions& options) {
  const Numeric numeric = slope_along(claim, inputs, which, direction, options.step);
  InputCheck check;
  check.analytic = dot(claim.gradients[which], direction);
  check.numeric = numeric.value;
  check.step = numeric.step;
  const double scale = 1 + std::max(std::abs(numeric.value), length(claim.gradients[which]));
  check.error = std::abs(check.analytic - check.numeric) / scale;
  if (std::isnan(check.error)) check.error = std::numeric_limits<double>::infinity();
  check.verdict = judge(check.analytic, numeric, check.error, scale, options.tolerance);
  return check;
}

/// The worse of two: a failure before a kink before a pass, then the larger error.
bool worse(const InputCheck& a, const InputCheck& b) {
  const auto rank = [](Verdict v) { return v == Verdict::fail ? 2 : v == Verdict::kink ? 1 : 0; };
  if (a.verdict != b.verdict) return rank(a.verdict) > rank(b.verdict);
  return a.error > b.error;
}

/// After a random direction disagreed: the element that is to blame, or the direction where no single one is.
InputCheck blame(const Claim& claim, const Tensors& inputs, size_t which, const InputCheck& suspect,
                 const GradientCheckOptions& options) {
  const int64_t n = inputs[which].numel();
  InputCheck worst;
  for (int64_t i = 0; i < std::min(n, options.search); ++i) {
    std::vector<double> direction(static_cast<size_t>(n), 0.0);
    direction[static_cast<size_t>(i)] = 1;
    InputCheck check = compare_along(claim, inputs, which, direction, options);
    check.index = i;
    if (i == 0 || worse(check, worst)) worst = check;
  }
  const bool explained = worst.verdict == Verdict::fail || (worst.verdict == Verdict::kink && n <= options.search);
  return explained ? worst : suspect;
}

InputCheck check_input(const Claim& claim, const Tensors& inputs, size_t which, int order,
                       const GradientCheckOptions& options) {
  const auto n = static_cast<size_t>(inputs[which].numel());
  InputCheck worst;
  for (int trial = 0; n > 0 && trial < options.directions; ++trial) {
    const Stream stream{options.seed, purpose_of("gradcheck/direction"), static_cast<uint64_t>(trial) * 1000 + which};
    std::vector<double> direction(n);
    // Long directions are shortened: a step must stay near the point, before the next kink.
    const double size = n <= 64 ? 1.0 : 8 / std::sqrt(static_cast<double>(n));
    for (size_t i = 0; i < n; ++i) {
      const double u = 2 * stream.uniform(i) - 1;
      direction[i] = size * (u < 0 ? u / 2 - 0.5 : u / 2 + 0.5);
    }
    const InputCheck check = compare_along(claim, inputs, which, direction, options);
    if (trial == 0 || worse(check, worst)) worst = check;
  }
  if (worst.verdict != Verdict::pass) worst = blame(claim, inputs, which, worst, options);
  worst.order = order;
  worst.input = which < options.names.size() ? options.names[which] : text("input ", which);
  return worst;
}

/// A fixed random tensor of the shape: what outputs and gradients are multiplied with.
Tensor weights(const Shape& shape, const char* purpose, size_t which, const GradientCheckOptions& options) {
  return normal(shape, Stream{options.seed, purpose_of(purpose), which}, 0, 1, Dtype::f64);
}

/// One evaluation on a tape of its own.
class Evaluation {
 public:
  Evaluation(const Differentiable& f, const Tensors& inputs, const std::vector<size_t>& wrt,
             const GradientCheckOptions& options)
      : options_(options), leaves_(inputs) {
    for (const size_t i : wrt) {
      leaves_[i] = leaves_[i].requires_grad();
      wrt_.push_back(leaves_[i]);
    }
    const Tensor y = f(leaves_);
    check(y.floating(), "check_gradients: the function's result is ", y.dtype(), "; it has no derivative");
    loss_ = sum(y * weights(y.shape(), "gradcheck/output", 0, options));
  }

  double loss() const { return loss_.item(); }

  /// Gradients of the loss by the checked inputs; undefined where it does not depend on one.
  Tensors gradients(bool again) { return by_inputs(loss_, again); }

  /// <v, gradient> for fixed v, recorded.
  Tensor second_loss() {
    const Tensors first = gradients(true);
    Tensor total = Tensor::zeros({}, Dtype::f64);
    for (size_t i = 0; i < first.size(); ++i)
      if (first[i].defined()) total = total + sum(first[i] * weights(first[i].shape(), "gradcheck/v", i, options_));
    return total;
  }

  Tensors by_inputs(const Tensor& value, bool again) {
    if (value.place().tape != tape_.id()) return Tensors(wrt_.size());
    return tape_.gradient(value, wrt_, {.create_graph = again, .allow_unused = true});
  }

 private:
  const GradientCheckOptions& options_;
  Tape tape_;
  Tensors leaves_, wrt_;
  Tensor loss_;
};

/// Gradients in the places of the inputs they belong to.
Tensors spread(const Tensors& gradients, const std::vector<size_t>& wrt, size_t inputs) {
  Tensors result(inputs);
  for (size_t i = 0; i < wrt.size(); ++i) result[wrt[i]] = gradients[i].defined() ? gradients[i].detach() : Tensor();
  return result;
}

std::vector<size_t> checked_inputs(const Tensors& inputs, const GradientCheckOptions& options) {
  std::vector<size_t> wrt;
  const size_t count =
      options.differentiable < 0 ? inputs.size() : std::min(inputs.size(), static_cast<size_t>(options.differentiable));
  for (size_t i = 0; i < count; ++i) {
    if (!inputs[i].floating()) continue;
    check(inputs[i].dtype() == Dtype::f64, "check_gradients: input ", i, " is ", inputs[i].dtype(),
          "; float64 is needed for differences to mean anything");
    wrt.push_back(i);
  }
  return wrt;
}

}  // namespace

const char* verdict_name(Verdict verdict) {
  constexpr const char* names[] = {"pass", "fail", "kink"};
  return names[static_cast<int>(verdict)];
}

bool GradientReport::passed() const {
  return std::none_of(checks.begin(), checks.end(), [](const InputCheck& c) { return c.verdict == Verdict::fail; });
}

std::string GradientReport::text() const {
  std::string out;
  for (const InputCheck& c : checks) {
    if (c.verdict != Verdict::fail) continue;
    out += tarn::text(c.input, ", order ", c.order,
                      c.index < 0 ? std::string(", along a random direction") : tarn::text(", element ", c.index),
                      ": analytic ", c.analytic, ", numeric ", c.numeric, "\n");
  }
  return out;
}

GradientReport check_gradients(const Differentiable& f, const Tensors& inputs, const GradientCheckOptions& options) {
  check(options.order == 1 || options.order == 2, "check_gradients: order ", options.order, " must be 1 or 2");
  const std::vector<size_t> wrt = checked_inputs(inputs, options);
  GradientReport report;
  for (int order = 1; order <= options.order; ++order) {
    const bool second = order == 2;
    Claim claim;
    claim.value = [&](const Tensors& x) {
      Evaluation e(f, x, wrt, options);
      return second ? e.second_loss().item() : e.loss();
    };
    {
      Evaluation e(f, inputs, wrt, options);
      const Tensors gradients = second ? e.by_inputs(e.second_loss(), false) : e.gradients(false);
      claim.gradients = spread(gradients, wrt, inputs.size());
    }
    for (const size_t i : wrt) report.checks.push_back(check_input(claim, inputs, i, order, options));
  }
  return report;
}

Differentiable twice(Differentiable f, int differentiable) {
  return [f = std::move(f), differentiable](const Tensors& x) {
    Tensors scaled = x;
    const size_t count = differentiable < 0 ? x.size() : std::min(x.size(), static_cast<size_t>(differentiable));
    for (size_t i = 0; i < count; ++i)
      if (x[i].floating()) scaled[i] = x[i] * 0.9;
    return f(x) * f(scaled);
  };
}

}  // namespace tarn
