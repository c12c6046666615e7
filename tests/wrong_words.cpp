// Tests of texts at the edges of what they may be: numbers, operators and names of expressions, bytes of JSON, words of
// messages about configs.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/config.h"
#include "core/config_words.h"
#include "core/expression.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "tests/support/errors.h"

namespace tarn::test_wrong_words {
namespace {

using test::contains;
using test::message_of;

Variables given() {
  Variables v;
  v.set("n", 10).set("half", 0.5).set("word", "relu").set("unknown", nullptr);
  v.set("widths", Json::array().push(4).push(8).push(16));
  Json many = Json::array();
  for (int i = 0; i < 40; ++i) many.push(i);
  return v.set("many", many);
}

std::string written(const std::string& expression) {
  return to_text(evaluate(Json("=" + expression), given()));
}

std::string error(const std::string& expression) {
  return message_of([&] { evaluate(Json("=" + expression), given()); });
}

struct Row {
  std::string expression, expected;
};

TEST_CASE("arithmetic is right at its edges, and keeps integers apart from numbers") {
  const Row rows[] = {{"0 ^ 5", "0"},
                      {"0 ^ 0", "1"},
                      {"1 ^ 9000000000", "1"},
                      {"(-1) ^ 9000000001", "-1"},
                      {"(-1) ^ 4", "1"},
                      {"(-2) ^ 63", "-9223372036854775808"},
                      {"half - 1", "-0.5"},
                      {"5.5 % 2", "1.5"},
                      {"-5.5 % 2", "0.5"},
                      {"7 // -2", "-4"},
                      {"-7 % -2", "-1"},
                      {"(-8.0) ^ 2.0", "64.0"},
                      {"abs(-3)", "3"},
                      {"abs(-2.5)", "2.5"},
                      {"abs(4)", "4"},
                      {"range(5, 0, -2)", "[5,3,1]"},
                      {"range(3, 3)", "[]"},
                      {"sum([])", "0"},
                      {"sum(4)", "4"},
                      {"sum([1, 2.5])", "3.5"},
                      {"min([3, 1, 2]) + max(4)", "5"},
                      {"widths[-1] + widths[0]", "20"},
                      {"[1] + [half]", "[1,0.5]"},
                      {"1e+2 + 1E-1 + .5", "100.6"},
                      {"+n - -n", "20"},
                      {"n\t+\n1", "11"},
                      {"2 > 3 or 2 >= 2.0", "true"},
                      {"half < 1 and not (half <= 0.25)", "true"},
                      {"not unknown", "null"},
                      {"-unknown", "null"},
                      {"unknown and true", "null"},
                      {"unknown ^ 2 + widths[unknown]", "null"},
                      {"unknown < 1", "null"}};
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    CHECK(written(row.expression) == row.expected);
  }
}

TEST_CASE("each mistake in an expression has words of its own") {
  const Row rows[] = {{"2 ^ 63", "2 ^ 63 is beyond 64 bits"},
                      {"2 ^ 64", "2 ^ 64 is beyond 64 bits"},
                      {"(-9223372036854775807 - 1) // -1", "// -1 is beyond 64 bits"},
                      {"(-9223372036854775807 - 1) % -1", "% -1 is beyond 64 bits"},
                      {"gcd(-9223372036854775807 - 1)", "gcd of -9223372036854775808 is beyond 64 bits"},
                      {"gcd(half)", "gcd takes integers, not 0.5"},
                      {"half // 0", "division by zero"},
                      {"half % 0.0", "division by zero"},
                      {"range()", "range takes 1 to 3 values, was given 0"},
                      {"range(1, 2, 3, 4)", "range takes 1 to 3 values, was given 4"},
                      {"range(0, 9, 0)", "range in steps of 0"},
                      {"range(-(2 ^ 41), 0)", "range of numbers beyond"},
                      {"range(2 ^ 41)", "range of numbers beyond"},
                      {"range(0, 9, 2 ^ 41)", "range of numbers beyond"},
                      {"range(half)", "range takes integers, not 0.5"},
                      {"min()", "min of nothing"},
                      {"max([])", "max of nothing"},
                      {"len(1, 2)", "len takes one value, was given 2"},
                      {"len(n)", "len takes a list, not 10"},
                      {"sqrt(-1)", "sqrt of -1 is not a real number"},
                      {"log2(0)", "log2 of 0 is not a finite number"},
                      {"1 < word", "< takes numbers, not 'relu'"},
                      {"word >= 1", ">= takes numbers, not 'relu'"},
                      {"[1] + 2", "+ takes numbers, not a list of 1"},
                      {"2 + [1]", "+ takes numbers, not a list of 1"},
                      {"widths[-4]", "there is no item -4 in a list of 3"},
                      {"widths[half]", "an index is an integer, not 0.5"},
                      {"1x", "1x is no number"},
                      {"1_0", "1_0 is no number"},
                      {"1.2.3", "1.2.3 is no number"},
                      {"1e5x", "1e5x is no number"},
                      {"1.e", "1.e is no number"},
                      {"n ! 3", "expected an operator, found '!'"},
                      {"n if 3", "a choice is written if(condition, a, b)"},
                      {"n ** 2", "a power is written a ^ b"},
                      {"(1 2", "expected ')', found 2"},
                      {"[1, 2", "expected ']', found the end"},
                      {"widths[0", "expected ']', found the end"},
                      {"1 + and", "expected a value, found 'and'"},
                      {"1 + = 2", "expected a value, found '='; equality is written =="},
                      {"'open", "a text has no closing '"},
                      {"if(1, 2, 3)", "if takes true or false, not 1; compare it with a number"},
                      {"not word", "not takes true or false, not 'relu'"},
                      {"zzzzzzz(1)", "there is no function 'zzzzzzz'; there are if, abs, ceil"},
                      {"many + 1", "with many = [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,…"},
                      {"widths[9] + unknown", "there is no item 9 in a list of 3, with widths = [4,8,16]"},
                      {"2" + std::string(64, '^') + "1", "expected a value, found '^'"}};
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    const std::string message = error(row.expression);
    CAPTURE(message);
    CHECK(contains(message, row.expected));
  }
  std::string tower = "1";
  for (int i = 0; i < 100; ++i) tower += " ^ 1";
  CHECK(contains(error(tower), "nested deeper than 64 levels"));
}

