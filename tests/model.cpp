// Tests of models made from lists of items.
#include "layers/model.h"

#include <doctest/doctest.h>

#include <functional>

#include "core/ops.h"
#include "core/tape.h"

namespace tarn::test_model {
namespace {

Model model_of(const std::string& list, const Shape& input, int64_t classes = 0) {
  return Model(parse_json(list, "m.json"), Build{.inputs = {input}, .seed = 1, .classes = classes});
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

std::string build_error(const std::string& list, const Shape& input = {1, 3, 8, 8}) {
  return error_of([&] { model_of(list, input); });
}

bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> names;
  for (const NamedTensor& t : tensors) names.push_back(t.name);
  return names;
}

TEST_CASE("a list of layers infers its shapes and names parameters by position and name") {
  Model model = model_of(R"([
    {"name": "conv1", "type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
    "BatchNorm2d", "ReLU", {"type": "MaxPool2d", "kernel_size": 2}, "Flatten", {"type": "Linear", "out_features": "=classes"}])",
                         {1, 3, 8, 8}, 10);
  CHECK(model.output_shape() == Shape{1, 10});
  CHECK(names_of(parameters(model)) ==
        std::vector<std::string>{"conv1.weight", "conv1.bias", "1.weight", "1.bias", "5.weight", "5.bias"});
  CHECK(names_of(buffers(model)) ==
        std::vector<std::string>{"1.running_mean", "1.running_var", "1.num_batches_tracked"});
  CHECK(parameter_count(model) == 4 * 27 + 4 + 8 + 640 + 10);
  const ItemInfo& conv = model.items()[0];
  CHECK(conv.outputs.front() == Shape{1, 4, 8, 8});
  CHECK(conv.parameters == 112);
  CHECK(conv.multiply_adds == 4 * 64 * 27);
  CHECK(model.items()[5].multiply_adds == 640);
  Context context{.training = false};
  CHECK(model.forward(Tensor::ones({5, 3, 8, 8}), context).shape() == Shape{5, 10});
}

TEST_CASE("items read earlier items, the input and second outputs by name") {
  Model model = model_of(R"([
    {"name": "a", "type": "Identity"},
    {"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
    {"name": "twice", "type": "Add", "from": ["pool", "-1"]},
    {"name": "sum", "type": "Sum", "dim": [1, 2, 3], "from": "a"},
    {"name": "total", "type": "Sum", "dim": [1, 2, 3], "from": "twice"},
    {"type": "Add", "from": ["sum", "total"]}])",
                         {1, 1, 2, 2});
  Context context;
  const Tensor x({1, 1, 2, 2}, std::vector<float>{1, 2, 3, 4});
  CHECK(model.forward(x, context).item() == 18);

  Model last =
      model_of(R"([{"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true}])", {1, 1, 2, 2});
  CHECK(last.outputs() == std::vector<std::string>{"indices"});
  CHECK(last.apply({x}, context).at(1).at(0) == 3);

  Model indices = model_of(R"([{"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
                               {"type": "Identity", "from": "pool.indices"}])",
                           {1, 1, 2, 2});
  CHECK(indices.forward(x, context).dtype() == Dtype::i64);
}

TEST_CASE("a shared item uses the same parameters, and their gradient counts both uses") {
  Model model = model_of(R"([{"name": "fc", "type": "Linear", "out_features": 3, "bias": false},
                             {"name": "again", "type": "Linear", "shared": "fc"}])",
                         {1, 3});
  CHECK(names_of(parameters(model)) == std::vector<std::string>{"fc.weight"});
  CHECK(model.items()[1].parameters == 0);
  const Tensor w = *parameters(model)[0].tensor;
  const Tensor x({1, 3}, std::vector<float>{1, 2, 3});
  Tape tape;
  Context context;
  const Tensor y = sum(model.forward(x, context));
  const Tensor expected = sum(linear(linear(x, w), w));
  CHECK(y.item() == expected.item());
  const Tensor g = tape.gradient(y, w, {.keep = true});
  const Tensor h = tape.gradient(expected, w);
  for (int64_t i = 0; i < 9; ++i) CHECK(g.at(i) == doctest::Approx(h.at(i)));

  CHECK(says(build_error(R"([{"name": "fc", "type": "Linear", "out_features": 4}, {"type": "Linear", "shared": "fc"}])",
                         {1, 3}),
             "cannot share"));
  CHECK(says(
      build_error(R"([{"name": "fc", "type": "Linear", "out_features": 3}, {"type": "ReLU", "shared": "fc"}])", {1, 3}),
      "which is a Linear"));
  CHECK(says(
      build_error(R"([{"name": "first", "type": "Linear", "out_features": 3}, {"type": "Linear", "shared": "frist"}])",
                  {1, 3}),
      "did you mean 'first'?"));
}

