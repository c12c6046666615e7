// Tests of config fields that are one number for all dimensions or one for each.
#include <doctest/doctest.h>

#include "core/config.h"
#include "tests/support/errors.h"

namespace tarn::test_config_numbers {
namespace {

struct Scale {
  std::optional<Numbers> factor;
  Numbers ratio = {{0.5}};
  void fields(Fields& f) {
    f("factor", factor, "how much larger", {.lo = 0, .lo_open = true});
    f("ratio", ratio, "how much smaller", {.lo = 0, .hi = 1, .rank = 2});
  }
};

TEST_CASE("numbers for dimensions are one number or a list, and are written as they were read") {
  const auto of = [](const char* json) { return read_config<Scale>(parse_json(json, "f.json")); };
  CHECK_FALSE(of("{}").factor.has_value());
  CHECK(of("{}").ratio.each == std::vector<double>{0.5});
  CHECK(of(R"({"factor": 1.5})").factor->each == std::vector<double>{1.5});
  CHECK(of(R"({"factor": [2, 0.5, 3]})").factor->each == std::vector<double>{2, 0.5, 3});
  CHECK(of(R"({"ratio": [0.25]})").ratio.each == std::vector<double>{0.25});
  Scale scale = of(R"({"factor": 2, "ratio": [0.25, 1]})");
  CHECK(to_text(write_config(scale)) == R"({"factor":2.0,"ratio":[0.25,1.0]})");
  const auto message = [&](const char* json) { return test::message_of([&] { of(json); }); };
  CHECK(message(R"({"factor": 0})") == "f.json:1:12: /factor: 0 must be > 0");
  CHECK(message(R"({"factor": [1, "a"]})") == "f.json:1:16: /factor/1: expected a number, found 'a'");
  CHECK(message(R"({"factor": "big"})") ==
        "f.json:1:12: /factor: expected a number or a list of numbers or null, found 'big'");
  CHECK(message(R"({"ratio": [1, 1, 1]})") ==
        "f.json:1:11: /ratio: expected a number or a list of 2 numbers, found a list of 3");
  CHECK(to_text(schema_of(scale).at("properties").at("ratio").at("anyOf")) ==
        R"([{"type":"number","minimum":0,"maximum":1},)"
        R"({"type":"array","items":{"type":"number","minimum":0,"maximum":1},"minItems":1,"maxItems":2}])");
  CHECK(expand(Numbers{{0.5}}, 2) == std::vector<double>{0.5, 0.5});
  CHECK_THROWS_WITH_AS(expand(Numbers{{1, 2}}, 3), "2 numbers where 1 or 3 are wanted", Error);
}

}  // namespace
}  // namespace tarn::test_config_numbers
