// The networks that configs are made of: as many parameters as in their authors' code, and results that make sense.
#include <doctest/doctest.h>

#include "apps/config_file.h"
#include "apps/experiment.h"
#include "core/ops.h"
#include "layers/model.h"
#include "tests/folders.h"

namespace tarn::test_networks {
namespace {

std::unique_ptr<Model> built(const std::string& model, const Shape& input, int64_t classes = 10) {
  static const auto blocks = [] {
    Problems problems;
    const Json root = load_config("builtin:blocks/all").root;
    auto all = std::make_shared<const Blocks>(root.at("blocks"), problems);
    resolve_blocks(root.at("blocks"), *all, problems);
    problems.throw_any();
    return all;
  }();
  Build build;
  build.inputs = {input};
  build.classes = classes;
  build.allocate_only = true;
  build.shared->blocks = blocks;
  return make_model(parse_json(model, "m.json"), build);
}

int64_t count(const std::string& model, const Shape& input = {1, 3, 64, 64}, int64_t classes = 10) {
  return parameter_count(*built(model, input, classes));
}

TEST_CASE("networks have the parameters that their authors' code has") {
  CHECK(count(R"("SimpleNet")") == 24'458);
  CHECK(count(R"("KeyPointsModel")") == 36'897'360);
  CHECK(count(R"("KpClassify")", {1, 3, 32, 32}, 9) == 39'187'193);
  CHECK(count(R"("ResNet")", {1, 3, 64, 64}, 1000) == 11'689'512);
  CHECK(count(R"({"type": "ResNet", "block": "Bottleneck", "layers": [3, 4, 6, 3]})", {1, 3, 64, 64}, 1000) ==
        25'557'032);
  CHECK(
      count(R"({"type": "ResNet", "stem": "small", "layers": [3, 3, 3], "widths": [16, 32, 64], "strides": [1, 2, 2]})",
            {1, 3, 32, 32}) == 272'474);
  CHECK(count(R"({"type": "HRNet", "width": 18})", {1, 3, 64, 64}, 1000) == 21'299'004);
  CHECK(count(R"({"type": "HRNet", "width": 32})", {1, 3, 64, 64}, 1000) == 41'232'680);
  CHECK(count(R"({"type": "HRNet", "width": 48})", {1, 3, 64, 64}, 1000) == 77'469'864);
  CHECK(count(R"({"type": "HRNet", "layer1_blocks": 2, "modules": [1, 3, 2], "blocks": [2, 2, 2]})", {1, 3, 64, 64},
              1000) == 15'597'464);
}

TEST_CASE("blocks have the parameters of their papers' settings for 64 channels") {
  const Shape x{1, 64, 16, 16};
  CHECK(count(R"("SELayer")", x) == 512);
  CHECK(count(R"("SqueezeAndExcite")", x) == 2'128);
  CHECK(count(R"("SKConv")", x) == 8'768);
  CHECK(count(R"("StripPooling")", x) == 28'992);
  CHECK(count(R"("PPM")", x) == 4'224);
  CHECK(count(R"({"type": "MPMBlock", "variant": "seed"})", x) == 16'032);
  CHECK(count(R"("MPMBlock")", x) == 17'568);
}

TEST_CASE("networks take sizes that do not divide") {
  CHECK(
      built(
          R"({"type": "HRNet", "width": 2, "stem_width": 4, "layer1_blocks": 1, "layer1_width": 2, "modules": [1, 1, 1],
                  "blocks": [1, 1, 1], "head": "pose", "out": 5})",
          {1, 3, 50, 39})
          ->output_shape() == Shape{1, 5, 13, 10});
  CHECK(
      built(
          R"({"type": "HRNet", "width": 2, "stem_width": 4, "layer1_blocks": 1, "layer1_width": 2, "modules": [1, 2, 1],
                  "blocks": [1, 1, 1], "head": "concat", "out": 5})",
          {1, 3, 48, 40})
          ->output_shape() == Shape{1, 5, 12, 10});
  CHECK(built(R"({"type": "KeyPointsModel", "width_mult": 0.02, "maps": 3})", {1, 3, 17, 19})->output_shape() ==
        Shape{1, 3, 17, 19});
  CHECK(built(R"({"type": "KeyPointsModel", "width_mult": 0.02, "maps": 3, "no_unpool": true})", {1, 3, 16, 24})
            ->output_shape() == Shape{1, 3, 2, 3});
  CHECK(built(R"(["PPM", "MPMBlock", "StripPooling", "SKConv", {"type": "SELayer", "reduction": 100}])", {1, 8, 5, 7})
            ->output_shape() == Shape{1, 16, 5, 7});
}

TEST_CASE("settings that no network has are refused where they are given") {
  CHECK_THROWS_AS(built(R"({"type": "MPMBlock", "variant": "oficial"})", {1, 8, 5, 7}), Error);
  CHECK_THROWS_AS(built(R"({"type": "ResNet", "stem": "tiny"})", {1, 3, 32, 32}), Error);
  CHECK_THROWS_AS(built(R"({"type": "SqueezeAndExcite", "se_kernel_size": 3})", {1, 8, 5, 5}), Error);
  CHECK_THROWS_AS(built(R"({"type": "SKConv", "groups": 5})", {1, 8, 5, 5}), Error);
}

TEST_CASE("a model that ends in LogSoftmax under CrossEntropyLoss is remarked on") {
  const Experiment twice = read_experiment("simplenet");
  CHECK(remark(twice, *build_model(twice, load_data(twice), true)).find("use NLLLoss") != std::string::npos);
  const Experiment once = read_experiment("digits");
  CHECK(remark(once, *build_model(once, load_data(once), true)) == "");
}

}  // namespace
}  // namespace tarn::test_networks
