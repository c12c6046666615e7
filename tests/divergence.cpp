// Tests of trainings whose numbers run away: they stop, say where it began, and leave the last good checkpoint alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/run_folder.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "tests/support/errors.h"
#include "tests/support/program.h"
#include "tests/support/small_run.h"

namespace tarn::test_divergence {
namespace {

using test::contains;

constexpr const char* config = R"({
  "data": {"type": "Spirals", "n": 120, "batch_size": 20},
  "model": [{"name": "fc1", "type": "Linear", "out_features": 8}, "ReLU",
            {"name": "fc2", "type": "Linear", "out_features": "=classes"}],
  "optimizer": {"type": "SGD", "lr": 1e-3},
  "schedule": {"type": "StepLR", "step_size": 2, "gamma": 1e35}, "train": {"epochs": 6}})";

TEST_CASE("a training that diverges names layer, op and step, and keeps its last good checkpoint") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "c.json", config);
  const std::string run = folder / "run";
  const Ended ended = run_tarn({"train", folder / "c.json", "--out", run, "--quiet"});
  CAPTURE(ended.err);
  CHECK(ended.status == 1);
  CHECK(ended.out == "");
  CHECK(contains(ended.err, "tarn: error: training diverged: the loss is "));
  CHECK(contains(ended.err, " in epoch 3, step 12: fc2: "));
  CHECK(contains(ended.err, "fc2: 'linear' gave the first value that is not finite; inputs: [20,8] in ["));
  CHECK(contains(ended.err, "what it held then is in " + run + "/diverged.safetensors"));
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  CHECK(load_safetensors(run + "/diverged.safetensors", nullptr, Checksums::required).contains("model/fc1.weight"));
  Metadata metadata;
  load_safetensors(run + "/last.safetensors", &metadata);
  CHECK(metadata["epoch"] == "2");

  // It goes on once the cause is gone.
  const Ended resumed = run_tarn({"train", "--resume", run, "--set", "schedule.gamma=1", "--quiet"});
  CAPTURE(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(contains(resumed.out, "after 6 epochs"));
}

TEST_CASE("looking at every value finds the place in the derivatives, and counts as divergence too") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "c.json", config);
  const Ended ended =
      run_tarn({"train", folder / "c.json", "--out", folder / "run", "--set", "train.check_finite=true", "--quiet"});
  CAPTURE(ended.err);
  CHECK(ended.status == 1);
  CHECK(contains(ended.err, "training diverged: epoch 3, step 12: fc2: "));
  CHECK(contains(ended.err, "diverged.safetensors"));
}

TEST_CASE("weights that are no numbers are never saved over good ones") {
  const test::SmallRun run(3);
  const TemporaryFolder folder(true);
  Trainer trainer = run.trainer();
  RunFolder saved = RunFolder::create(folder / "run", false);
  saved.write_config(resolved(run.experiment()), folder.path());
  trainer.run_epoch([](auto...) { return true; });
  saved.save(trainer);
  const std::string before = read_file(folder / "run/state.safetensors");
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const NamedTensor& named : {parameters(trainer.model())[1], buffers(trainer.model())[0]}) {
      const Tensor good = named.tensor->clone();
      assign(*named.tensor, Tensor::full(good.shape(), value, good.dtype()));
      CHECK_THROWS_AS(saved.save(trainer), Diverged);
      const std::string message = test::message_of([&] { saved.save(trainer); });
      CHECK(contains(message, quote(named.name) + " has become " + (std::isnan(value) ? "NaN" : "infinite") +
                                  " by epoch 2, step "));
      CHECK(read_file(folder / "run/state.safetensors") == before);
      assign(*named.tensor, good);
    }
  }
  CHECK_NOTHROW(saved.save(trainer));
}

}  // namespace
}  // namespace tarn::test_divergence
