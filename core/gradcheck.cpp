// Checking derivatives: which comparisons are made of each input, and how they are judged.
#include "core/gradcheck.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/gradcheck_claim.h"
#include "core/ops.h"
#include "core/random.h"

namespace tarn {
namespace {

double inner_product(const Tensor& gradient, const std::vector<double>& direction) {
  double total = 0;
  if (!gradient.defined()) return total;
  const double* g = gradient.data<double>();
  for (size_t i = 0; i < direction.size(); ++i)
    if (direction[i] != 0) total += g[i] * direction[i];
  return total;
}

double norm_of(const Tensor& gradient) {
  return gradient.defined() ? std::sqrt(inner_product(gradient, gradient.to_vector<double>())) : 0;
}

/// Judges a comparison. Where an op is known to change its choice at the point, no derivative exists, and any value
/// between the one-sided slopes is right, as is the slope of the piece that was chosen. A kink that no op reports shows
/// in one-sided slopes that stay apart however small the step; where the function is smooth, halving the step halves
/// their difference.
Verdict judge(double analytic, const Slope& slope, double error, double scale, const GradientCheckOptions& options) {
  const bool near = error * scale <= options.tolerance * scale + slope.rounding;
  if (slope.kink && (near || slope.step == 0)) return Verdict::kink;
  if (near) return Verdict::pass;
  const double slack = options.tolerance * scale + std::abs(slope.before - slope.jump) + slope.rounding;
  const bool between =
      analytic >= std::min(slope.left, slope.right) - slack && analytic <= std::max(slope.left, slope.right) + slack;
  const bool stays = slope.jump > 10 * options.tolerance * scale && slope.jump > 0.75 * slope.before;
  return between && (slope.kink || stays) ? Verdict::kink : Verdict::fail;
}

/// The worse of two: a failure before a kink before a pass, then the larger error.
bool worse(const InputCheck& a, const InputCheck& b) {
  const auto rank = [](Verdict v) { return v == Verdict::fail ? 2 : v == Verdict::kink ? 1 : 0; };
  if (a.verdict != b.verdict) return rank(a.verdict) > rank(b.verdict);
  return a.error > b.error;
}

/// Time that is left, and how far the whole check has come.
class Budget {
 public:
  Budget(const GradientCheckOptions& options, int64_t planned) : options_(options), planned_(planned) {}
  bool over() const {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    return options_.seconds > 0 && spent.count() > options_.seconds;
  }
  void made_one() {
    if (options_.progress) options_.progress(std::min(++made_, planned_), planned_);
  }

 private:
  const GradientCheckOptions& options_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int64_t planned_;
  int64_t made_ = 0;
};

InputCheck unchecked(size_t which, int order, const GradientCheckOptions& options) {
  InputCheck c;
  c.order = order;
  c.input = which < options.names.size() ? options.names[which] : text("input ", which);
  return c;
}

/// The comparisons for one input.
class InputRun {
 public:
  InputRun(const Claim& claim, const Tensors& inputs, size_t which, int order, const GradientCheckOptions& options,
           Budget& budget)
      : claim_(claim),
        which_(which),
        options_(options),
        budget_(budget),
        size_(inputs[which].numel()),
        result_(unchecked(which, order, options)) {}

  InputCheck check() {
    if (size_ == 0) return result_;
    const CheckMode mode = options_.mode;
    if (mode == CheckMode::automatic || mode == CheckMode::projection)
      for (int trial = 0; trial < options_.directions; ++trial) compare(-1, random_direction(trial));
    if (mode != CheckMode::projection) compare_elements();
    if (suspicious_ || (result_.verdict == Verdict::fail && result_.index < 0)) blame();
    return result_;
  }

  /// How many comparisons that will be, if nothing fails.
  static int64_t planned(int64_t size, const GradientCheckOptions& options) {
    if (size == 0) return 0;
    const int64_t some = std::min(size, options.samples);
    if (options.mode == CheckMode::full) return size;
    if (options.mode == CheckMode::sampled) return some;
    return options.directions + (options.mode == CheckMode::automatic ? some : 0);
  }

