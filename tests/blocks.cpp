// Tests of the parts of the config language that write out lists: blocks, loops, conditions, patterns, several inputs
// and outputs.
#include "layers/blocks.h"

#include <doctest/doctest.h>

#include "core/ops.h"
#include "layers/model.h"
#include "tests/support/errors.h"

namespace tarn::test_blocks {
namespace {

/// A model of `list`, with these blocks, for inputs of that shape.
std::unique_ptr<Model> built(const std::string& list, const std::string& blocks = "{}", const Shape& x = {1, 4, 8, 8}) {
  Problems problems;
  Build build{.inputs = {x}, .seed = 1, .classes = 3};
  const Json section = parse_json(blocks, "b.json");
  auto all = std::make_shared<const Blocks>(section, problems);
  resolve_blocks(section, *all, problems);
  problems.throw_any();
  build.shared->blocks = all;
  return make_model(parse_json(list, "m.json"), build);
}

std::string error(const std::string& list, const std::string& blocks = "{}", const Shape& x = {1, 4, 8, 8}) {
  return test::message_of([&] { built(list, blocks, x); });
}

bool says(const std::string& message, const std::string& part) {
  CAPTURE(message);
  return message.find(part) != std::string::npos;
}

std::vector<std::string> names(Model& model) {
  std::vector<std::string> out;
  for (const NamedTensor& p : parameters(model)) out.push_back(p.name);
  return out;
}

const char* const gate = R"({"Gate": {"params": {"r": 2, "inner": "=channels // r"}, "body": [
  {"type": "AdaptiveAvgPool2d", "output_size": 1}, "Flatten",
  {"name": "fc.0", "type": "Linear", "out_features": "=inner"}, "ReLU",
  {"name": "fc.2", "type": "Linear", "out_features": "=channels"}, "Sigmoid",
  {"type": "Unflatten", "dim": 1, "sizes": ["=channels", 1, 1]},
  {"type": "Mul", "from": ["input", "-1"]}]}})";

TEST_CASE("a block is used like a layer, with parameters, defaults and sizes of its input") {
  const auto model = built(R"([{"type": "Gate"}, {"name": "g", "type": "Gate", "r": 4}, "Gate"])", gate);
  CHECK(model->output_shape() == Shape{1, 4, 8, 8});
  CHECK(names(*model) == std::vector<std::string>{"0.fc.0.weight", "0.fc.0.bias", "0.fc.2.weight", "0.fc.2.bias",
                                                  "g.fc.0.weight", "g.fc.0.bias", "g.fc.2.weight", "g.fc.2.bias",
                                                  "2.fc.0.weight", "2.fc.0.bias", "2.fc.2.weight", "2.fc.2.bias"});
  CHECK(parameters(*model)[0].tensor->shape() == Shape{2, 4});
  CHECK(parameters(*model)[4].tensor->shape() == Shape{1, 4});
  REQUIRE(model->items()[1].inside != nullptr);
  CHECK(model->items()[1].inside->items().size() == 8);
  CHECK(model->items()[1].inside->items()[2].path == "g.fc.0");
  CHECK(model->items()[1].type == "Gate");
}

TEST_CASE("a block can be the model itself") {
  CHECK(names(*built(R"("Gate")", gate)).front() == "fc.0.weight");
  CHECK(parameters(*built(R"({"type": "Gate", "inner": 3})", gate))[0].tensor->shape() == Shape{3, 4});
  CHECK(says(error(R"("Gat")", gate), "there is no block 'Gat'; did you mean 'Gate'?"));
  CHECK(says(error(R"({"type": "Gate", "rr": 3})", gate), "m.json:1:18: /rr: unknown key 'rr'"));
}

TEST_CASE("a block computes what its items written out compute") {
  const auto model = built(R"(["Gate"])", gate);
  Context context;
  const Tensor x = Tensor::full({2, 4, 3, 3}, 0.5);
  const auto p = parameters(*model);
  const Tensor pooled = flatten(mean(x, {2, 3}, true), 1);
  const auto line = [](const Tensor& v, const Tensor& w, const Tensor& b) { return matmul(v, transpose(w, 0, 1)) + b; };
  const Tensor hidden = relu(line(pooled, *p[0].tensor, *p[1].tensor));
  const Tensor s = sigmoid(line(hidden, *p[2].tensor, *p[3].tensor));
  const Tensor want = x * reshape(s, Shape{2, 4, 1, 1});
  CHECK(model->forward(x, context).to_vector<float>() == want.to_vector<float>());
}

