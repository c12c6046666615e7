// Tests of the catalog and the schema: every registered name has an example that can be read, and the schema accepts
// what the program accepts.
#include "apps/catalog.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/columns.h"
#include "apps/schema.h"
#include "core/file.h"
#include "data/augment.h"
#include "layers/initializer.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "optim/schedule.h"
#include "tests/folders.h"
#include "tests/support/json_schema.h"
#include "tests/support/program.h"

namespace tarn::test_catalog {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> json_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(std::string(TARN_SOURCE_DIR "/") + folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

/// The example as a whole config would hold it.
Json config_with(const CatalogSection& section, const CatalogEntry& entry) {
  const auto object = [](const char* key, Json value) { return Json::object().set(key, std::move(value)); };
  Json config = object("data", "Spirals").set("model", Json::array().push("Flatten"));
  if (section.place == "model") {
    config.set("model", Json::array().push(entry.example));
  } else if (section.place == "augment") {
    config.set("data", object("type", "Digits").set("augment", Json::array().push(entry.example)));
  } else if (section.place == "init") {
    const Json linear = object("type", "Linear").set("out_features", 3).set("init", object("weight", entry.example));
    config.set("model", Json::array().push(linear));
  } else {
    config.set(section.place, entry.example);
  }
  return config;
}

TEST_CASE("every registry is in the catalog, and no entry is without a name and a doc line") {
  std::set<std::string> kinds;
  for (const CatalogSection& section : catalog()) {
    kinds.insert(section.kind);
    CHECK(section.entries.size() > 0);
    for (const CatalogEntry& entry : section.entries) CHECK_MESSAGE(!entry.doc.empty(), entry.name);
  }
  CHECK(kinds ==
        std::set<std::string>{"layer", "loss", "optimizer", "schedule", "data set", "augmentation", "initializer"});
}

TEST_CASE("every example is accepted by its registry and by the schema") {
  const Json schema = experiment_schema();
  for (const CatalogSection& section : catalog())
    for (const CatalogEntry& entry : section.entries) {
      CAPTURE(entry.name);
      Problems problems;
      entry.config.resolve(entry.example, problems, false);
      CHECK(problems.lines() == "");
      CHECK(schema_mistake(config_with(section, entry), schema, schema) == "");
    }
}

TEST_CASE("examples of losses, schedules, augmentations and initialisers can be made") {
  const auto optimizer = make_optimizer("SGD", {});
  for (const CatalogSection& section : catalog())
    for (const CatalogEntry& entry : section.entries) {
      CAPTURE(entry.name);
      if (section.place == "loss") CHECK(make_loss(entry.example) != nullptr);
      if (section.place == "augment") CHECK(make_augmentation(entry.example) != nullptr);
      if (section.place == "init") CHECK(make_initializer(entry.example) != nullptr);
      if (section.place == "schedule") CHECK(make_schedule(entry.example, *optimizer, {10, 5}) != nullptr);
    }
}

TEST_CASE("the schema accepts every built-in config") {
  const Json schema = experiment_schema();
  for (const std::string& file : json_files("apps/configs"))
    CHECK_MESSAGE(schema_mistake(parse_json(read_file(file), file), schema, schema) == "", file);
}

TEST_CASE("the schema refuses what is wrong by itself") {
  const Json schema = experiment_schema();
  for (const char* name :
       {"keys/bias", "sections/misspelt_section", "types/word_for_an_integer", "sections/model_is_one_layer",
        "ranges/dropout_in_percent", "sections/without_data", "layers/settings_missing", "sections/model_is_empty",
        "choices/normalize", "loss/misspelt", "ranges/step_size_of_zero"}) {
    const std::string file = TARN_SOURCE_DIR "/tests/bad_configs/" + std::string(name) + ".json";
    CHECK_MESSAGE(schema_mistake(parse_json(read_file(file), file), schema, schema) != "", name);
  }
}

TEST_CASE("the schema knows shared items, initial values, nested lists and groups") {
  const Json schema = experiment_schema();
  const auto mistake = [&schema](const std::string& model, const std::string& more = "") {
    const std::string config = R"({"data": "Spirals", "model": [)" + model + "]" + more + "}";
    return schema_mistake(parse_json(config, "config"), schema, schema);
  };
  CHECK(mistake(R"({"name": "a", "type": "Linear", "out_features": "=classes"}, {"shared": "a"})") == "");
  CHECK(mistake(R"({"name": "a", "type": "Linear", "out_features": 3}, {"type": "Linear", "shared": "a"})") == "");
  CHECK(mistake(R"({"type": "Linear", "out_features": 3, "init": {"weight": "kaiming_normal"}})") == "");
  CHECK(mistake(R"({"type": "Linear", "out_features": 3, "init": {"weight": "kaiming"}})") != "");
  CHECK(mistake(R"({"type": "PReLU", "init": 0.1}, {"type": "PReLU", "init": {"weight": "zeros"}})") == "");
  CHECK(mistake(R"({"type": "Sequential", "body": ["ReLU", {"type": "Parallel", "branches": [["ReLU"], []]}]})") == "");
  CHECK(mistake(R"({"type": "Sequential", "body": [{"type": "ReLU", "inplase": true}]})") != "");
  CHECK(mistake(R"({"type": "Add", "from": ["input", "input"]})") == "");
  CHECK(mistake(R"({"type": "Add", "from": 3})") != "");
  // A type that is no layer may be a block, of this file or of an included one: only `tarn check` can tell.
  CHECK(mistake(R"("Mine", {"type": "Other", "out": "=channels", "when": "=true"})") == "");
  CHECK(mistake(R"({"for": "i", "in": "=range(3) ", "body": ["ReLU"]})") == "");
  CHECK(mistake(R"({"for": "i", "in": [1, 2], "boddy": ["ReLU"]})") != "");
  CHECK(mistake(R"("Mine")", R"(, "blocks": {"Mine": {"params": {"k": 3}, "body": ["ReLU"]}})") == "");
  CHECK(mistake(R"("Mine")", R"(, "blocks": {"Mine": {"parms": {"k": 3}, "body": ["ReLU"]}})") != "");
  const std::string groups = R"(, "optimizer": {"type": "SGD", "groups": [{"params": "*.bias", "lr": 0.1}]})";
  CHECK(mistake(R"("ReLU")", groups) == "");
  CHECK(mistake(R"("ReLU")", R"(, "optimizer": {"type": "SGD", "groups": [{"lr": 0.1}]})") != "");
  CHECK(mistake(R"("ReLU")", R"(, "schedule": null)") == "");
}

TEST_CASE("the schema is one by the standard's own schema") {
  if (run_command({"/bin/sh", "-c", "python3 -c 'import jsonschema'"}).status != 0) {
    MESSAGE("skipped: python3-jsonschema is not installed");
    return;
  }
  const TemporaryFolder folder;
  write_file_atomically(folder / "schema.json", to_text(experiment_schema()));
  const Ended ended = run_command({"python3", "-c",
                                   "import json, jsonschema, sys; "
                                   "jsonschema.Draft202012Validator.check_schema(json.load(open(sys.argv[1])))",
                                   folder / "schema.json"});
  CHECK_MESSAGE(ended.status == 0, ended.err);
}

TEST_CASE("text is wrapped between words, with characters and not bytes counted") {
  CHECK(wrapped("ab ", "cd ef gh", 3, 8) == "ab cd ef\n   gh\n");
  CHECK(wrapped("", "a-very-long-word b", 2, 6) == "a-very-long-word\n  b\n");
  CHECK(wrapped("x ", "", 2, 6) == "x \n");
  CHECK(columns("σ(x) · y") == 8);
  CHECK(padded("σ", 3) == "σ  ");
}

}  // namespace
}  // namespace tarn::test_catalog
