// Checkpointed segments: the same bits with less memory, to any order.
#include "core/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/tape.h"
#include "layers/model.h"

namespace tarn::test_checkpoint {
namespace {

Tensor random(const Shape& shape, uint64_t number, Dtype dtype = Dtype::f64) {
  return normal(shape, Stream{number, purpose_of("tests/checkpoint"), 0}, 0, 1, dtype);
}

/// A layer with a parameter of its own.
Tensor layer(const Tensor& x, const Tensor& w) {
  return tanh(matmul(x, w)) + x;
}

Tensors gradients_of(const Tensors& weights, const Tensor& x, bool checkpointed) {
  Tape tape;
  Tensor h = x;
  for (const Tensor& w : weights)
    h = checkpointed ? checkpoint([w](const Tensor& in) { return layer(in, w); }, h) : layer(h, w);
  Tensors wrt = weights;
  wrt.push_back(x);
  return tape.gradient(sum(square(h)), wrt);
}

TEST_CASE("gradients through segments have the bits of plain ones, for inputs and for the leaves inside") {
  Tensors weights;
  for (uint64_t i = 0; i < 4; ++i) weights.push_back(random({5, 5}, i).requires_grad());
  const Tensor x = random({3, 5}, 9).requires_grad();
  const Tensors plain = gradients_of(weights, x, false);
  const Tensors again = gradients_of(weights, x, true);
  for (size_t i = 0; i < plain.size(); ++i) CHECK(plain[i].to_vector<double>() == again[i].to_vector<double>());
}

TEST_CASE("second derivatives go through a segment, also where it is used twice and shares a leaf with the outside") {
  const Tensor w = random({3, 3}, 1).requires_grad();
  const Tensor x = random({2, 3}, 2).requires_grad();
  const auto second = [&](bool checkpointed) {
    Tape tape;
    const auto f = [w](const Tensor& in) { return layer(in, w); };
    const Tensor h = checkpointed ? checkpoint(f, x) : f(x);
    const Tensor y = checkpointed ? checkpoint(f, h) : f(h);
    const Tensor wrt[] = {x, w};
    const Tensors first = tape.gradient(sum(y * y) + sum(matmul(h, w)), wrt, {.create_graph = true});
    return tape.gradient(sum(square(first[0])) + sum(first[1] * w), wrt);
  };
  const Tensors plain = second(false);
  const Tensors again = second(true);
  for (size_t i = 0; i < 2; ++i)
    for (int64_t k = 0; k < plain[i].numel(); ++k)
      CHECK(again[i].at(k) == doctest::Approx(plain[i].at(k)).epsilon(1e-12));
}

TEST_CASE("several inputs and outputs, constants and integers pass through a segment") {
  const Tensor a = random({2, 3}, 1).requires_grad();
  const Tensor b = random({3}, 2).requires_grad();
  const auto f = [](const Tensors& in) -> Tensors {
    return {in[0] * in[1], max(in[0], 1).indices, exp(in[1]), sum(in[2])};
  };
  const Tensor constant = random({4}, 3);
  const auto run = [&](bool checkpointed) {
    Tape tape;
    const Tensors in{a, b, constant};
    const Tensors out = checkpointed ? checkpoint(Segment(f), in) : f(in);
    CHECK(out.size() == 4);
    CHECK(out[1].dtype() == Dtype::i64);
    const Tensor wrt[] = {a, b};
    return tape.gradient(sum(square(out[0])) + sum(out[2]) * sum(out[3]), wrt);
  };
  const Tensors plain = run(false);
  const Tensors again = run(true);
  for (size_t i = 0; i < 2; ++i) CHECK(plain[i].to_vector<double>() == again[i].to_vector<double>());
}

TEST_CASE("the same sweep can be asked for twice") {
  const Tensor x = random({3}, 1).requires_grad();
  Tape tape;
  const Tensor y = checkpoint([](const Tensor& in) { return exp(in); }, x);
  const Tensor seed = Tensor::ones({3}, Dtype::f64);
  const Tensor first = tape.gradient(y, x, {.keep = true, .seed = seed});
  const Tensor second = tape.gradient(y, x, {.keep = true, .seed = seed});
  CHECK(first.to_vector<double>() == second.to_vector<double>());
  CHECK(first.at(0) == doctest::Approx(std::exp(x.at(0))));
}

TEST_CASE("without a tape a segment just runs") {
  const Tensor y = checkpoint([](const Tensor& in) { return in * 2.0; }, Tensor::ones({2}));
  CHECK(y.place().tape == 0);
  CHECK(y.at(1) == 2);
}

TEST_CASE("a segment that reaches for a recorded value outside is refused, and a changed parameter is noticed") {
  Tensor w = random({3}, 1).requires_grad();
  Tape tape;
  const Tensor outside = w * 2.0;
  CHECK_THROWS_AS(checkpoint([&](const Tensor& in) { return in * outside; }, w), Error);
  const Tensor y = checkpoint([&](const Tensor& in) { return exp(in * w); }, Tensor::ones({3}, Dtype::f64));
  assign(w, Tensor::zeros({3}, Dtype::f64));
  CHECK_THROWS_AS(tape.gradient(sum(y), w), Error);
}

/// Layers in a row, as a model.
std::unique_ptr<Model> deep_model(int layers) {
  std::string list = "[";
  for (int i = 0; i < layers; ++i)
    list +=
        text(i ? "," : "", R"({"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1, "bias": false},)",
             R"("BatchNorm2d", "ReLU", {"type": "Dropout", "p": 0.1})");
  Build build;
  build.inputs = {{4, 8, 16, 16}};
  build.seed = 3;
  return std::make_unique<Model>(parse_json(list + "]", "model"), build);
}

