// Tests of models that are made in code from lists and blocks that no reader of configs has seen before.
#include <doctest/doctest.h>

#include "layers/blocks.h"
#include "layers/model.h"
#include "tests/support/errors.h"

namespace tarn::test_wrong_models {
namespace {

using test::contains;
using test::message_of;

std::string error(const std::string& list, const std::vector<Shape>& inputs = {{1, 4}}) {
  return message_of([&] { Model(parse_json(list, "m.json"), Build{.inputs = inputs, .seed = 1}); });
}

TEST_CASE("what is no list of layers, and inputs that it cannot take, are refused at its place") {
  CHECK(error("3") == "m.json:1:1: /: expected a list of layers, or the name of a block, found 3");
  CHECK(contains(error(R"(["ReLU"])", {Shape{}}), "the model's input is a scalar; it needs a batch dimension"));
  CHECK(contains(error(R"(["ReLU"])", {{1, 4}, {1, 4}}), "this list has one input, but is given 2"));
  CHECK(error(R"(["ReLU"])") == "");
}

TEST_CASE("parameters are shared with an earlier item of the same type") {
  const std::string first = R"([{"name": "first", "type": "Linear", "out_features": 4}, )";
  CHECK(error(first + R"({"shared": "first"}])") == "");
  CHECK(error(first + R"({"type": "Linear", "shared": "first"}])") == "");
  CHECK(contains(error(first + R"({"shared": "frist"}])"), "no earlier item is named 'frist'; did you mean 'first'?"));
  CHECK(contains(error(first + R"({"type": "ReLU", "shared": "first"}])"),
                 "'ReLU' cannot share the parameters of 'first', which is a Linear"));
}

TEST_CASE("a layer of a model is found by its number") {
  Model model(parse_json(R"(["ReLU", "Tanh"])", "m.json"), Build{.inputs = {{1, 4}}, .seed = 1});
  Context context{.training = false};
  CHECK(model.layer(1).forward(Tensor::full({1}, 0.0), context).item() == 0);
  CHECK(message_of([&] { model.layer(2); }) == "layer 2: the model has 2");
}

/// What building `list` says, with these blocks.
std::string block_error(const std::string& list, const std::string& blocks) {
  Problems problems;
  Build build{.inputs = {{1, 4}}, .seed = 1};
  const Json section = parse_json(blocks, "b.json");
  auto all = std::make_shared<const Blocks>(section, problems);
  resolve_blocks(section, *all, problems);
  problems.throw_any();
  build.shared->blocks = all;
  return message_of([&] { make_model(parse_json(list, "m.json"), build); });
}

TEST_CASE("of a long chain of blocks, and of a long setting, the message tells only a part") {
  const std::string message =
      block_error(R"(["A"])", R"({"A": {"body": ["B"]}, "B": {"body": ["C"]}, "C": {"body": ["D"]},
      "D": {"body": ["E"]}, "E": {"body": ["F"]}, "F": {"body": ["G"]},
      "G": {"body": [{"type": "Linear", "out_features": "=0 - classes - 1"}]}})");
  CAPTURE(message);
  CHECK(contains(message, "; in block 'G', used at b.json:"));
  CHECK(contains(message, "; …; in block 'A', used at m.json:1:2: /0"));
  CHECK_FALSE(contains(message, "in block 'B'"));
  const std::string word(60, 'x');
  const std::string setting =
      block_error(R"([{"type": "S", "word": ")" + word + "\"}]",
                  R"({"S": {"params": {"word": "a"}, "body": [{"type": "Linear", "out_features": "=0 - classes"}]}})");
  CAPTURE(setting);
  CHECK(contains(setting, "; in block 'S' (word = \"" + word.substr(0, 39) + "…), used at m.json:1:2: /0"));
}

TEST_CASE("a block that is built without a parameter that it needs says which") {
  Problems problems;
  const Json section = parse_json(R"({"P": {"params": {"width": null}, "body": ["ReLU"]}})", "b.json");
  auto all = std::make_shared<const Blocks>(section, problems);
  resolve_blocks(section, *all, problems);
  problems.throw_any();
  const Build build{.inputs = {{1, 4}}, .seed = 1};
  const Json values = parse_json("{}", "v.json");
  CHECK(message_of([&] { Model(*all->find("P"), values, build); }) ==
        "v.json:1:1: /width: must be given: block 'P' has no default for it");
  CHECK(message_of([&] { Model(*all->find("P"), parse_json(R"({"width": 3})", "v.json"), build); }) == "");
}

}  // namespace
}  // namespace tarn::test_wrong_models