TEST_CASE("names of variables are words that mean nothing else") {
  for (const char* name : {"a", "A_1", "_", "zZ9"}) CHECK(is_variable_name(name));
  for (const char* name : {"", "9a", "a-b", "and", "true", "a b"}) CHECK_FALSE(is_variable_name(name));
  const Variables v = given();
  CHECK(v.absence("n") == "");
  CHECK(v.absence("nothing") == "");
  CHECK(v.find("nothing") == nullptr);
}

TEST_CASE("UTF-8 is read up to its last character, and what looks like it is refused") {
  for (const std::string good :
       {"\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    const Json read = parse_json("\"" + good + "\"", "f.json");
    CHECK(read.as_string() == good);
    CHECK(to_text(read) == "\"" + good + "\"");
  }
  for (const std::string bad : {"\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "\xC1\xBF", "\xE2\x28\xA1", "\x80"}) {
    CAPTURE(bad);
    CHECK(contains(message_of([&] { parse_json("\"" + bad + "\"", "f.json"); }), "not UTF-8 text"));
  }
  CHECK(to_text(Json("a\xE2(b\xFF")) == "\"a\xEF\xBF\xBD(b\xEF\xBF\xBD\"");
  for (const std::string& wide : {std::string("\xFF\xFE{", 3), std::string("\xFE\xFF\0{", 4), std::string("{\0}\0", 4)})
    CHECK(message_of([&] { parse_json(wide, "f.json"); }) == "f.json:1:1: /: the text is UTF-16; save it as UTF-8");
}

TEST_CASE("numbers that are none say how they are written") {
  const Row rows[] = {{"[0X1F]", "'0X1F' is no number; write it with digits from 0 to 9"},
                      {"[+1]", "'+1' is no number; a number has no plus sign"},
                      {"[-.5]", "'-.5' is no number; write -0.5"},
                      {"[1_000]", "'1_000' is no number; a number has no '_' in it"},
                      {"[1 null]", "expected ',' or ']', found 'null'; a comma is missing before it"},
                      {"[1 false]", "expected ',' or ']', found 'false'; a comma is missing before it"},
                      {"[1", "the text ends too early; the list opened at f.json:1:1 is not closed"},
                      {"[1}", "expected ',' or ']' for the list opened at f.json:1:1, found '}'"},
                      {"{\"a\": 1]", "expected ',' or '}' for the object opened at f.json:1:1, found ']'"},
                      {"a: 1", "an object begins with {"}};
  for (const Row& row : rows) {
    CAPTURE(row.expression);
    const std::string message = message_of([&] { parse_json(row.expression, "f.json"); });
    CAPTURE(message);
    CHECK(contains(message, row.expected));
  }
}

TEST_CASE("a JSON value is made of every kind of number, and refuses to be what it is not") {
  CHECK(Json(7u).as_integer() == 7);
  CHECK(Json(-7LL).as_integer() == -7);
  CHECK(Json(7ULL).as_integer() == 7);
  CHECK(message_of([] { Json(std::numeric_limits<unsigned long long>::max()); }) ==
        "18446744073709551615 does not fit an int64");
  CHECK(contains(message_of([] { Json(1).as_boolean(); }), "expected true or false, found 1"));
  CHECK(Json().set("a", 1) == Json::object().set("a", 1));
  CHECK(Json().push(1) == Json::array().push(1));
  CHECK(contains(message_of([] { Json(2).set("a", 1); }), "expected an object, found 2"));
}

struct Inner {
  int64_t steps = 0;
  void fields(auto& f) { f("steps", steps, "how many", {.required = true}); }
};

struct Outer {
  Inner inner;
  double level = 0;
  double size = 1;
  std::string name = "a";
  void fields(auto& f) {
    f.child("inner", inner, "what is inside", {.required = true});
    f("level", level, "any number", {.infinite = true});
    f("size", size, "a large one", {.lo = 0.5, .hi = 0x1p60});
    f("name", name, "a text");
  }
};

std::string mistakes(const std::string& json) {
  return message_of([&] { read_config<Outer>(parse_json(json, "f.json")); });
}

TEST_CASE("an object that is missing, bounds without a fraction, and infinity are written in words") {
  CHECK(mistakes("{}") == "f.json:1:1: /inner: must be given (an object): what is inside");
  Outer read = read_config<Outer>(parse_json(R"({"inner": {"steps": 1}, "level": "-inf"})", "f.json"));
  CHECK(read.level == -HUGE_VAL);
  CHECK(to_text(write_config(read)) == R"({"inner":{"steps":1},"level":"-inf","size":1.0,"name":"a"})");
  const Json size = config_info<Outer>().schema(false).at("properties").at("size");
  CHECK(size.at("minimum") == Json(0.5));
  CHECK(size.at("maximum") == Json(0x1p60));
  const std::string inside = R"({"inner": {"steps": 1}, )";
  CHECK(
      contains(mistakes(inside + R"("size": "null"})"), "expected a number, found 'null'; write null without quotes"));
  CHECK(contains(mistakes(inside + R"("size": "false"})"), "write false without quotes"));
  CHECK(contains(mistakes(inside + R"("size": "1e3"})"), "write 1e3 without quotes"));
  CHECK(mistakes(inside + R"("size": ""})") == "f.json:1:33: /size: expected a number, found ''");
  CHECK(mistakes(inside + R"("size": "-"})") == "f.json:1:33: /size: expected a number, found '-'");
  CHECK(contains(mistakes(inside + R"("name": 3})"), "expected a string, found 3; write \"3\""));
}

TEST_CASE("of many names the first are listed, and the others counted") {
  std::vector<std::string> names;
  for (int i = 0; i < 25; ++i) names.push_back(std::string(1, static_cast<char>('a' + i)));
  const std::string list = listed(names);
  CHECK(list.starts_with("'a', 'b', "));
  CHECK(list.ends_with(", 't' and 5 more"));
  CHECK(unknown_name("layer", "qqqqqqqq", names) == "unknown layer 'qqqqqqqq'; 'tarn layers' lists what there is");
  CHECK(unknown_name("layer", "qqqqqqqq", {"a"}) == "unknown layer 'qqqqqqqq'; there are 'a'");
  CHECK(unknown_key("qqqqqqqq", {"a"}, {}) == "unknown key 'qqqqqqqq'; there is nothing to set here");
  // A habit helps only where the word that is meant is known.
  CHECK(unknown_key("learning_rate", {"lr"}) == "unknown key 'learning_rate'; did you mean 'lr'?");
  CHECK(unknown_key("learning_rate", {"a"}) == "unknown key 'learning_rate'");
}

/// Compares the two places that tell the defaults of a row's config; returns how many there are.
int64_t check_defaults(const std::string& name, const ConfigInfo& config) {
  CAPTURE(name);
  int64_t found = 0;
  const Json defaults = config.defaults();
  const Json schema = config.schema(false);
  for (const Member& property : schema.at("properties").members()) {
    const Json* told = property.value.find("default");
    if (told == nullptr) continue;
    CAPTURE(property.key);
    REQUIRE(defaults.find(property.key) != nullptr);
    CHECK(*defaults.find(property.key) == *told);
    ++found;
  }
  return found;
}

TEST_CASE("the schema of every layer and loss tells the defaults that its config has") {
  int64_t found = 0;
  for (const LayerInfo* row : all_layers()) found += check_defaults(row->name, row->config);
  for (const LossInfo* row : all_losses()) found += check_defaults(row->name, row->config);
  CHECK(found > 300);
}

}  // namespace
}  // namespace tarn::test_wrong_words
