// Tests of configs that extend others, and of blocks from other files.
#include "apps/config_file.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "apps/experiment.h"
#include "core/file.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"

namespace tarn::test_config_file {
namespace {

struct Files {
  TemporaryFolder folder;
  void write(const std::string& name, const std::string& text) const { write_file_atomically(folder / name, text); }
  Json load(const std::string& name) const { return load_config(folder / name).root; }
  std::string error(const std::string& name) const {
    return test::message_of([&] { load(name); });
  }
};

bool says(const std::string& message, const std::string& part) {
  CAPTURE(message);
  return message.find(part) != std::string::npos;
}

TEST_CASE("a config extends another: objects merge, null removes, anything else replaces") {
  const Files files;
  files.write("base.json",
              R"({"data": {"type": "Spirals", "n": 100}, "model": ["ReLU"], "schedule": "CosineAnnealingLR",
                               "train": {"epochs": 3, "clip_grad_norm": 1.0}})");
  files.write("more.json",
              R"({"extends": "base.json", "data": {"n": 50}, "model": ["Tanh", "ReLU"], "schedule": null})");
  files.write("most.json", R"({"extends": "more.json", "train": {"epochs": 5}})");
  const Json root = files.load("most.json");
  CHECK(to_text(root.at("data")) == R"({"type":"Spirals","n":50})");
  CHECK(root.at("model").size() == 2);
  CHECK(root.find("schedule") == nullptr);
  CHECK(root.find("extends") == nullptr);
  CHECK(to_text(root.at("train")) == R"({"epochs":5,"clip_grad_norm":1.0})");
  const Experiment experiment = read_experiment(files.folder / "most.json", {"train.epochs=7"});
  CHECK(experiment.train.epochs == 7);
}

TEST_CASE("blocks are included, from files that include others, relative to each file") {
  const Files files;
  std::filesystem::create_directories(files.folder / "lib/deep");
  files.write("lib/deep/a.json", R"({"blocks": {"A": {"body": ["ReLU"]}}})");
  files.write("lib/b.json", R"({"include": "deep/a.json", "blocks": {"B": {"body": ["A", "Tanh"]}}})");
  files.write("c.json", R"({"include": ["lib/b.json", "lib/deep/a.json"], "blocks": {"C": {"body": ["B"]}},
                           "data": "Spirals", "model": ["C", {"type": "Linear", "out_features": 2}]})");
  const Json root = files.load("c.json");
  CHECK(root.at("blocks").size() == 3);
  CHECK(root.find("include") == nullptr);
  const Experiment experiment = read_experiment(files.folder / "c.json");
  CHECK(build_model(experiment, load_data(experiment))->items()[0].inside->items().size() == 1);
  // What a run writes down needs none of the files.
  const Json written = resolved(experiment);
  CHECK(written.at("blocks").at("B").at("body").items()[0].at("type").as_string() == "A");
  files.write("resolved.json", to_text(written));
  CHECK(to_text(resolved(read_experiment(files.folder / "resolved.json"))) == to_text(written));
}

TEST_CASE("built-in blocks are there by name") {
  const Files files;
  files.write("c.json", R"({"include": "builtin:blocks/attention", "data": "Digits",
                           "model": [{"type": "Conv2d", "out_channels": 16, "kernel_size": 3}, "SELayer", "Flatten",
                                     {"type": "Linear", "out_features": "=classes"}]})");
  CHECK_NOTHROW(read_experiment(files.folder / "c.json"));
  files.write("d.json", R"({"include": "builtin:blocks/atention", "data": "Digits", "model": ["ReLU"]})");
  CHECK(says(files.error("d.json"),
             "d.json:1:13: /include: there is no built-in config 'blocks/atention'; did you mean 'blocks/attention'?"));
  files.write("e.json", R"({"extends": "builtin:digits", "train": {"epochs": 1}})");
  CHECK(read_experiment(files.folder / "e.json").train.epochs == 1);
  CHECK_NOTHROW(load_config("builtin:blocks/all"));
}

