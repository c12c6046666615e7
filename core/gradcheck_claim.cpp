// Slopes from values only: central differences, extrapolated to step zero, on the smooth piece where the point lies.
#include "core/gradcheck_claim.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn {
namespace {

constexpr int extrapolations = 5;        // step sizes of one extrapolation
constexpr int most_extrapolations = 12;  // where the function bends so fast that these do not agree

/// A fixed random tensor of the shape: what outputs and gradients are multiplied with.
Tensor weights(const Shape& shape, const char* purpose, size_t which, const GradientCheckOptions& options) {
  return normal(shape, Stream{options.seed, purpose_of(purpose), which}, 0, 1, Dtype::f64);
}

Tensor weighted(const Tensor& y, const GradientCheckOptions& options) {
  check(y.floating(), "check_gradients: the function's result is ", y.dtype(), "; it has no derivative");
  return sum(y * weights(y.shape(), "gradcheck/output", 0, options));
}

/// One evaluation on a tape of its own.
class Evaluation {
 public:
  Evaluation(const Differentiable& f, const Tensors& inputs, const std::vector<size_t>& wrt, int order,
             const GradientCheckOptions& options) {
    Tensors variables = inputs;
    for (const size_t i : wrt) {
      variables[i] = tape_.variable(inputs[i]);
      wrt_.push_back(variables[i]);
    }
    value_ = weighted(f(variables), options);
    if (order == 1) return;
    const Tensors first = by_inputs(true);
    value_ = Tensor::zeros({}, Dtype::f64);
    for (size_t i = 0; i < first.size(); ++i)
      if (first[i].defined()) value_ = value_ + sum(first[i] * weights(first[i].shape(), "gradcheck/v", i, options));
  }

  double value() const { return value_.item(); }
  /// Gradients of the value by the checked inputs; undefined where it does not depend on one.
  Tensors by_inputs(bool again) {
    if (value_.place().tape != tape_.id()) return Tensors(wrt_.size());
    return tape_.gradient(value_, wrt_, {.create_graph = again, .allow_unused = true});
  }

 private:
  Tape tape_;
  Tensors wrt_;
  Tensor value_;
};

/// The inputs with input `which` moved by t along the direction.
Tensors moved(const Tensors& inputs, size_t which, const std::vector<double>& direction, double t) {
  Tensors result = inputs;
  std::vector<double> values = inputs[which].to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] += t * direction[i];
  result[which] = Tensor(inputs[which].shape(), values);
  return result;
}

/// Ridders' table: takes the entry that changed least.
class Extrapolation {
 public:
  void add(double difference, double h) {
    const size_t i = count_++;
    table_[0][i] = difference;
    if (i == 0) {
      value = difference;
      step = h;
    }
    double factor = 4;
    for (size_t j = 1; j <= i; ++j, factor *= 4) {
      table_[j][i] = (factor * table_[j - 1][i] - table_[j - 1][i - 1]) / (factor - 1);
      const double change =
          std::max(std::abs(table_[j][i] - table_[j - 1][i]), std::abs(table_[j][i] - table_[j - 1][i - 1]));
      if (!(change < best_)) continue;
      best_ = change;
      value = table_[j][i];
      step = h;
    }
  }
  /// How far the entry taken is from the ones that it was made of.
  double change() const { return best_; }
  double value = 0;
  double step = 0;

 private:
  std::array<std::array<double, most_extrapolations>, most_extrapolations> table_{};
  size_t count_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace

Claim::Claim(const Differentiable& f, const Tensors& inputs, const std::vector<size_t>& wrt, int order,
             const GradientCheckOptions& options)
    : f_(f), inputs_(inputs), wrt_(wrt), order_(order), options_(options), gradients_(inputs.size()) {
  {
    const Decisions watch;
    centre_ = order == 1 ? weighted(f(inputs), options).item() : Evaluation(f, inputs, wrt, order, options).value();
    choices_ = watch.all();
  }
  Evaluation evaluation(f, inputs, wrt, order, options);
  const Tensors gradients = evaluation.by_inputs(false);
  for (size_t i = 0; i < wrt.size(); ++i)
    if (gradients[i].defined()) gradients_[wrt[i]] = gradients[i].detach();
}

Claim::Value Claim::at(const Tensors& x) const {
  Value value{};
  {
    const Decisions watch(Decisions::Mode::compare, choices_);
    value.real = order_ == 1 ? weighted(f_(x), options_).item() : Evaluation(f_, x, wrt_, order_, options_).value();
    value.changed = watch.changed();
  }
  value.smooth = value.real;
  if (value.changed && order_ == 1) {
    const Decisions watch(Decisions::Mode::follow, choices_);
    value.smooth = weighted(f_(x), options_).item();
  }
  return value;
}

Claim::Value Claim::along(size_t which, const std::vector<double>& direction, double t) const {
  return at(moved(inputs_, which, direction, t));
}

// The largest step at which both values are finite and, where the piece cannot be continued, no op chooses otherwise; 0
// where there is none.
double Claim::largest_step(size_t which, const std::vector<double>& direction) const {
  double h = options_.step;
  for (int shrunk = 0; shrunk < 7; ++shrunk, h /= 4) {
    const Value above = along(which, direction, h);
    const Value below = along(which, direction, -h);
    const bool finite = std::isfinite(above.smooth) && std::isfinite(below.smooth);
    if (finite && (order_ == 1 || (!above.changed && !below.changed))) return h;
  }
  return 0;
}

Slope Claim::slope(size_t which, const std::vector<double>& direction) const {
  Slope result;
  const double largest = largest_step(which, direction);
  double h = largest > 0 ? largest : options_.step / (1 << 14);
  Extrapolation table;
  bool changed = false;
  double size = std::abs(centre_);
  const auto rounding = [&](double step) { return 8 * std::numeric_limits<double>::epsilon() * size / step; };
  const auto unsettled = [&] {
    const double wanted = 0.1 * options_.tolerance * (1 + std::abs(table.value));
    return table.change() > std::max(wanted, rounding(h));
  };
  for (int i = 0; i < extrapolations || (i < most_extrapolations && unsettled()); ++i, h /= 2) {
    const Value above = along(which, direction, h);
    const Value below = along(which, direction, -h);
    table.add((above.smooth - below.smooth) / (2 * h), h);
    changed = above.changed || below.changed;
    size = std::max({size, std::abs(above.smooth), std::abs(below.smooth)});
    result.before = result.jump;
    result.right = (above.real - centre_) / h;
    result.left = (centre_ - below.real) / h;
    result.jump = std::abs(result.right - result.left);
  }
  result.value = table.value;
  result.step = largest > 0 ? table.step : 0;
  result.rounding = rounding(table.step);
  if (!changed) return result;
  // Does the choice change at the point itself, as far as numbers can tell?
  double reach = 1;
  const double* x = inputs_[which].data<double>();
  for (size_t i = 0; i < direction.size(); ++i)
    if (direction[i] != 0) reach = std::max(reach, std::abs(x[i]));
  const double tiny = reach / (1 << 30);
  result.kink = along(which, direction, tiny).changed;
  if (!result.kink) result.kink = along(which, direction, -tiny).changed;
  return result;
}

}  // namespace tarn
