// Ten thousand gradient checks at points full of ties, plateaus and kinks, where nothing is wrong: none may fail.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "core/gradcheck.h"
#include "core/ops.h"
#include "core/record.h"

namespace tarn::test_false_alarms {
namespace {

/// How an input is filled; each draws from its own stream.
using Fill = std::function<double(const Stream&, uint64_t)>;

double bytes(const Stream& s, uint64_t i) {  // an image of 8 bits
  return static_cast<double>(s.below(i, 256));
}
double scaled_bytes(const Stream& s, uint64_t i) {
  return bytes(s, i) / 255;
}
double flat_bytes(const Stream& s, uint64_t i) {  // dark, with large even areas
  return static_cast<double>(s.below(i, 4));
}
double rectified(const Stream& s, uint64_t i) {  // what a ReLU leaves: half of it zeros
  return std::max(0.0, s.normal(i));
}
double clipped(const Stream& s, uint64_t i) {  // what ReLU6 leaves: zeros and sixes
  return std::min(6.0, std::max(0.0, 5 * s.normal(i)));
}
double halves(const Stream& s, uint64_t i) {  // on the jumps of rounding
  return static_cast<double>(s.below(i, 9)) / 2 - 2;
}
double ordinary(const Stream& s, uint64_t i) {
  return s.normal(i);
}

Tensor drawn(const Shape& shape, const Fill& fill, uint64_t number) {
  const Stream stream{number, purpose_of("tests/false_alarms"), 0};
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = fill(stream, i);
  return Tensor(shape, values);
}

Tensor pooled(const Tensor& x, const SlidingOptions& options) {
  return max_pool(x, sliding_windows("max_pool", x.shape(), x.rank() - 2, options));
}

/// A small network: what gradient checks of users' models meet.
Tensor network(const Tensor& x) {
  static const Tensor weight = normal({3, 1, 3, 3}, Stream{1, purpose_of("tests/weight"), 0}, 0, 0.5, Dtype::f64);
  const Tensor hidden = relu(conv(x, weight, {}, {.before = {1, 1, 0}, .after = {1, 1, 0}}));
  return pooled(hidden, {.kernel_size = {2}, .stride = {2}});
}

struct Trial {
  const char* name;
  const char* op;  // whose pullback can be spoiled
  Shape shape;
  Differentiable f;
};

std::vector<Trial> trials() {
  const auto on_first = [](Tensor (*f)(const Tensor&)) { return [f](const Tensors& x) { return f(x[0]); }; };
  return {
      {"max pooling 2x2",
       "max_pool",
       {1, 1, 4, 4},
       [](const Tensors& x) { return pooled(x[0], {.kernel_size = {2}}); }},
      {"overlapping max pooling",
       "max_pool",
       {1, 1, 5, 5},
       [](const Tensors& x) { return pooled(x[0], {.kernel_size = {3}, .stride = {1}, .padding = {1}}); }},
      {"dilated max pooling",
       "max_pool",
       {1, 1, 9},
       [](const Tensors& x) { return pooled(x[0], {.kernel_size = {3}, .stride = {2}, .dilation = {2}}); }},
      {"adaptive max pooling",
       "max_pool",
       {1, 1, 5, 4},
       [](const Tensors& x) {
         return max_pool(x[0], adaptive_windows("max_pool", x[0].shape(), 2, {2, 3}));
       }},
      {"network", "conv", {1, 1, 4, 4}, [](const Tensors& x) { return network(x[0]); }},
      {"relu", "relu", {8}, on_first(relu)},
      {"relu6", "hardtanh", {8}, on_first(relu6)},
      {"hardswish", "hardswish", {8}, on_first(hardswish)},
      {"abs", "abs", {8}, on_first(abs)},
      {"round", "mul", {8}, on_first(round)},
      {"clamp", "clamp", {8}, [](const Tensors& x) { return clamp(x[0], 0.5, 2.0); }},
      {"amax", "amax", {3, 4}, [](const Tensors& x) { return amax(x[0], {1}); }},
      {"max", "gather", {3, 4}, [](const Tensors& x) { return max(x[0], 1).values; }},
      {"sort", "gather", {6}, [](const Tensors& x) { return sort(x[0]).values; }},
      {"topk", "gather", {6}, [](const Tensors& x) { return topk(x[0], 3).values; }},
      {"maximum", "maximum", {6}, [](const Tensors& x) { return maximum(x[0], flip(x[0], {0})); }},
      {"largest norm", "amax", {2, 4}, [](const Tensors& x) { return norm(x[0], INFINITY, {1}); }},
      {"l1 distance", "abs", {6}, [](const Tensors& x) { return l1_loss(x[0], flip(x[0], {0})); }},
      {"huber", "huber_loss", {6}, [](const Tensors& x) { return huber_loss(x[0], Tensor::zeros({6}, Dtype::f64)); }},
      {"margin over classes",
       "where",
       {2, 4},
       [](const Tensors& x) {
         return multi_margin_loss(x[0], Tensor({2}, std::vector<int64_t>{1, 3}));
       }},
      {"margin over several classes",
       "multilabel_margin_loss",
       {2, 4},
       [](const Tensors& x) {
         return multilabel_margin_loss(x[0], Tensor({2, 4}, std::vector<int64_t>{1, 2, -1, 0, 3, -1, 0, 0}));
       }},
      {"where",
       "where",
       {6},
       [](const Tensors& x) { return where(gt(x[0], flip(x[0], {0})), x[0] * 3.0, square(x[0])); }},
  };
}

TEST_CASE("ten thousand checks at ties, plateaus and kinks raise no false alarm") {
  const std::vector<Fill> fills{bytes, scaled_bytes, flat_bytes, rectified, clipped, halves, ordinary};
  const std::vector<Trial> all = trials();
  GradientCheckOptions how{.directions = 1, .samples = 2};
  int64_t checked = 0;
  int64_t kinks = 0;
  for (uint64_t number = 0; checked < 10000; ++number) {
    const Trial& trial = all[number % all.size()];
    const Tensor x = drawn(trial.shape, fills[number / all.size() % fills.size()], number);
    how.seed = number;
    how.order = number % 10 == 0 ? 2 : 1;
    const GradientReport report = check_gradients(trial.f, {x}, how);
    ++checked;
    for (const InputCheck& c : report.checks) kinks += c.verdict == Verdict::kink;
    if (report.passed()) continue;
    const std::string what = text(trial.name, " at ", x.text(), ": ", report.text());
    CAPTURE(what);
    CHECK(report.passed());
  }
  CHECK(kinks > 2000);  // the points were as nasty as they were meant to be
}

TEST_CASE("the same points do not hide a wrong derivative") {
  const std::vector<Fill> fills{bytes, scaled_bytes, flat_bytes, rectified, clipped, halves, ordinary};
  const std::vector<Trial> all = trials();
  int64_t planted = 0;
  int64_t found = 0;
  for (uint64_t number = 0; number < 2000; ++number) {
    const Trial& trial = all[number % all.size()];
    const Tensors x{drawn(trial.shape, fills[number / all.size() % fills.size()], number)};
    const GradientCheckOptions how{.directions = 1, .samples = 4, .seed = number};
    const Tensor y = trial.f(x);
    const Tensor v = normal(y.shape(), Stream{number, purpose_of("gradcheck/output"), 0}, 0, 1, Dtype::f64);
    const Tensor right = vjp(trial.f, x, v).gradients[0];
    const Recorder::Patch spoil = [&](const char* op, uint32_t, const Tensor& c) {
      return std::string_view(op) == trial.op ? c * -1.5 : c;
    };
    Recorder::state.patch = &spoil;
    const Tensor wrong = vjp(trial.f, x, v).gradients[0];
    const bool passed = check_gradients(trial.f, x, how).passed();
    Recorder::state.patch = nullptr;
    if (norm(right - wrong).item() < 1e-3) continue;  // nothing flows there
    ++planted;
    found += !passed;
  }
  CAPTURE(planted);
  CAPTURE(found);
  CHECK(planted > 1000);
  CHECK(found == planted);
}

}  // namespace
}  // namespace tarn::test_false_alarms