TEST_CASE("mistakes in the graph are located and named") {
  CHECK(says(build_error(R"(["ReLU", {"type": "ReLU", "from": "rleu"}])"),
             "m.json:1:35: /1/from: no earlier item is named 'rleu'"));
  CHECK(says(build_error(R"([{"name": "a", "type": "ReLU"}, {"name": "a", "type": "ReLU"}])"),
             "already an item named 'a'"));
  CHECK(says(build_error(R"([{"name": "1", "type": "ReLU"}, "ReLU"])"), "already an item named '1'"));
  CHECK(says(build_error(R"([{"name": "input", "type": "ReLU"}])"), "'input' is the name of the model's input"));
  CHECK(says(build_error(R"([{"name": "a b", "type": "ReLU"}])"), "cannot be a name"));
  CHECK(
      says(build_error(R"(["ReLU", {"type": "ReLU", "from": "input"}])"), "m.json:1:2: /0: nothing reads '0' (ReLU)"));
  CHECK(says(build_error(R"([{"type": "ReLU", "from": "1"}, "ReLU"])"), "no earlier item is named '1'"));
  CHECK(says(build_error(R"([{"type": "ReLU", "from": []}])"), "empty list"));
  CHECK(says(build_error(R"([{"type": "ReLU", "from": 3}])"), "/0/from"));
  CHECK(says(build_error(R"([{"type": "Add", "from": "input"}])"), "Add takes 2 or more inputs, but reads 1"));
  CHECK(says(build_error(R"([{"type": "ReLU", "from": ["input", "input"]}])"), "ReLU takes 1 input, but reads 2"));
  CHECK(says(build_error("[]"), "the list of layers is empty"));
  CHECK(says(build_error("{}"), "expected a list of layers"));
  CHECK(says(build_error("[3]"), "expected a layer"));
  CHECK(says(build_error("[{}]"), "m.json:1:2"));
}

TEST_CASE("all mistakes in settings are reported at once, those of nested lists too") {
  const std::string message = build_error(R"([
  {"type": "Conv2d", "out_chanels": 4, "kernel_size": 3},
  "Relu",
  {"type": "Dropout", "p": 1.5},
  {"type": "Residual", "body": [{"type": "Linear"}], "shortcut": [{"type": "Flaten"}]},
  {"type": "Parallel", "branches": [["ReLU"], ["ReLLU"]]}])");
  CHECK(says(message, "m.json:2:22: /0/out_chanels"));
  CHECK(says(message, "did you mean 'ReLU'?"));
  CHECK(says(message, "m.json:4:28: /2/p: 1.5"));
  CHECK(says(message, "/3/body/0"));
  CHECK(says(message, "did you mean 'Flatten'?"));
  CHECK(says(message, "/4/branches/1/0: unknown layer 'ReLLU'"));
}

TEST_CASE("a layer that does not fit its input says which, what it got and what it wants") {
  const std::string wrong =
      build_error(R"([{"name": "c", "type": "Conv2d", "in_channels": 4, "out_channels": 2, "kernel_size": 3}])");
  CHECK(says(wrong, "m.json:1:2: /0: layer 'c' (Conv2d) with input [N,3,8,8]: in_channels is 4"));
  const std::string rank = build_error(R"(["Flatten", {"type": "Conv2d", "out_channels": 2, "kernel_size": 3}])");
  CHECK(says(rank, "layer '1' (Conv2d) with input [N,192]: expects an input [N, C, H, W]"));
  const std::string large = build_error(
      R"([{"type": "Residual", "body": [{"name": "c", "type": "Conv2d", "out_channels": 2, "kernel_size": 9}]}])");

  CHECK(says(large, "m.json:1:32: /0/body/0: layer '0.body.c' (Conv2d)"));
}

TEST_CASE("a model that trained on one plane size says which layer does not fit another") {
  Model model = model_of(R"(["Flatten", {"name": "fc", "type": "Linear", "out_features": 2}])", {1, 3, 2, 2});
  Context context;
  const std::string message = error_of([&] { model.forward(Tensor::ones({1, 3, 3, 2}), context); });
  CHECK(says(message, "layer 'fc' (Linear) with input [1,18]"));
}

TEST_CASE("parameters beyond this machine's memory are refused before they are allocated") {
  const std::string one = build_error(R"([{"type": "Linear", "out_features": 100000000000}])", {1, 500});
  CHECK(says(one, "layer '0' (Linear)"));
  CHECK(says(one, "parameter 'weight' [100000000000,500] takes"));
  const std::string overflow = build_error(R"([{"type": "Linear", "out_features": 9000000000000000000}])", {1, 500});
  CHECK(says(overflow, "layer '0' (Linear)"));
  const std::string sum_of_many = error_of([] {
    std::string list = "[";
    for (int i = 0; i < 4000; ++i) list += R"({"type": "Linear", "out_features": 50000},)";
    list.back() = ']';
    Model(parse_json(list, "m.json"), Build{.inputs = {{1, 50000}}, .allocate_only = true});
  });
  CHECK(says(sum_of_many, "with those before it more than this machine's memory"));
}

