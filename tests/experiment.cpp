// Tests of reading an experiment.
#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include "apps/check.h"
#include "core/file.h"
#include "tests/support/memory_files.h"

namespace tarn::test_experiment {
namespace {

TEST_CASE("an override inside a section that is left out changes the section's default") {
  const auto file = std::filesystem::temp_directory_path() / "tarn-experiment-test.json";
  write_file_atomically(file.string(), R"({"data": "Xor", "model": [{"type": "Linear", "out_features": 2}]})");
  const Experiment experiment =
      read_experiment(file.string(), {"optimizer.lr=0.25", "loss.label_smoothing=0.5", "train.epochs=3"});
  std::filesystem::remove(file);
  CHECK(experiment.optimizer == parse_json(R"({"type": "Adam", "lr": 0.25})", "expected"));
  CHECK(experiment.loss == parse_json(R"({"type": "CrossEntropyLoss", "label_smoothing": 0.5})", "expected"));
  CHECK(experiment.train.epochs == 3);
}

/// An experiment from texts by name, the first of which is "main.json".
Experiment experiment_of(const test::MemoryFiles::Files& texts) {
  const test::MemoryFiles files(texts);
  return read_experiment("main.json");
}

TEST_CASE("configs that are in no file extend and include each other as files do") {
  const std::string base = R"({"data": "Xor", "model": ["B"], "include": "b.json"})";
  const std::string block = R"({"blocks": {"B": {"body": [{"type": "Linear", "out_features": 2}]}}})";
  const Experiment experiment =
      experiment_of({{"main.json", R"({"extends": "base.json", "seed": 4})"}, {"base.json", base}, {"b.json", block}});
  CHECK(experiment.seed == 4);
  CHECK(experiment.blocks.size() == 1);
  CHECK(check_experiment(experiment, load_data(experiment))->output_shape() == Shape{1, 2});
  CHECK_THROWS_WITH(experiment_of({{"main.json", R"({"extends": "none.json"})"}}),
                    "main.json:1:13: /extends: none.json: no such file");
}

TEST_CASE("multiply-adds are counted up to the largest integer") {
  const Experiment experiment = experiment_of({{"main.json", R"({
    "data": {"type": "SyntheticImages", "n": 12, "height": 8, "width": 8},
    "model": [{"type": "LocalResponseNorm", "size": 4611686018427387904}, "GAP", "Flatten",
              {"type": "Linear", "out_features": 10}]})"}});
  const auto model = check_experiment(experiment, load_data(experiment));
  CHECK(model->items().front().multiply_adds == std::numeric_limits<int64_t>::max());
  CHECK(model->multiply_adds({Shape{1, 3, 8, 8}}, {}) == std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace tarn::test_experiment