TEST_CASE("files that are missing, or read themselves, are located") {
  const Files files;
  files.write("a.json", R"({"extends": "b.json"})");
  files.write("b.json", R"({"extends": "a.json"})");
  CHECK(says(files.error("a.json"), "b.json:1:13: /extends: this file reads itself ("));
  files.write("c.json", R"({"include": ["c.json"]})");
  CHECK(says(files.error("c.json"), "c.json:1:14: /include/0: this file reads itself ("));
  files.write("d.json", R"({"include": "none.json"})");
  CHECK(says(files.error("d.json"), "none.json: no such file"));
  files.write("e.json", R"({"include": 3})");
  CHECK(says(files.error("e.json"), "/include: "));
  files.write("f.json", R"({"extends": "."})");
  CHECK(says(files.error("f.json"), "/extends: "));
  files.write("g.json", "[1]");
  files.write("h.json", R"({"include": "g.json"})");
  CHECK(says(files.error("h.json"), "g.json:1:1: /: a config is an object, found a list"));
}

TEST_CASE("a block has one definition") {
  const Files files;
  files.write("a.json", R"({"blocks": {"A": {"body": ["ReLU"]}}})");
  files.write("b.json", R"({"blocks": {"A": {"body": ["Tanh"]}}})");
  files.write("c.json", R"({"include": ["a.json", "b.json"], "data": "Spirals", "model": ["A"]})");
  CHECK(says(files.error("c.json"), "block 'A' is defined twice, at "));
  files.write("d.json", R"({"include": "a.json", "blocks": {"A": {"body": ["Tanh"]}}})");
  CHECK(says(files.error("d.json"), "block 'A' is defined twice, at "));
  // A file that extends another may change its blocks.
  files.write("e.json", R"({"extends": "a.json", "blocks": {"A": {"body": ["Tanh", "ReLU"]}}})");
  CHECK(files.load("e.json").at("blocks").at("A").at("body").size() == 2);
  // As a whole, so that a null among its parameters stays.
  files.write("f.json", R"({"blocks": {"A": {"params": {"out": 3, "k": 1}, "body": ["ReLU"]}, "B": {"body": ["A"]}}})");
  files.write("g.json",
              R"({"extends": "f.json", "blocks": {"A": {"params": {"out": null}, "body": ["Tanh"]}, "B": null}})");
  CHECK(to_text(files.load("g.json").at("blocks")) == R"({"A":{"params":{"out":null},"body":["Tanh"]}})");
}

TEST_CASE("relative paths start where the data section was written") {
  const Files files;
  std::filesystem::create_directories(files.folder / "base");
  files.write("base/base.json", R"({"data": {"type": "Csv", "path": "x.csv"}, "model": ["ReLU"]})");
  files.write("over.json", R"({"extends": "base/base.json", "data": {"batch_size": 4}})");
  files.write("own.json", R"({"extends": "base/base.json", "data": {"path": "y.csv"}})");
  CHECK(load_config(files.folder / "over.json").folder == files.folder / "base");
  CHECK(load_config(files.folder / "own.json").folder + "/" == files.folder / "");
}

TEST_CASE("a file of blocks alone is checked as one") {
  const Files files;
  files.write("a.json", R"({"blocks": {"A": {"body": ["ReLU"]}, "B": {"body": ["A"]}}})");
  CHECK(checked_library(files.folder / "a.json") == 2);
  files.write("b.json", R"({"blocks": {"A": {"body": ["ReLUU"]}}})");
  CHECK_THROWS_AS(checked_library(files.folder / "b.json"), Error);
  files.write("c.json", R"({"blocks": {"A": {"body": ["ReLU"]}}, "data": "Digits"})");
  CHECK(!checked_library(files.folder / "c.json").has_value());
  CHECK(checked_library("builtin:blocks/all") >= 20);
}

TEST_CASE("a bomb of files ends with a message") {
  const Files files;
  for (int i = 0; i < 70; ++i) files.write(text("f", i, ".json"), text(R"({"extends": "f)", i + 1, R"(.json"})"));
  CHECK(says(files.error("f0.json"), "deeper than 64 levels"));
  const std::string mib(size_t{1} << 20, ' ');
  files.write("big.json", "{" + mib + "}");
  std::string list;
  for (int i = 0; i < 20; ++i) list += std::string(i ? "," : "") + "\"big.json\"";
  files.write("many.json", R"({"include": [)" + list + "]}");
  CHECK(says(files.error("many.json"), "more than 16 MiB of text"));
}

}  // namespace
}  // namespace tarn::test_config_file
