// Tests of reading an experiment.
#include "apps/experiment.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "core/file.h"

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

}  // namespace
}  // namespace tarn::test_experiment
