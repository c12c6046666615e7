// What one can ask of a tape besides gradients: hooks, retained values, partial derivatives, the search for the first
// value that is not finite, and a report of what it holds.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"
#include "tests/support/errors.h"

namespace tarn::test_tape_hooks {
namespace {

using test::contains;
using test::message_of;

Tensor leaf(std::vector<double> values) {
  return Tensor(Shape{static_cast<int64_t>(values.size())}, values).requires_grad();
}

TEST_CASE("a hook sees the whole cotangent of a value once, and what it returns flows on") {
  const Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor h = x * 3.0;
  const Tensor y = sum(h * h) + sum(h);  // two uses of h
  int calls = 0;
  tape.hook(h, [&](const Tensor& g) {
    ++calls;
    CHECK(g.to_vector<double>() == std::vector<double>{7, 13});  // 2 h + 1
    return Tensor();
  });
  tape.hook(h, [](const Tensor& g) { return g * 10.0; });
  CHECK(tape.gradient(y, x, {.keep = true}).to_vector<double>() == std::vector<double>{210, 390});
  CHECK(tape.gradient(y, h, {.keep = true}).to_vector<double>() == std::vector<double>{70, 130});
  CHECK(calls == 2);
}

TEST_CASE("a hook on a leaf may be added before the leaf is used, and clips what is given out") {
  const Tensor x = leaf({-3, 0.1});
  Tape tape;
  tape.hook(x, [](const Tensor& g) { return clamp(g, -1, 1); });
  CHECK(tape.gradient(sum(square(x)), x).to_vector<double>() == std::vector<double>{-1, 0.2});
}

TEST_CASE("a hook is part of second derivatives") {
  const Tensor x = leaf({2});
  Tape tape;
  const Tensor h = square(x);
  tape.hook(h, [](const Tensor& g) { return g * 5.0; });
  const Tensor slope = tape.gradient(sum(h * h), x, {.create_graph = true});  // 5 · 2h · 2x = 20 x³
  CHECK(slope.item() == 160);
  // Through 2x: 20 x² = 80. Through h: a cotangent of 20 x = 40, which the hook makes 200, times 2x: 800.
  CHECK(tape.gradient(slope, x, {.keep = true}).item() == 880);
}

TEST_CASE("a hook that changes the shape is refused by name, as is one on a value that is not on the tape") {
  const Tensor x = leaf({1, 2});
  Tape tape;
  const Tensor h = exp(x);
  tape.hook(h, [](const Tensor& g) { return sum(g); });
  const std::string message = message_of([&] { tape.gradient(sum(h), x); });
  CHECK(contains(message, "'exp'"));
  CHECK(contains(message, "[2]"));
  CHECK(contains(message_of([&] { tape.hook(Tensor::ones({1}), [](const Tensor& g) { return g; }); }), "not on this"));
}

TEST_CASE("a retained value is found by name and gradients by it can be asked for") {
  const Tensor x = leaf({1, 2});
  Tape tape;
  const auto model = [&] {
    const Tensor hidden = x * 2.0;
    Tape::current()->retain(hidden, "hidden");
    return sum(square(hidden));
  };
  const Tensor y = model();
  CHECK(tape.retained("hidden").to_vector<double>() == std::vector<double>{2, 4});
  CHECK(tape.gradient(y, tape.retained("hidden")).to_vector<double>() == std::vector<double>{4, 8});
  CHECK(tape.entry(tape.retained("hidden").place().entry).name == "hidden");
  CHECK(contains(message_of([&] { tape.retained("hiden"); }), "hidden"));
}

TEST_CASE("independent variables give partial derivatives") {
  const Tensor x = leaf({3});
  Tape tape;
  const Tensor u = square(x);
  const Tensor y = sum(u * x);
  const Tensor both[] = {x, u};
  const Tensors total = tape.gradient(y, both, {.keep = true});
  CHECK(total[0].item() == 27);  // 3 x²
  const Tensors partial = tape.gradient(y, both, {.independent = true});
  CHECK(partial[0].item() == 9);  // u
  CHECK(partial[1].item() == 3);  // x
}

TEST_CASE("one tensor can be two variables") {
  const Tensor x = Tensor(Shape{1}, std::vector<double>{3});
  Tape tape;
  const Tensor both[] = {tape.variable(x), tape.variable(x)};
  const Tensors g = tape.gradient(sum(both[0] * both[0] * both[1]), both);
  CHECK(g[0].item() == 18);
  CHECK(g[1].item() == 9);
}

TEST_CASE("a pullback may sweep its own tape") {
  const Tensor x = leaf({2});
  Tape tape;
  const Tensor cube = sum(x * x * x);
  const Tensor y = record("nested", cube.detach(),
                          Edge{x, [&](const Tensor& g) { return g * tape.gradient(cube, x, {.keep = true}); }});
  CHECK(tape.gradient(y + sum(x), x).item() == 13);
}

TEST_CASE("the first value that is not finite is named: op, layer, and the ranges of its inputs") {
  const Tensor x = leaf({0, 4});
  Tape tape;
  tape.check_finite(true);
  const Scope outer("stage1");
  const Scope inner("norm");
  const std::string message = message_of([&] { log(x * -1.0); });
  CHECK(contains(message, "stage1.norm: 'log'"));
  CHECK(contains(message, "[2] in [-4, -0]"));
  const Tensor parts[] = {x, x * 2.0};
  CHECK(message_of([&] { cat(parts); }) == "");
}

TEST_CASE("a derivative that is not finite is named although all values were") {
  const Tensor x = leaf({0, 4});
  Tape tape;
  tape.check_finite(true);
  const Tensor y = [&] {
    const Scope scope("root");
    return sum(sqrt(x));
  }();
  const std::string message = message_of([&] { tape.gradient(y, x); });
  CHECK(contains(message, "root: the derivative of 'sqrt'"));
  CHECK(contains(message, "[2] in [1, 1]"));
}

TEST_CASE("a tape's report counts what it keeps alive, each block once, and says for whom") {
  const Tensor x = Tensor::ones({1000}, Dtype::f64).requires_grad();
  Tape tape;
  const Tensor y = [&] {
    const Scope scope("a");
    return exp(x);
  }();
  const Tensor z = [&] {
    const Scope scope("b");
    return y * y;
  }();
  const TapeReport report = tape.report();
  CHECK(report.entries == 3);
  CHECK(report.leaves >= 8000);
  CHECK(report.captured >= 8000);
  CHECK(report.captured < 12000);  // exp keeps its result, the product the same one
  CHECK(report.by_op[0].name == "exp");
  CHECK(report.by_layer[0].name == "a");
  CHECK(contains(report.text(), "exp"));
  tape.gradient(sum(z), x);
  CHECK(tape.report().captured == 0);
}

TEST_CASE("nothing that a tape gives back when it closes is missing from its report, whatever the op") {
  for (const OpInfo* op : all_ops()) {
    if (op->samples.empty() || op->differentiable == 0) continue;
    CAPTURE(op->name);
    const Sample& sample = op->samples[0];
    Tensors x = draw(sample);
    size_t before = 0;
    int64_t said = 0;
    {
      Tape tape;
      for (Tensor& t : x)
        if (t.floating()) t = tape.variable(t);
      (sample.call ? sample.call : op->call)(x);
      // The inputs are held outside, too: they come back when this list goes.
      x.clear();
      said = tape.report().captured;
      before = memory_stats().in_use;
    }
    // It may say more: what somebody else holds, too.
    CHECK(static_cast<int64_t>(before - memory_stats().in_use) <= said);
  }
}

}  // namespace
}  // namespace tarn::test_tape_hooks