TEST_CASE("loops repeat, names are filled in, patterns take all that match") {
  const auto model = built(R"([
    {"for": "i", "in": "=range(3) ", "body": [
      {"name": "branch{i}", "type": "Conv2d", "out_channels": "=2 * i + 2", "kernel_size": "=2 * i + 1", "padding": "=i", "from": "input"}]},
    {"name": "all", "type": "Concat", "from": "branch*"},
    {"for": "w", "in": [3, 5], "body": [{"for": "k", "in": "=range(2) ", "body": [
      {"type": "Conv2d", "out_channels": "=w + k", "kernel_size": 1}]}]}])");
  CHECK(model->items()[3].outputs.front() == Shape{1, 12, 8, 8});
  CHECK(model->items().size() == 8);
  CHECK(model->items()[7].name == "7");
  CHECK(model->output_shape() == Shape{1, 6, 8, 8});
  CHECK(model->items()[1].reads.front().item == ItemInfo::Read::input);
  REQUIRE(model->items()[3].reads.size() == 3);
  CHECK(model->items()[3].reads[2].item == 2);
  CHECK(says(error(R"([{"type": "Concat", "from": "branch*"}])"), "/0/from: no earlier item matches 'branch*'"));
  CHECK(says(error(R"([{"for": "i", "in": 3, "body": ["ReLU"]}])"), "/0/in: expected a list, or an expression"));
  CHECK(says(error(R"([{"for": "i", "in": "=channels", "body": ["ReLU"]}])"),
             "expected a list, found 4, the value of '=channels'; write \"=range(channels)\""));
  CHECK(says(error(R"([{"for": "2i", "in": [1], "body": ["ReLU"]}])"), "expected the name of a new variable"));
  CHECK(says(error(R"([{"for": "i", "in": [], "body": ["ReLU"]}])"), "no layer is left of this list"));
}

TEST_CASE("what \"when\" says no to is left out, and positions count what is there") {
  const char* list = R"([{"type": "Conv2d", "out_channels": 2, "kernel_size": 1, "when": "=height > 4"},
                         {"name": "last", "type": "ReLU", "when": "=height <= 4"}, "Tanh"])";
  CHECK(names(*built(list)) == std::vector<std::string>{"0.weight", "0.bias"});
  CHECK(built(list)->items()[1].name == "1");
  CHECK(built(list, "{}", {1, 4, 3, 3})->items()[0].name == "last");
  CHECK(says(error(R"([{"name": "a", "type": "ReLU", "when": false}, {"type": "Tanh", "from": "a"}])"),
             "/1/from: no earlier item is named 'a'; it was left out by its \"when\""));
  CHECK(says(error(R"([{"type": "ReLU", "when": "=height"}])"),
             "/0/when: expected true or false, found 8, the value of '=height'"));
  CHECK(says(error(R"([{"type": "ReLU", "when": 1}])"), "/0/when: expected true, false or an expression, found 1"));
}

TEST_CASE("types can be chosen by a parameter") {
  const char* blocks = R"({"Act": {"params": {"act": "ReLU", "k": 0.1}, "body": [
    {"type": "=act"}, {"type": "=if(k > 0, 'LeakyReLU', 'Tanh') ", "negative_slope": "=k"}]}})";
  CHECK(built(R"([{"type": "Act", "act": "Sigmoid"}])", blocks)->items()[0].inside->items()[0].type == "Sigmoid");
  CHECK(says(error(R"([{"type": "Act", "act": "Sigmoyd"}])", blocks),
             "unknown layer 'Sigmoyd'; did you mean 'Sigmoid'?"));
}

