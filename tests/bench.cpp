// Tests of the bench and gradcheck commands: what they print, and what they refuse.
#include "apps/bench/bench.h"

#include <doctest/doctest.h>

#include <sstream>

#include "apps/bench/workload.h"
#include "apps/gradcheck/gradcheck.h"
#include "apps/shapes.h"
#include "core/error.h"

namespace tarn::test_bench {
namespace {

TEST_CASE("a workload is reported as one JSON object with its times") {
  std::ostringstream out;
  BenchOptions options;
  options.names = {"tiny_mlp"};
  options.seconds = 0;
  options.json = true;
  CHECK(bench_command(options, out) == 0);
  const Json line = parse_json(out.str(), "bench");
  CHECK(line.at("name").as_string() == "overhead/tiny_mlp_b1");
  CHECK(line.at("min_ms").as_number() > 0);
  CHECK(line.at("ms").as_number() >= line.at("min_ms").as_number());
  CHECK(line.at("steps").as_integer() >= 5);
  CHECK(line.at("threads").as_integer() >= 1);
  CHECK(line.at("peak_rss_mb").as_integer() >= 1);
}

TEST_CASE("a training step of an impossible model is refused before it runs") {
  CHECK_THROWS_AS(training_step(parse_json(R"(["Nope"])", "model"), {8, 4}, 3, "Adam"), Error);
}

TEST_CASE("every model of the training workloads can be built and run for one image") {
  for (const auto& [name, shape] : std::vector<std::pair<const char*, Shape>>{{"simplenet", {2, 3, 8, 8}},
                                                                              {"mlp", {2, 1, 28, 28}},
                                                                              {"lenet", {2, 1, 28, 28}},
                                                                              {"digits_cnn", {2, 1, 8, 8}},
                                                                              {"resnet20", {2, 3, 8, 8}},
                                                                              {"vggblock", {1, 64, 4, 4}},
                                                                              {"se", {2, 64, 4, 4}},
                                                                              {"sk", {2, 64, 4, 4}},
                                                                              {"mpm", {2, 64, 32, 32}}}) {
    CAPTURE(name);
    CHECK_NOTHROW(training_step(bench_model(name), shape, 10, "Adam")(nullptr));
  }
}

TEST_CASE("bench refuses unknown names, missing shapes and mixed requests") {
  std::ostringstream out;
  CHECK_THROWS_AS(bench_command({.names = {"nothing"}}, out), Error);
  CHECK_THROWS_AS(bench_command({.names = {}, .layer = "ReLU"}, out), Error);
  CHECK_THROWS_AS(bench_command({.names = {"op/"}, .layer = "ReLU", .shapes = {"2,3"}}, out), Error);
}

TEST_CASE("shapes of the command line") {
  CHECK(read_shape("32,3,28,28") == Shape{32, 3, 28, 28});
  CHECK(read_shape("") == Shape{});
  for (const char* bad : {"3,", ",3", "a", "3,,3", "3 3", "-", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(read_shape(bad), Error);
  }
  CHECK_THROWS_AS(read_shape("-1"), Error);
}

TEST_CASE("gradcheck prints a row for each tensor and order, and totals") {
  std::ostringstream out;
  GradcheckOptions options;
  options.layer = R"({"type": "Linear", "out_features": 2})";
  options.shapes = {"3,4"};
  CHECK(gradcheck_command(options, out) == 0);
  CHECK(out.str().find("weight") != std::string::npos);
  CHECK(out.str().find("6 passed, 0 failed, 0 at kinks\n") != std::string::npos);
  CHECK_THROWS_AS(gradcheck_command({}, out), Error);
}

}  // namespace
}  // namespace tarn::test_bench
