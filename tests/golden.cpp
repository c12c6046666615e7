// The reference cases: every group is run; a case of an op that is there must pass.
#include "apps/golden/golden.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "apps/golden/compare.h"
#include "apps/golden/run.h"
#include "core/error.h"
#include "tests/folders.h"

namespace tarn::test_golden {
namespace {

const std::filesystem::path folder = std::filesystem::path(TARN_SOURCE_DIR) / "tests/golden";

TEST_CASE("every reference case passes, and none is skipped") {
  size_t groups = 0;
  for (const std::string& name : golden::groups_in(folder)) {
    ++groups;
    const golden::Group group(folder, name);
    REQUIRE_FALSE(group.cases().empty());
    for (const Json& item : group.cases()) {
      const golden::Outcome outcome = run_case(group, item);
      const std::string where = name + "/" + item.at("name").as_string() + ": " + outcome.why;
      CHECK_MESSAGE(outcome.status == golden::Status::passed, where);
    }
  }
  CHECK(groups >= 23);
}

/// A folder with one copied group whose manifest is changed by `edit`.
template <class Edit>
std::filesystem::path changed_group(const char* name, Edit edit) {
  const auto copy = std::filesystem::temp_directory_path() / ("tarn-golden-" + std::string(name));
  std::filesystem::create_directories(copy);
  std::filesystem::copy_file(folder / "linear.safetensors", copy / "linear.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  std::ifstream in(folder / "linear.json");
  std::stringstream text;
  text << in.rdbuf();
  std::ofstream(copy / "linear.json") << edit(text.str());
  return copy;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("a wrong expectation fails the case, and the status says so") {
  const auto copy = changed_group("swapped", [](const std::string& text) {
    return replaced(text, "\"linear_001/grad_weight\"", "\"linear_001/v_weight\"");
  });
  std::ostringstream out;
  CHECK(golden_command({copy.string(), {"linear"}, false}, out) == 1);
  CHECK(out.str().find("linear_001: failed: gradient of weight") != std::string::npos);
  CHECK(out.str().find(" passed, 1 failed, ") != std::string::npos);
}

TEST_CASE("an unknown op is skipped by name, as one JSON object") {
  const auto copy = changed_group(
      "unknown", [](const std::string& text) { return replaced(text, "\"op\":\"linear\"", "\"op\":\"warp\""); });
  std::ostringstream out;
  CHECK(golden_command({copy.string(), {"linear"}, true}, out) == 0);
  CHECK(out.str().find(R"("status":"skipped","why":"no warp")") != std::string::npos);
  CHECK(out.str().find(R"({"event":"done","passed":24,"failed":0,"skipped":1})") != std::string::npos);
}

TEST_CASE("a missing folder, group or tensor is an error before or instead of a result") {
  std::ostringstream out;
  CHECK_THROWS_AS(golden_command({(folder / "nowhere").string(), {}, false}, out), Error);
  CHECK_THROWS_AS(golden_command({folder.string(), {"nothing"}, false}, out), Error);
  const auto copy = changed_group(
      "missing", [](const std::string& text) { return replaced(text, "\"linear_001/x\"", "\"linear_001/y\""); });
  CHECK_THROWS_AS(golden_command({copy.string(), {"linear"}, false}, out), Error);
  for (const auto& [from, to] :
       std::vector<std::pair<const char*, const char*>>{{"\"dtype\":\"f64\"", "\"dtype\":\"f16\""},
                                                        {"\"attrs\":", "\"attributes\":"},
                                                        {"\"cases\":", "\"case\":"},
                                                        {"]", ""}}) {
    const auto broken =
        changed_group("broken", [from = from, to = to](const std::string& text) { return replaced(text, from, to); });
    CHECK_THROWS_AS(golden_command({broken.string(), {"linear"}, false}, out), Error);
  }
}

TEST_CASE("comparison: NaN equals NaN, infinities must match, integers must be equal") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto row = [](std::vector<double> v) { return Tensor({static_cast<int64_t>(v.size())}, v); };
  const golden::Tolerance loose{1e-3, 1e-3};
  CHECK_NOTHROW(golden::compare("x", row({nan, inf, 1}), row({nan, inf, 1.001}), loose));
  CHECK_THROWS_AS(golden::compare("x", row({nan}), row({1}), loose), golden::Mismatch);
  CHECK_THROWS_AS(golden::compare("x", row({inf}), row({-inf}), loose), golden::Mismatch);
  CHECK_THROWS_AS(golden::compare("x", row({1e300}), row({inf}), loose), golden::Mismatch);
  CHECK_THROWS_AS(golden::compare("x", row({0}), row({nan}), loose), golden::Mismatch);
  CHECK_NOTHROW(golden::compare("x", row({0}), row({nan}), {1e-3, 1e-3, true}));
  const int64_t big = (int64_t{1} << 53) + 1;
  const auto whole = [](int64_t v) { return Tensor({1}, std::vector<int64_t>{v}); };
  CHECK_THROWS_AS(golden::compare("x", whole(big), whole(big - 1), {1, 1}), golden::Mismatch);
  CHECK_THROWS_AS(golden::compare("x", Tensor::ones({1}), row({1}), loose), golden::Mismatch);
  CHECK_NOTHROW(golden::compare("x", Tensor(), row({0, 0}), {}));
}

}  // namespace
}  // namespace tarn::test_golden