 private:
  void compare(int64_t index, const std::vector<double>& direction) {
    if (budget_.over()) {
      ++result_.skipped;
      if (result_.comparisons == 0) result_.verdict = Verdict::skipped;
      return;
    }
    const Slope slope = claim_.slope(which_, direction);
    const Tensor& gradient = claim_.gradient(which_);
    InputCheck c = result_;
    c.index = index;
    c.analytic = inner_product(gradient, direction);
    c.numeric = slope.value;
    c.step = slope.step;
    const double scale = 1 + std::max(std::abs(slope.value), norm_of(gradient));
    c.error = std::abs(c.analytic - c.numeric) / scale;
    if (std::isnan(c.error)) c.error = std::numeric_limits<double>::infinity();
    c.verdict = judge(c.analytic, slope, c.error, scale, options_);
    c.kink_at = slope.kink ? slope.kink : "";
    c.kinks += c.verdict == Verdict::kink;
    // Over many elements the slopes to both sides are far apart, and much lies between them.
    suspicious_ = suspicious_ || (index < 0 && c.verdict == Verdict::kink && c.error > options_.tolerance);
    ++c.comparisons;
    if (result_.comparisons > 0 && !worse(c, result_)) {
      result_.comparisons = c.comparisons;
      result_.kinks = c.kinks;
    } else {
      result_ = c;
    }
    budget_.made_one();
  }

  /// Long directions are shortened: a step must stay near the point.
  std::vector<double> random_direction(int trial) const {
    const Stream stream{options_.seed, purpose_of("gradcheck/direction"), static_cast<uint64_t>(trial) * 1000 + which_};
    const double size = size_ <= 64 ? 1.0 : 8 / std::sqrt(static_cast<double>(size_));
    std::vector<double> direction(static_cast<size_t>(size_));
    for (size_t i = 0; i < direction.size(); ++i) {
      const double u = 2 * stream.uniform(i) - 1;
      direction[i] = size * (u < 0 ? u / 2 - 0.5 : u / 2 + 0.5);
    }
    return direction;
  }

  void compare_element(int64_t i) {
    std::vector<double> direction(static_cast<size_t>(size_), 0.0);
    direction[static_cast<size_t>(i)] = 1;
    compare(i, direction);
  }

  void compare_elements() {
    if (options_.mode == CheckMode::full || size_ <= options_.samples) {
      for (int64_t i = 0; i < size_; ++i) compare_element(i);
      return;
    }
    const Stream stream{options_.seed, purpose_of("gradcheck/elements"), which_};
    for (int64_t i = 0; i < options_.samples; ++i) compare_element(stream.below(static_cast<uint64_t>(i), size_));
  }

  /// After a random direction disagreed, or agreed only loosely: the element that is to blame, if there is one.
  void blame() {
    for (int64_t i = 0; i < std::min(size_, options_.search) && !budget_.over(); ++i) {
      InputRun one = *this;
      one.result_.comparisons = one.result_.kinks = 0;
      one.compare_element(i);
      result_.comparisons += one.result_.comparisons;
      if (one.result_.verdict != Verdict::fail) continue;
      if (result_.verdict == Verdict::fail && result_.index >= 0 && one.result_.error <= result_.error) continue;
      one.result_.comparisons = result_.comparisons;
      one.result_.kinks = result_.kinks;
      result_ = one.result_;
    }
  }

  const Claim& claim_;
  size_t which_;
  const GradientCheckOptions& options_;
  Budget& budget_;
  int64_t size_;
  InputCheck result_;
  bool suspicious_ = false;
};

InputCheck left_out(const Tensors& inputs, size_t which, int order, const GradientCheckOptions& options) {
  InputCheck c = unchecked(which, order, options);
  c.skipped = InputRun::planned(inputs[which].numel(), options);
  if (c.skipped > 0) c.verdict = Verdict::skipped;
  return c;
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
  constexpr const char* names[] = {"pass", "fail", "kink", "skipped"};
  return names[static_cast<int>(verdict)];
}

CheckMode check_mode_named(const std::string& name) {
  const std::string names[] = {"automatic", "full", "projection", "sampled"};
  const auto found = std::find(std::begin(names), std::end(names), name);
  check(found != std::end(names), "mode: '", name, "' is not one of automatic, full, projection, sampled",
        did_you_mean(name, names));
  return static_cast<CheckMode>(found - std::begin(names));
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
  check(options.directions > 0 && options.samples > 0, "check_gradients: directions and samples must be positive");
  check(options.step > 0 && options.tolerance > 0, "check_gradients: step and tolerance must be positive");
  const std::vector<size_t> wrt = checked_inputs(inputs, options);
  int64_t planned = 0;
  for (const size_t i : wrt) planned += options.order * InputRun::planned(inputs[i].numel(), options);
  Budget budget(options, planned);
  GradientReport report;
  for (int order = 1; order <= options.order; ++order) {
    if (budget.over()) {  // the claim alone may take minutes
      for (const size_t i : wrt) report.checks.push_back(left_out(inputs, i, order, options));
      continue;
    }
    const Claim claim(f, inputs, wrt, order, options);
    for (const size_t i : wrt) report.checks.push_back(InputRun(claim, inputs, i, order, options, budget).check());
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
