// Every config of the project, a few steps of it, comes to the same bits for any number of threads and any prefetching.
// TARN_DETERMINISM=full tries 1, 2, 3, 4, 8 and 16 threads, each twice, and prints a table; without it there are two
// trials.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "apps/fingerprint.h"
#include "core/blas.h"
#include "core/checksum.h"
#include "core/parallel.h"
#include "layers/module.h"
#include "tests/folders.h"

namespace tarn::test_determinism {
namespace {

namespace fs = std::filesystem;

constexpr int64_t steps = 3;

/// One way to train: results must not depend on it.
struct Way {
  int threads;
  int64_t prefetch;
};

bool full() {
  const char* text = std::getenv("TARN_DETERMINISM");
  return text != nullptr && std::string(text) == "full";
}

std::vector<Way> ways() {
  if (!full()) return {{1, 0}, {4, 3}};
  std::vector<Way> all;
  for (const int threads : {1, 2, 3, 4, 8, 16})
    for (const int64_t prefetch : {0, 2, 7}) all.push_back({threads, prefetch});
  all.push_back({1, 0});  // once more
  return all;
}

constexpr size_t one_pooling_in = 32;
constexpr int64_t most_parameters = 120'000;

std::vector<std::string> configs() {
  std::vector<std::string> all;
  size_t poolings = 0;
  for (const auto& entry : fs::recursive_directory_iterator(TARN_SOURCE_DIR "/apps/configs")) {
    const bool blocks = entry.path().generic_string().find("/blocks/") != std::string::npos;
    if (!blocks && entry.path().extension() == ".json") all.push_back(entry.path().string());
  }
  std::sort(all.begin(), all.end());
  if (full()) return all;
  std::erase_if(all, [&](const std::string& path) {
    const bool pooling = path.find("/pooling/") != std::string::npos;
    return pooling && poolings++ % one_pooling_in != 0;
  });
  return all;
}

/// The config with pictures of the same shape where it reads files that are not here.
Experiment experiment_of(const std::string& path, int64_t prefetch) {
  Experiment experiment = read_experiment(path);
  const std::string type = type_of(experiment.data);
  if (type == "Idx" || type == "Cifar") {
    const bool grey = type == "Idx";
    Json data = Json::object();
    data.set("type", "SyntheticImages").set("n", 256).set("classes", 10).set("channels", grey ? 1 : 3);
    data.set("height", grey ? 28 : 32).set("width", grey ? 28 : 32);
    for (const char* key : {"batch_size", "augment"})
      if (const Json* value = experiment.data.find(key)) data.set(key, *value);
    experiment.data = data;
  }
  if (experiment.data.is_string()) experiment.data = Json::object().set("type", experiment.data);
  experiment.data.set("prefetch", prefetch);
  return experiment;
}

/// Empty where the network is too large for the short trial.
std::string bits(const std::string& path, Way way) {
  set_threads(way.threads);
  const Experiment experiment = experiment_of(path, way.prefetch);
  const Data data = load_data(experiment);
  if (!full() && parameter_count(*build_model(experiment, data, true)) > most_parameters) return "";
  Trainer trainer(experiment, data);
  while (trainer.steps() < steps && !trainer.finished())
    trainer.run_epoch([&](auto...) { return trainer.steps() < steps; });
  std::string all;
  for (const auto& [name, sum] : fingerprint(trainer)) all += name + ' ' + sum + '\n';
  return checksum(all);
}

TEST_CASE("every config comes to the same bits for any threads and prefetching") {
  const int before = threads();
  const std::vector<std::string> all = configs();
  CHECK(all.size() > 30);
  int64_t compared = 0;
  if (full()) std::printf("%s\n", blas_description().c_str());
  for (const std::string& path : all) {
    CAPTURE(path);
    const std::vector<Way> tried = ways();
    const std::string first = bits(path, tried[0]);
    if (first.empty()) continue;
    ++compared;
    for (size_t i = 1; i < tried.size(); ++i) {
      CAPTURE(tried[i].threads);
      CAPTURE(tried[i].prefetch);
      CHECK(bits(path, tried[i]) == first);
    }
    if (!full()) continue;
    std::printf("%s  %zu trials  %s\n", first.c_str(), tried.size(),
                fs::relative(path, TARN_SOURCE_DIR "/apps/configs").generic_string().c_str());
    std::fflush(stdout);
  }
  CHECK(compared > 10);
  set_threads(before);
}

}  // namespace
}  // namespace tarn::test_determinism