const char* const exchange = R"({"Swap": {"params": {"c": 3}, "inputs": ["a", "b"], "outputs": ["y0", "y1"], "body": [
  {"name": "y1", "type": "Conv2d", "out_channels": "=c", "kernel_size": 1, "from": "a"},
  {"name": "y0", "type": "Conv2d", "out_channels": "=c + 1", "kernel_size": 1, "from": "b"}]},
  "Many": {"inputs": ["x*"], "outputs": ["y*"], "body": [
    {"for": "i", "in": "=range(inputs) ",
                  "body" : [ {"name" : "y{i}", "type" : "Tanh", "from" : "x{i}"} ]
}]
}
})";

TEST_CASE("blocks have several inputs and outputs, which are read by name or all together") {
  const auto model = built(R"([{"name": "left", "type": "ReLU"}, {"name": "right", "type": "Tanh", "from": "input"},
    {"name": "swap", "type": "Swap", "from": ["left", "right"]},
    {"name": "many", "type": "Many", "from": ["swap.y1", "swap.y0", "left"]},
    {"name": "again", "type": "Many", "from": "many.*"},
    {"type": "Concat", "from": ["again.y2", "again", "again.y1"]}])",
                           exchange);
  CHECK(model->items()[2].outputs[0] == Shape{1, 4, 8, 8});
  CHECK(model->items()[2].outputs[1] == Shape{1, 3, 8, 8});
  CHECK(model->items()[5].inputs[1] == Shape{1, 3, 8, 8});
  CHECK(model->output_shape() == Shape{1, 11, 8, 8});
  CHECK(model->items()[3].reads[0].output == 1);
  const auto whole = built(
      R"([{"name": "s", "type": "Swap", "from": ["input", "input"]}, {"type": "Concat", "from": "s.*"}])", exchange);
  CHECK(whole->output_shape() == Shape{1, 7, 8, 8});
  CHECK(says(error(R"([{"type": "Swap"}])", exchange), "block 'Swap' takes 2 inputs, but reads 1"));
  CHECK(says(error(R"([{"name": "s", "type": "Swap", "from": ["input", "input"]}, {"type": "ReLU", "from": "s.y2"}])",
                   exchange),
             "no earlier item is named 's.y2'; did you mean 's.y"));
}

TEST_CASE("inputs and outputs that do not work out are located") {
  const auto mistake = [](const std::string& block) {
    return error(R"([{"type": "B", "from": ["input", "input"]}])", R"({"B": {)" + block + "}}");
  };
  CHECK(
      says(mistake(R"("inputs": ["a", "b"], "body": [{"type": "ReLU", "from": "a"}])"), "nothing reads the input 'b'"));
  CHECK(says(mistake(R"("inputs": ["a", "b"], "body": ["ReLU"])"), "there are 2 inputs; say in \"from\""));
  CHECK(says(mistake(R"("inputs": ["a*", "b"], "body": ["ReLU"])"), "'a*' cannot be an input"));
  CHECK(says(mistake(R"("inputs": ["a", "b"], "outputs": ["z"], "body": [{"type": "Add", "from": ["a", "b"]}])"),
             "/B/outputs/0: no earlier item is named 'z'"));
  CHECK(says(mistake(R"("inputs": ["a", "b"], "body": [{"name": "a", "type": "Add", "from": ["a", "b"]}])"),
             "'a' is the name of the block's input"));
  CHECK(says(mistake(R"("body": ["ReLU"])"), "block 'B' takes 1 input, but reads 2"));
}

TEST_CASE("a shared block uses its parameters again") {
  const auto model =
      built(R"([{"name": "g", "type": "Gate", "inner": 3}, {"type": "Gate", "shared": "g"}, {"shared": "g"}])", gate);
  CHECK(parameter_count(*model) == 3 * 4 + 3 + 4 * 3 + 4);
  CHECK(says(error(R"([{"name": "g", "type": "Gate", "inner": 3}, {"type": "ReLU", "shared": "g"}])", gate),
             "'ReLU' cannot share the parameters of 'g', which is a Gate"));
}

TEST_CASE("a block sees what is handed to it and nothing of its surroundings") {
  const char* blocks = R"({"Inner": {"body": [{"type": "Conv2d", "out_channels": "=out", "kernel_size": 1}]},
                           "Outer": {"params": {"out": 3}, "body": ["Inner"]}})";
  CHECK(says(error(R"(["Outer"])", blocks), "/Inner/body/0/out_channels: '=out': there is no variable 'out'"));
}