TEST_CASE("sizes are not taken from the batch dimension") {
  CHECK(says(build_error(R"([{"type": "Sum", "dim": 1}, {"type": "Linear", "out_features": 2}])", {1, 3}),
             "layer '1' (Linear) with input [N]: in_features cannot be taken from the batch dimension"));
}

TEST_CASE("the number of classes is a variable, where the data have some") {
  CHECK(says(build_error(R"([{"type": "Linear", "out_features": "=classes"}])", {1, 3}), "the data has no classes"));
  CHECK(model_of(R"([{"type": "Linear", "out_features": "=2 * classes"}])", {1, 3}, 4).output_shape() == Shape{1, 8});
}

TEST_CASE("the tape knows the path of the layer that an entry came from") {
  Model model = model_of(
      R"([{"name": "block", "type": "Residual", "body": [{"name": "fc", "type": "Linear", "out_features": 3}]}])",
      {1, 3});
  Tape tape;
  Context context;
  model.forward(Tensor::ones({2, 3}), context);
  bool found = false;
  for (size_t i = 0; i < tape.size(); ++i)
    found = found || tape.entry(i).scope == "block.body.fc" || tape.entry(i).scope == "block/body/fc";
  CHECK(found);
  CHECK(names_of(parameters(model)) == std::vector<std::string>{"block.body.fc.weight", "block.body.fc.bias"});
}

TEST_CASE("initial values can be chosen by name, and a wrong part or name is an error") {
  Model model = model_of(
      R"([{"type": "Linear", "out_features": 4, "init": {"weight": "eye", "bias": {"type": "constant", "val": 2}}}])",
      {1, 4});
  const auto all = parameters(model);
  CHECK(all[0].tensor->at(0) == 1);
  CHECK(all[0].tensor->at(1) == 0);
  CHECK(all[1].tensor->at(3) == 2);
  CHECK(says(build_error(R"([{"type": "Linear", "out_features": 4, "init": {"wieght": "eye"}}])", {1, 4}),
             "no parameter 'wieght'"));
  CHECK(says(build_error(R"([{"type": "Linear", "out_features": 4, "init": {"weight": "kaiming"}}])", {1, 4}),
             "unknown initializer 'kaiming'"));
  CHECK(says(build_error(R"([{"type": "Linear", "out_features": 4, "init": {"bias": "kaiming_normal"}}])", {1, 4}),
             "at least 2 dimensions"));
  CHECK(model_of(R"([{"type": "PReLU", "init": 0.5}])", {1, 4}).items().size() == 1);
}

TEST_CASE("a shared item has no initial values of its own") {
  CHECK(says(build_error(R"([{"name": "fc", "type": "Linear", "out_features": 3},
                             {"type": "Linear", "shared": "fc", "init": {"weight": "zeros"}}])",
                         {1, 3}),
             "/1/init: a shared item uses another's parameters"));
}

TEST_CASE("initial values depend on the seed and the layer's path alone") {
  const auto weights = [](const std::string& list) {
    Model model = model_of(list, {1, 3});
    return parameters(model)[0].tensor->to_vector<float>();
  };
  const std::string fc = R"({"name": "fc", "type": "Linear", "out_features": 3})";
  CHECK(weights("[" + fc + "]") == weights("[\"ReLU\", " + fc + ", \"ReLU\"]"));
  CHECK(weights("[" + fc + "]") != weights(R"([{"name": "fd", "type": "Linear", "out_features": 3}])"));
}

TEST_CASE("the checked list has every default written out and builds the same model") {
  Problems problems;
  const Json resolved =
      resolve_model(parse_json(R"([{"type": "Conv2d", "out_channels": 2, "kernel_size": 3}, "ReLU", "Flatten",
    {"type": "Linear", "out_features": "=classes", "init": {"weight": "zeros"}}])",
                               "m.json"),
                    {}, problems);
  problems.throw_any();
  CHECK(resolved.items()[0].at("stride").as_integer() == 1);
  CHECK(resolved.items()[1].at("type").as_string() == "ReLU");
  CHECK(resolved.items()[3].at("out_features").as_string() == "=classes");
  Model again(resolved, Build{.inputs = {{1, 3, 8, 8}}, .classes = 5});
  CHECK(again.output_shape() == Shape{1, 5});
  CHECK(parameters(again)[2].tensor->at(0) == 0);
}

TEST_CASE("converting a model keeps what is shared shared") {
  Model model = model_of(R"([{"name": "fc", "type": "Linear", "out_features": 3},
                             {"type": "Linear", "shared": "fc"}, "BatchNorm1d"])",
                         {1, 3});
  convert(model, Dtype::f64);
  CHECK(parameters(model).size() == 4);
  for (const NamedTensor& p : parameters(model)) {
    CHECK(p.tensor->dtype() == Dtype::f64);
    CHECK(p.tensor->is_leaf());
  }
  CHECK(buffers(model)[2].tensor->dtype() == Dtype::i64);
  Context context;
  CHECK(model.forward(Tensor::ones({2, 3}, Dtype::f64), context).dtype() == Dtype::f64);
}

}  // namespace
}  // namespace tarn::test_model
