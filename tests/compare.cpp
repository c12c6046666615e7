// `tarn compare`: what it trains, what it does not train again, how it ranks, and the groups that folders make.
#include "apps/compare/compare.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "apps/compare/forecast.h"
#include "core/error.h"
#include "core/file.h"
#include "tests/support/program.h"

namespace tarn::test_compare {
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
  CHECK(comparison_html("x", {{"results", all}}).find("<svg") != std::string::npos);
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

namespace fs = std::filesystem;

/// A config that trains in milliseconds; `width` tells one from another.
std::string tiny(int width, const std::string& lr = "0.01") {
  return R"({"data": {"type": "Spirals", "n": 60}, "model": [{"type": "Linear", "out_features": )" +
         std::to_string(width) + R"(}, {"type": "Linear", "out_features": "=classes"}],
    "optimizer": {"type": "SGD", "lr": )" +
         lr + R"(}, "train": {"epochs": 2}})";
}

/// Two data sets' folders below `configs`, of two configs and one.
void write_experiment(const TemporaryFolder& folder) {
  fs::create_directories(folder / "configs/moons");
  fs::create_directories(folder / "configs/stars");
  write_file_atomically(folder / "configs/moons/a.json", tiny(2));
  write_file_atomically(folder / "configs/moons/b.json", tiny(3));
  write_file_atomically(folder / "configs/stars/a.json", tiny(4));
  write_file_atomically(folder / "configs/README.md", "no config");
}

CompareOptions quiet_options(const TemporaryFolder& folder) {
  return {
      .configs = {folder / "configs"}, .overrides = {}, .seeds = 2, .out = folder / "out", .quiet = true, .json = true};
}

std::vector<Trial> trials_of(const std::string& path) {
  std::vector<Trial> trials;
  const std::string lines = read_file(path);
  for (size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
    trials.push_back(trial_from(parse_json(lines.substr(at, lines.find('\n', at) - at), path)));
  return trials;
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

std::string error_of(const std::vector<std::string>& arguments) {
  try {
    entrants_of(arguments);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("compare trains each config from each seed, and what the folder holds is not trained again") {
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

TEST_CASE("a folder stands for the configs in it and below, each in the group of its own folder") {
  const TemporaryFolder folder;
  write_experiment(folder);
  const std::vector<Entrant> entrants = entrants_of({folder / "configs", "digits", folder / "configs/stars/a.json"});
  REQUIRE(entrants.size() == 5);
  const auto is = [&](size_t i, const char* group, const char* name) {
    return entrants[i].group == group && entrants[i].name == name;
  };
  CHECK(is(0, "moons", "a"));
  CHECK(is(1, "moons", "b"));
  CHECK(is(2, "results", "digits"));
  CHECK(is(3, "results", "a"));
  CHECK(is(4, "stars", "a"));
  CHECK(entrants_of({folder / "configs/moons/"})[0].group == "moons");
  CHECK(entrants_of({folder / "configs/moons/../stars"})[0].group == "stars");
}

TEST_CASE("a folder without configs, and one name twice in a group, are refused") {
  const TemporaryFolder folder;
  write_experiment(folder);
  fs::create_directories(folder / "empty");
  CHECK(error_of({folder / "empty"}) ==
        (folder / "empty") + ": no .json file lies in this folder or below; expected configs");
  const std::string twice = error_of({folder / "configs/moons/a.json", folder / "configs/stars/a.json"});
  CHECK(twice.find((folder / "configs/stars/a.json") + ": " + (folder / "configs/moons/a.json")) == 0);
  CHECK(twice.find("both would be 'a' in results.jsonl") != std::string::npos);
  CHECK(error_of({folder / "configs", folder / "configs/moons"}).find("in moons.jsonl") != std::string::npos);
}

TEST_CASE("groups get files, tables and plots of their own, and are resumed one by one") {
  const TemporaryFolder folder;
  write_experiment(folder);
  CompareOptions options = quiet_options(folder);
  CHECK(compare_command(options) == 0);
  const std::string moons = read_file(folder / "out/moons.jsonl");
  const std::vector<Trial> trials = trials_of(folder / "out/moons.jsonl");
  REQUIRE(trials.size() == 4);
  for (size_t i = 0; i < 4; ++i) {  // seed by seed
    CHECK(trials[i].config == (i % 2 == 0 ? "a" : "b"));
    CHECK(trials[i].seed == static_cast<int64_t>(i / 2));
  }
  CHECK(trials_of(folder / "out/stars.jsonl").size() == 2);
  CHECK(!fs::exists(folder / "out/results.jsonl"));
  const std::string table = read_file(folder / "out/table.md");
  CHECK(table.find("## moons\n\n| config |") == 0);
  CHECK(table.find("\n\n## stars\n\n| config |") != std::string::npos);
  const std::string report = read_file(folder / "out/report.html");
  CHECK(count(report, "<svg") == 2);
  CHECK(count(report, "<table") == 2);
  CHECK(report.find("<h2>stars</h2>") != std::string::npos);

  write_file_atomically(folder / "configs/stars/b.json", tiny(5));
  CHECK(compare_command(options) == 0);
  CHECK(read_file(folder / "out/moons.jsonl") == moons);
  CHECK(trials_of(folder / "out/stars.jsonl").size() == 4);

  options.configs = {folder / "configs/moons"};
  CHECK(compare_command(options) == 0);
  CHECK(read_file(folder / "out/moons.jsonl") == moons);
  CHECK(read_file(folder / "out/table.md").find("##") == std::string::npos);  // one group needs no heading
}

TEST_CASE("a training that fails is told, does not stop the others, and is tried again") {
  const TemporaryFolder folder;
  write_experiment(folder);
  write_file_atomically(folder / "configs/moons/a.json", tiny(2, "1e30"));
  const CompareOptions options = quiet_options(folder);
  CHECK(compare_command(options) == 1);
  const std::vector<Trial> trials = trials_of(folder / "out/moons.jsonl");
  REQUIRE(trials.size() == 4);
  CHECK(trials[0].failure.find("diverged") != std::string::npos);
  CHECK(trials[1].failure == "");
  CHECK(trials_of(folder / "out/stars.jsonl").size() == 2);
  CHECK(read_file(folder / "out/table.md").find("| a | - |") != std::string::npos);
  const Ended ended = run_tarn({"compare", folder / "configs", "--seeds", "2", "--out", folder / "out"});
  CHECK(ended.status == 1);
  CHECK_MESSAGE(ended.err.find("moons/a, seed 1: ") != std::string::npos, ended.err);
  CHECK(ended.err.find("left") == std::string::npos);  // no bar where there is no terminal
  write_file_atomically(folder / "configs/moons/a.json", tiny(2));
  CHECK(compare_command(options) == 0);
  CHECK(trials_of(folder / "out/moons.jsonl")[2].failure == "");
}

TEST_CASE("data that are not there are told before anything is trained") {
  const TemporaryFolder folder;
  write_experiment(folder);
  write_file_atomically(folder / "configs/stars/b.json",
                        R"({"data": {"type": "Csv", "path": "none.csv"}, "model": ["ReLU"]})");
  CHECK_THROWS_WITH_AS(compare_command(quiet_options(folder)), doctest::Contains("none.csv"), Error);
  CHECK(!fs::exists(folder / "out"));
}

TEST_CASE("the plot has a mean, a time and a memory for every config that was trained, and names the others") {
  Trial slow = trial("slow<", 0, 0.25);
  slow.epoch_seconds = 7.25;
  slow.tensors_mb = 12.5;
  Trial broken = trial("broken", 0, 0);
  broken.failure = "diverged";
  const std::string plot = comparison_plot(ranked({slow, trial("fast", 0, 0.75), broken}));
  CHECK(count(plot, "<circle") == 2);
  for (const char* part : {">slow&lt;<", ">fast<", ">broken<", ">7.25<", ">12.5<", "<title>fast: 75 ± 0</title>"})
    CHECK_MESSAGE(plot.find(part) != std::string::npos, part);
  CHECK(plot.find("nan") == std::string::npos);
  CHECK(plot.find("inf") == std::string::npos);
  CHECK(comparison_plot(ranked({broken})) == "");
}

TEST_CASE("a training is expected to take as long as its config's last, or its group's mean, or the mean of all") {
  Forecast forecast;
  CHECK(std::isnan(forecast.seconds("digits", "a")));
  forecast.took("digits", "a", 1);
  forecast.took("digits", "b", 4);
  forecast.took("mnist", "a", 10);
  forecast.took("digits", "a", 2);
  CHECK(forecast.seconds("digits", "a") == 2);
  CHECK(forecast.seconds("digits", "c") == doctest::Approx(7.0 / 3));
  CHECK(forecast.seconds("mnist", "b") == 10);
  CHECK(forecast.seconds("faces", "a") == doctest::Approx(17.0 / 4));
}

}  // namespace
}  // namespace tarn::test_compare