struct Step {
  std::vector<std::vector<float>> gradients;
  std::vector<float> statistics;
  double peak = 0;  // bytes above what was in use before
};

Step step_with(int64_t checkpoints) {
  const auto model = deep_model(16);  // 64 items
  const Tensor x = random({4, 8, 16, 16}, 1, Dtype::f32);
  Tensors wrt;
  for (const NamedTensor& p : parameters(*model)) wrt.push_back(*p.tensor);
  Context context{.seed = 5, .checkpoints = checkpoints};
  const size_t before = memory_stats().in_use;
  reset_peak_memory();
  Step step;
  {
    Tape tape;
    const Tensor y = sum(square(model->forward(x, context)));
    for (const Tensor& g : tape.gradient(y, wrt)) step.gradients.push_back(g.to_vector<float>());
  }
  step.peak = static_cast<double>(memory_stats().peak - before);
  for (const NamedTensor& b : buffers(*model))
    if (b.tensor->floating())
      for (const float v : b.tensor->to_vector<float>()) step.statistics.push_back(v);
  return step;
}

TEST_CASE("a network of 64 layers in segments takes less memory and gives the same bits") {
  const Step plain = step_with(0);
  const Step eight = step_with(8);
  CHECK(plain.gradients == eight.gradients);
  CHECK(plain.statistics == eight.statistics);  // moved once, although batch norm ran twice
  CHECK(eight.peak < 0.5 * plain.peak);
  for (const int64_t segments : {1, 2, 5, 64, 1000}) {
    CAPTURE(segments);
    CHECK(step_with(segments).gradients == plain.gradients);
  }
}

TEST_CASE("segments carry branches and second outputs from one to another") {
  const char* list = R"([
    {"name": "a", "type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
    {"name": "b", "type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"name": "sum", "type": "Add", "from": ["pool", "b"]},
    {"name": "c", "type": "Conv2d", "out_channels": 2, "kernel_size": 1},
    {"name": "cat", "type": "Concat", "from": ["c", "pool", "input_pool"]}])";
  std::string text = list;
  text.replace(text.find("    {\"name\": \"cat\""), 0,
               R"(    {"name": "input_pool", "type": "AvgPool2d", "kernel_size": 2, "from": "input"},
)");
  const auto run = [&](int64_t checkpoints) {
    Build build;
    build.inputs = {{2, 3, 6, 6}};
    Model model(parse_json(text, "model"), build);
    const Tensor x = random({2, 3, 6, 6}, 1, Dtype::f32).requires_grad();
    Tensors wrt{x};
    for (const NamedTensor& p : parameters(model)) wrt.push_back(*p.tensor);
    Context context{.checkpoints = checkpoints};
    Tape tape;
    std::vector<std::vector<float>> result;
    for (const Tensor& g : tape.gradient(sum(square(model.forward(x, context))), wrt))
      result.push_back(g.to_vector<float>());
    return result;
  };
  const auto plain = run(0);
  for (const int64_t segments : {2, 3, 7}) CHECK(run(segments) == plain);
}

}  // namespace
}  // namespace tarn::test_checkpoint
