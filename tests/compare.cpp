// `tarn compare`: what it trains, what it does not train again, and how it ranks.
#include "apps/compare/compare.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include "core/file.h"
#include "tests/support/program.h"

namespace tarn {
namespace {

Trial trial(const std::string& config, int64_t seed, double accuracy) {
  return {.config = config, .key = "k", .seed = seed, .accuracy = accuracy, .loss = 1, .epoch_seconds = 0.5};
}

TEST_CASE("configs are ranked by their mean accuracy, with the spread over the seeds; failures come last") {
  Trial broken = trial("c", 0, 1);
  broken.failure = "diverged";
  const auto all = ranked({trial("a", 0, 0.5), trial("a", 1, 0.7), broken, trial("b", 0, 0.9)});
  REQUIRE(all.size() == 3);
  CHECK(all[0].config == "b");
  CHECK(all[1].mean() == doctest::Approx(0.6));
  CHECK(all[1].spread() == doctest::Approx(0.1414213562));
  CHECK(all[1].least() == 0.5);
  CHECK(all[1].most() == 0.7);
  CHECK(all[2].config == "c");
  CHECK(comparison_markdown(all).find("| a | 60.00 | 14.14 | 50.00 | 70.00 | 0.5 |") != std::string::npos);
  CHECK(comparison_html("x", all).find("<svg") != std::string::npos);
}

TEST_CASE("without classes the least loss is the best") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  Trial a = trial("a", 0, none);
  a.loss = 3;
  Trial b = trial("b", 0, none);
  b.loss = 2;
  CHECK(ranked({a, b})[0].config == "b");
  CHECK(trial_from(to_json(b)).loss == 2);
}

TEST_CASE("compare trains each config from each seed, and what the folder holds is not trained again") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "tarn-compare-test";
  fs::remove_all(folder);
  CompareOptions options{.configs = {"iris_mlp", "spirals_mlp"},
                         .overrides = {"train.epochs=2"},
                         .seeds = 2,
                         .out = folder.string(),
                         .quiet = true,
                         .json = true};
  CHECK(compare_command(options) == 0);
  const std::string first = read_file((folder / "results.jsonl").string());
  CHECK(std::count(first.begin(), first.end(), '\n') == 4);
  CHECK(read_file((folder / "table.md").string()).find("| iris_mlp |") != std::string::npos);
  CHECK(compare_command(options) == 0);
  CHECK(read_file((folder / "results.jsonl").string()) == first);  // times included: nothing ran
  options.overrides = {"train.epochs=1"};
  CHECK(compare_command(options) == 0);
  CHECK(read_file((folder / "results.jsonl").string()) != first);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tarn
