// Plants errors in the pullbacks of every op and demands that the gradient check finds each that matters.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "apps/gradcheck/subjects.h"
#include "core/ops.h"
#include "core/random.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn::test_planted_bugs {
namespace {

/// An error that somebody could make when writing a pullback.
struct Bug {
  const char* what;
  Tensor (*apply)(const Tensor& right);
  int order = 1;  ///< of the derivative that it spoils
};

/// The right value with the first or the last element spoiled.
Tensor with_element(const Tensor& c, int64_t position, double factor) {
  Tensor mask = Tensor::ones(c.shape(), c.dtype());
  if (c.numel() > 0) mask.fill<double>()[position] = factor;
  return c * mask;
}

const std::vector<Bug>& bugs() {
  static const std::vector<Bug> all{
      {"wrong sign", [](const Tensor& c) { return neg(c); }},
      {"counted twice", [](const Tensor& c) { return c * 2.0; }},
      {"off by a thousandth", [](const Tensor& c) { return c * 1.001; }},
      {"forgotten", [](const Tensor& c) { return c * 0.0; }},
      {"last element lost", [](const Tensor& c) { return with_element(c, c.numel() - 1, 0); }},
      {"first element counted twice", [](const Tensor& c) { return with_element(c, 0, 2); }},
      {"order reversed", [](const Tensor& c) { return c.rank() ? flip(c, {-1}) : neg(c); }},
      {"shifted by one", [](const Tensor& c) { return c.rank() ? roll(c, std::vector<int64_t>{1}, {-1}) : c * 3.0; }},
      {"mean for sum", [](const Tensor& c) { return c * (1 / (1.0 + static_cast<double>(c.numel()))); }},
      {"a constant too many", [](const Tensor& c) { return c + 0.001; }},
      {"sign lost", [](const Tensor& c) { return abs(c); }},
      {"saturated", [](const Tensor& c) { return clamp(c, -0.1, 0.1); }},
      {"squared", [](const Tensor& c) { return c * c; }},
      {"taken for a constant", [](const Tensor& c) { return c.detach(); }, 2},
      {"right to first order only", [](const Tensor& c) { return c.detach() * 2.0 - c; }, 2},
  };
  return all;
}

/// While it lives, edge `edge` of every entry of `op` has the bug.
class Planted {
 public:
  Planted(std::string op, uint32_t edge, const Bug& bug)
      : patch_([op = std::move(op), edge, &bug](const char* at, uint32_t i, const Tensor& c) {
          return at == op && i == edge ? bug.apply(c) : c;
        }) {
    Recorder::state.patch = &patch_;
  }
  ~Planted() { Recorder::state.patch = nullptr; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;

 private:
  Recorder::Patch patch_;
};

Tensor weighing(const Shape& shape, const char* purpose, size_t which) {
  return normal(shape, Stream{0, purpose_of(purpose), which}, 0, 1, Dtype::f64);
}

/// Derivatives of that order with the cotangents that the check uses, all in one row.
std::vector<double> derivatives(const Subject& subject, int order) {
  Tape tape;
  Tensors x = subject.inputs;
  Tensors wrt;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool checked = subject.options.differentiable < 0 || i < static_cast<size_t>(subject.options.differentiable);
    if (!x[i].floating() || !checked) continue;
    x[i] = tape.variable(x[i]);
    wrt.push_back(x[i]);
  }
  const Tensor value = subject.f(x);
  Tensor y = sum(value * weighing(value.shape(), "gradcheck/output", 0));
  Tensors g(wrt.size());
  for (int k = 1; k <= order && y.place().tape == tape.id(); ++k) {
    g = tape.gradient(y, wrt, {.create_graph = k < order, .allow_unused = true});
    y = Tensor::zeros({}, Dtype::f64);
    for (size_t i = 0; i < g.size(); ++i)
      if (g[i].defined()) y = y + sum(g[i] * weighing(g[i].shape(), "gradcheck/v", i));
  }
  std::vector<double> row;
  for (const Tensor& part : g)
    for (int64_t i = 0; part.defined() && i < part.numel(); ++i) row.push_back(part.at(i));
  return row;
}

bool differ(const std::vector<double>& a, const std::vector<double>& b) {
  double size = 1;
  double difference = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    size += std::abs(a[i]);
    difference = std::max(difference, std::abs(a[i] - b[i]));
  }
  return a.size() != b.size() || difference > 1e-4 * size;
}

/// Ops on the tape of a subject, with the number of their edges.
std::set<std::pair<std::string, uint32_t>> edges_of(const Subject& subject) {
  Tape tape;
  Tensors x = subject.inputs;
  for (Tensor& t : x)
    if (t.floating()) t = tape.variable(t);
  subject.f(x);
  std::set<std::pair<std::string, uint32_t>> edges;
  for (size_t i = 0; i < tape.size(); ++i) {
    const EntryInfo e = tape.entry(i);
    for (uint32_t k = 0; k < e.inputs.size(); ++k) edges.emplace(e.op, k);
  }
  return edges;
}

TEST_CASE("errors planted in pullbacks are found, whatever the op") {
  int planted = 0;
  int found = 0;
  size_t turn = 0;
  for (const Subject& subject : op_subjects({.order = 2, .mode = CheckMode::projection})) {
    if (!subject.f || subject.options.differentiable == 0) continue;
    const std::vector<double> right[] = {derivatives(subject, 1), derivatives(subject, 2)};
    for (const auto& [op, edge] : edges_of(subject)) {
      const Bug& bug = bugs()[turn++ % bugs().size()];
      const Planted here(op, edge, bug);
      // Some change nothing: the sign of what is positive, a constant's derivative.
      if (!differ(derivatives(subject, bug.order), right[bug.order - 1])) continue;
      ++planted;
      GradientCheckOptions how = subject.options;
      how.order = bug.order;
      how.search = 1;
      const bool seen = !check_gradients(subject.f, subject.inputs, how).passed();
      found += seen;
      const std::string what = text(bug.what, " in '", op, "', edge ", edge, ", of ", subject.name);
      CAPTURE(what);
      CHECK(seen);
    }
  }
  CAPTURE(found);
  CHECK(planted >= 300);
  CHECK(found == planted);
}

}  // namespace
}  // namespace tarn::test_planted_bugs