TEST_CASE("a parameter may be called as a size is, and hides it") {
  const char* blocks = R"({"Wide": {"params": {"width": "=2 * width", "channels": "=channels"}, "body": [
    {"type": "Sequential", "body": [{"type": "Conv2d", "out_channels": 7, "kernel_size": 1},
                                    {"type": "Conv2d", "out_channels": "=width + channels", "kernel_size": 1}]}]}})";
  CHECK(built(R"(["Wide"])", blocks)->output_shape() == Shape{1, 20, 8, 8});
  CHECK(built(R"([{"type": "Wide", "width": 1, "channels": 1}])", blocks)->output_shape() == Shape{1, 2, 8, 8});
}

TEST_CASE("lists inside layers see the variables around them, and the sizes of their own input") {
  const auto model = built(R"([{"for": "i", "in": [2, 3], "body": [
    {"type": "Sequential", "body": [{"type": "Conv2d", "out_channels": "=i", "kernel_size": 1},
                                    {"type": "Sequential", "body": [{"type": "Conv2d", "out_channels": "=channels * i", "kernel_size": 1}]}]}]}])");
  CHECK(model->items()[0].outputs[0] == Shape{1, 4, 8, 8});
  CHECK(model->items()[1].outputs[0] == Shape{1, 9, 8, 8});
}

TEST_CASE("size_of is one more input") {
  const auto model = built(R"([{"name": "small", "type": "MaxPool2d", "kernel_size": 3, "return_indices": true},
    {"name": "up", "type": "Interpolate", "size_of": "input"},
    {"name": "back", "type": "MaxUnpool2d", "kernel_size": 3, "from": ["small", "small.indices"], "size_of": "input"},
    {"type": "Add", "from": ["up", "back"]}])");
  CHECK(model->output_shape() == Shape{1, 4, 8, 8});
}

TEST_CASE("errors inside a block name its item, its settings and the place that used it") {
  const std::string message = error("[\n \"ReLU\",\n {\"type\": \"Gate\", \"inner\": -1}]", gate);
  CHECK(says(message, "b.json:3:54: /Gate/body/2/out_features: -1, the value of '=inner', must be >= 0"));
  CHECK(says(message, "; in block 'Gate' (inner = -1), used at m.json:3:2: /1"));
  CHECK(says(error(R"([{"type": "Gate", "r": 0}])", gate),
             "'=channels // r': division by zero, with channels = 4, r = 0"));
  const std::string shape = error(R"(["Flatten", "Gate"])", gate);
  CHECK(says(shape, "AdaptiveAvgPool2d"));
  CHECK(says(shape, "used at m.json:1:13: /1"));
}

TEST_CASE("definitions are checked whether they are used or not, all at once") {
  const std::string message = error(R"(["ReLU"])", R"({"A": {"params": {"k": 1}, "body": [
    {"type": "Conv2d", "out_channels": "=kk", "kernel_size": 3}, {"type": "Linearr"}, {"type": "ReLU", "inplase": true},
    {"type": "Conv2d", "kernel_size": "=k"}, {"type": "B"}]},
    "B": {"params": {"out": null}, "body": ["ReLU"], "boddy": []},
    "ReLU": {"body": ["Tanh"]}, "C": {"body": []}, "D": {"params": {"from": 3, "2x": 1}, "body": ["Tanh"]}})");
  CHECK(says(message, "'=kk': there is no variable 'kk'"));
  CHECK(says(message, "unknown layer 'Linearr'; did you mean 'Linear'?"));
  CHECK(says(message, "unknown key 'inplase'"));
  CHECK(says(message, "/A/body/3/out_channels: must be given"));
  CHECK(says(message, "unknown key 'boddy'"));
  CHECK(says(message, "'ReLU' is a layer already"));
  CHECK(says(message, "/C/body: the list of layers is empty"));
  CHECK(says(message, "'from' has a meaning of its own"));
  CHECK(says(message, "'2x' cannot be a parameter"));
}

