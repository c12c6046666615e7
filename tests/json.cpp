// Tests of JSON values: what is read, what is refused and where, and that writing loses nothing.
#include "core/json.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/error.h"

namespace tarn::test_json {
namespace {

std::string message_of(const std::string& written, const JsonLimits& limits = {}) {
  try {
    parse_json(written, "f.json", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

const std::string sample = R"({
  // a comment with a "string" and a { bracket
  "name": "digits \u00e9\n\ud83d\ude00", /* another */
  "seed": -12, "rate": 2e-3, "whole": 3.0,
  "flags": [true, false, null],
  "a/b~c": {"": [{}, [], [[1]]]}
})";

TEST_CASE("values are read as what they are") {
  const Json json = parse_json(sample, "f.json");
  CHECK(json.at("name").as_string() == "digits \u00e9\n\U0001F600");
  CHECK(json.at("seed").as_integer() == -12);
  CHECK(json.at("seed").as_number() == -12.0);
  CHECK(json.at("rate").as_number() == 2e-3);
  CHECK(json.at("whole").kind() == Json::Kind::number);
  CHECK(json.at("flags").size() == 3);
  CHECK(json.at("flags").items()[0].as_boolean());
  CHECK(json.at("flags").items()[2].is_null());
  CHECK(json.find("absent") == nullptr);
  CHECK(parse_json(" 9223372036854775807 ", "x").as_integer() == std::numeric_limits<int64_t>::max());
  CHECK(parse_json("-9223372036854775808", "x").as_integer() == std::numeric_limits<int64_t>::min());
}

TEST_CASE("every value and key knows its line, column and pointer") {
  const Json json = parse_json(sample, "f.json");
  CHECK(json.where().place() == "f.json:1:1");
  CHECK(json.at("seed").where().prefix() == "f.json:4:11: /seed: ");
  CHECK(json.at("rate").where().prefix() == "f.json:4:24: /rate: ");
  CHECK(json.members()[3].where.prefix() == "f.json:4:30: /whole: ");
  CHECK(json.at("flags").items()[2].where().prefix() == "f.json:5:26: /flags/2: ");
  const Json& inner = json.at("a/b~c").at("");
  CHECK(inner.where().pointer() == "/a~1b~0c/");
  CHECK(inner.items()[2].items()[0].items()[0].where().prefix() == "f.json:6:28: /a~1b~0c//2/0/0: ");
  CHECK(json.where().prefix("lr") == "f.json:1:1: /lr: ");
  // Columns count characters, whatever their bytes.
  CHECK(parse_json("[\"\u00e9\u00e9\", 1]", "u").items()[1].where().place() == "u:1:8");
  CHECK(parse_json("[1,\r\n 2]", "crlf").items()[1].where().place() == "crlf:2:2");
}

TEST_CASE("reading a value as what it is not says where it stands and what it is") {
  const Json json = parse_json("{\"a\": [1.5, \"x\"]}", "f.json");
  CHECK_THROWS_WITH_AS(json.at("a").items()[0].as_integer(), "f.json:1:8: /a/0: expected an integer, found 1.5", Error);
  CHECK_THROWS_WITH_AS(json.at("a").items()[1].as_number(), "f.json:1:13: /a/1: expected a number, found 'x'", Error);
  CHECK_THROWS_WITH_AS(json.at("a").members(), "f.json:1:7: /a: expected an object, found a list of 2", Error);
  CHECK_THROWS_WITH_AS(json.at("b"), "f.json:1:1: /b: must be given", Error);
  CHECK_THROWS_WITH_AS(Json(3).as_string(), "expected a string, found 3", Error);
}

TEST_CASE("a mistake in the text is reported at its line, column and pointer") {
  struct Case {
    const char* written;
    const char* place;
    const char* part;
  };
  const Case cases[] = {
      {"", "f.json:1:1: /: ", "empty"},
      {"  // nothing", "f.json:1:13: /: ", "no value"},
      {"[1,\n 2,]", "f.json:2:4: /2: ", "comma"},
      {"{\"a\": 1,\n}", "f.json:2:1: /: ", "comma"},
      {"{\"a\":1,\n \"b\":2, \"a\":2}", "f.json:2:9: /a: ", "twice, first at f.json:1:2"},
      {"{\"a\":{\"b\":1,\"b\":1}}", "f.json:1:13: /a/b: ", "twice"},
      {"[0, NaN]", "f.json:1:5: /1: ", "no NaN"},
      {"[0, -Infinity]", "f.json:1:5: /1: ", "no infinity"},
      {"[1e999]", "f.json:1:2: /0: ", "beyond the range"},
      {"[9223372036854775808]", "f.json:1:2: /0: ", "64 bits"},
      {"[-9223372036854775809]", "f.json:1:2: /0: ", "64 bits"},
      {"{\"n\": 123456789012345678901234567890}", "f.json:1:7: /n: ", "64 bits"},
      {"[1] 2", "f.json:1:5: /: ", "expected the end of the text"},
      {"{} }", "f.json:1:4: /: ", "expected the end of the text"},
      {"\xEF\xBB\xBF{}", "f.json:1:1: /: ", "byte-order mark"},
      {"{\"k\": \"\xC3\"}", "f.json:1:8: /k: ", "UTF-8"},
      {"// \xFF\n1", "f.json:1:4: /: ", "UTF-8"},
      {"[\"\xED\xA0\x80\"]", "f.json:1:3: /0: ", "UTF-8"},
      {"[\"\xF0\x80\x80\x80\"]", "f.json:1:3: /0: ", "UTF-8"},
      {"{\"a\": {\"b\": [1, ", "f.json:1:17: /a/b/1: ", "list opened at f.json:1:13"},
      {"{\"a\" 1}", "f.json:1:6: /a: ", "':'"},
      {"{\"a\": \"never closed}", "f.json:1:7: /a: ", "closing quote"},
      {"tru", "f.json:1:1: /: ", "expected a value, found 'tru'"},
      {"[1, -", "f.json:1:5: /1: ", "expected a value, found '-'"},
      {"[\"\\q\"]", "f.json:1:4: /0: ", "backslash"},
      {"[\"\\ud800\"]", "f.json:1:9: /0: ", "surrogate"},
      {"[\"a\tb\"]", "f.json:1:4: /0: ", "a string has a tab in it"},
      {"[1,,2]", "f.json:1:4: /1: ", "expected a value, found ','"},
      {"{'a': 1}", "f.json:1:2: /: ", "double quotes"},
      {"[True]", "f.json:1:2: /0: ", "true, false and null"},
      {"# no\n{}", "f.json:1:1: /: ", "begins with //"},
      {"[1 /x]", "f.json:1:4: /0: ", "comment"},
      {"[1 /* x", "f.json:1:4: /0: ", "a comment has no closing */"},
      {"[01]", "f.json:1:2: /0: ", "'01' is no number; a number does not begin with 0"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.written);
    const std::string message = message_of(c.written);
    CAPTURE(message);
    CHECK(message.starts_with(c.place));
    CHECK(message.find(c.part) != std::string::npos);
  }
  const std::string nul("[1, \0]", 6);
  CHECK(message_of(nul).starts_with("f.json:1:5: /1: "));
}

TEST_CASE("the limits of size, depth and number of values have messages of their own") {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  CHECK(message_of(deep) == "no error");
  CHECK(message_of("[" + deep + "]").find("deeper than 64 levels") != std::string::npos);
  CHECK(message_of(std::string(5'000'000, '[')).find("deeper than 64 levels") != std::string::npos);
  CHECK(message_of("[1,2,3]", {.bytes = 6}) == "f.json: 7 bytes of JSON; at most 6 are read");
  CHECK(message_of("[1,2,3]", {.values = 2}) == "f.json:1:6: /2: more than 2 values in one text");
  CHECK(message_of("[1 // x\n]", {.comments = false}).starts_with("f.json:1:4: /0: "));
}

TEST_CASE("a thousand keys that repeat a hundred thousand times are refused quickly") {
  std::string many = "{";
  for (int i = 0; i < 100'000; ++i) many += "\"key" + std::to_string(i % 99'999) + "\":0,";
  many.back() = '}';
  CHECK(message_of(many).find("key 'key0' is given twice") != std::string::npos);
}

TEST_CASE("a text cut anywhere is a located error") {
  for (size_t length = 0; length < sample.size(); ++length) {
    CAPTURE(length);
    CHECK(message_of(sample.substr(0, length)).starts_with("f.json:"));
  }
}

TEST_CASE("a text with any byte changed is read or refused, never worse") {
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string changed = sample;
    changed[random() % changed.size()] = static_cast<char>(random() % 256);
    const std::string message = message_of(changed);
    if (message == "no error") continue;
    ++refused;
    CAPTURE(message);
    CHECK(message.starts_with("f.json:"));
    CHECK(message.find(": /") != std::string::npos);
  }
  CHECK(refused > 1000);
}

TEST_CASE("writing and reading again gives the same value") {
  const Json json = parse_json(sample, "f.json");
  for (const int indent : {-1, 0, 2}) {
    CAPTURE(indent);
    CHECK(parse_json(to_text(json, indent), "again") == json);
  }
  CHECK(to_text(parse_json("{\"a\": [1, 2.5], \"b\": {}, \"c\": [[]]}", "x")) == R"({"a":[1,2.5],"b":{},"c":[[]]})");
  CHECK(to_text(parse_json("{\"a\": [1, 2.5], \"b\": {\"c\": []}}", "x"), 2) ==
        "{\n  \"a\": [1, 2.5],\n  \"b\": {\n    \"c\": []\n  }\n}");
}

TEST_CASE("doubles and integers survive exactly, each as its kind") {
  std::mt19937_64 random(3);
  const double limits[] = {0.0, -0.0, 1.0, 0.1, 1e22, 5e-324, std::numeric_limits<double>::max(), 1.0 / 3.0};
  const auto survives = [](double value) {
    const Json back = parse_json(to_text(Json(value)), "x");
    return back.kind() == Json::Kind::number && std::signbit(back.as_number()) == std::signbit(value) &&
           back.as_number() == value;
  };
  for (const double value : limits) CHECK(survives(value));
  int tried = 0;
  while (tried < 2000) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ++tried;
    CHECK(survives(value));
  }
  CHECK(to_text(Json(1.0)) == "1.0");
  CHECK(to_text(Json(1)) == "1");
  CHECK(to_text(Json(std::numeric_limits<int64_t>::min())) == "-9223372036854775808");
  CHECK(to_text(Json(std::nan(""))) == "null");
  CHECK(to_text(Json(HUGE_VAL)) == "null");
}

TEST_CASE("strings are escaped, and bytes that are not UTF-8 do not spoil the file") {
  CHECK(to_text(Json("a\"\\\n\t\x01\x7f\u00e9")) == "\"a\\\"\\\\\\n\\t\\u0001\x7f\u00e9\"");
  CHECK(to_text(Json("bad \xff\xc3")) == "\"bad \uFFFD\uFFFD\"");
}

TEST_CASE("a value is built in code, and building never makes a key twice") {
  Json json = Json::object();
  json.set("a", 1).set("b", "two").set("c", Json::array().push(true).push(2.5).push(nullptr));
  json.set("a", int64_t{3});
  CHECK(to_text(json) == R"({"a":3,"b":"two","c":[true,2.5,null]})");
  CHECK(json.erase("b"));
  CHECK_FALSE(json.erase("b"));
  CHECK(json.size() == 2);
  CHECK_FALSE(json.where().known());
  CHECK(Json(1) != Json(1.0));
  CHECK_THROWS_AS(Json(std::numeric_limits<uint64_t>::max()), Error);
  Json deep;
  for (int i = 0; i < 1000; ++i) deep = Json::array().push(deep);
  CHECK_THROWS_AS(to_text(deep), Error);
}

}  // namespace
}  // namespace tarn::test_json