TEST_CASE("what a block must be given, it must be given") {
  const char* blocks =
      R"({"B": {"params": {"out": null}, "body": [{"type": "Conv2d", "out_channels": "=out", "kernel_size": 1}]}})";
  CHECK(
      says(error(R"([{"type": "B"}])", blocks), "m.json:1:2: /0/out: must be given: block 'B' has no default for it"));
  CHECK(says(error(R"(["B"])", blocks), "/0/out: must be given: block 'B' has no default for it"));
  CHECK(says(error(R"([{"type": "B", "outt": 3}])", blocks), "unknown key 'outt'; did you mean 'out'?"));
  CHECK(says(error(R"([{"type": "B", "out": 3, "init": {"weight": "zeros"}}])", blocks), "unknown key 'init'"));
}

TEST_CASE("an item may be called as a block is, and be read by that name") {
  CHECK(error(R"(["A"])",
              R"({"A": {"body": [{"name": "A", "type": "ReLU"}, {"type": "Add", "from": ["A", "input"]}]}})") == "");
}

TEST_CASE("a block says what it requires, and the place that uses it otherwise is told") {
  const char* blocks = R"({"Heads": {"params": {"heads": 2, "axis": "width"},
    "require": ["=channels % heads == 0", "=axis == 'width' or axis == 'height'"], "body": ["ReLU"]}})";
  CHECK(error(R"([{"type": "Heads", "axis": "height"}])", blocks) == "");
  CHECK(says(error(R"([{"type": "Heads", "heads": 3}])", blocks),
             "m.json:1:2: /0: block 'Heads' (heads = 3) requires that channels % heads == 0"));
  CHECK(says(error(R"([{"type": "Heads", "axis": "widht"}])", blocks), "requires that axis == 'width'"));
  CHECK(says(error(R"(["ReLU"])", R"({"B": {"require": ["heads == 2", "=hed > 1"], "body": ["ReLU"]}})"),
             "/B/require/0: expected an expression, which begins with \"=\", found 'heads == 2'"));
}

TEST_CASE("what is read can be chosen by an expression, whole or in braces") {
  const char* list = R"([{"name": "a", "type": "ReLU"}, {"name": "b", "type": "Tanh"},
    {"type": "Add", "from": ["=if(height > 4, 'a', 'b') ", "{if(true, 'b', 'a')}"]}])";
  CHECK(built(list)->items()[2].reads[0].item == 0);
  CHECK(built(list, "{}", {1, 4, 3, 3})->items()[2].reads[0].item == 1);
}

TEST_CASE("a block that uses itself is refused, directly or through others") {
  CHECK(says(error(R"(["A"])", R"({"A": {"body": ["ReLU", "A"]}})"), "/A/body/1: block 'A' uses itself (A → A)"));
  CHECK(
      says(error(R"(["A"])", R"({"A": {"body": [{"type": "B"}]}, "B": {"body": [{"type": "Sequential", "body": ["C"]}]},
                                   "C": {"body": [{"for": "i", "in": [1], "body": ["A"]}]}})"),
           "uses itself (A → B → C → A)"));
  // A type that an expression gives cannot be seen in the text.
  CHECK(says(
      error(R"([{"type": "A", "t": "A"}])", R"({"A": {"params": {"t": "ReLU"}, "body": [{"type": "=t", "t": "=t"}]}})"),
      "blocks are nested deeper than 64 levels"));
}

TEST_CASE("what is written out is limited") {
  CHECK(says(
      error(
          R"([{"for": "a", "in": "=range(1000) ", "body": [{"for": "b", "in": "=range(1000) ", "body": ["ReLU"]}]}])"),
      "more than 100000 items"));
}

TEST_CASE("patterns match with stars anywhere") {
  CHECK(matches_pattern("a*", "abc"));
  CHECK(matches_pattern("*", ""));
  CHECK(matches_pattern("a*c", "abc"));
  CHECK(matches_pattern("a*b*c", "a1b2b3c"));
  CHECK(matches_pattern("*.y*", "m.y0"));
  CHECK(!matches_pattern("a*c", "abd"));
  CHECK(!matches_pattern("ab*ba", "aba"));
  CHECK(!matches_pattern("a", "ab"));
  CHECK(!matches_pattern("a*b*c", "ac"));
}

}  // namespace
}  // namespace tarn::test_blocks
