// Tests of the expressions of configs: values, kinds, errors and limits.
#include "core/expression.h"

#include <doctest/doctest.h>

#include "core/error.h"

namespace tarn::test_expression {
namespace {

Variables some() {
  Variables v;
  v.set("n", 10).set("half", 0.5).set("yes", true).set("word", "relu").set("unknown", nullptr);
  v.set("widths", Json::array().push(4).push(8).push(16));
  v.set_absent("height", "the input [N,3] has no height");
  return v;
}

Json value(const std::string& expression, const Variables& variables = some()) {
  return evaluate(Json("=" + expression), variables);
}

std::string written(const std::string& expression) {
  return to_text(value(expression));
}

std::string error(const std::string& expression) {
  try {
    value(expression);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool says(const std::string& expression, const std::string& part) {
  const std::string message = error(expression);
  CAPTURE(message);
  return message.find(part) != std::string::npos;
}

TEST_CASE("numbers keep their kind, and operators bind as in Python") {
  CHECK(written("1 + 2 * 3") == "7");
  CHECK(written("(1 + 2) * 3") == "9");
  CHECK(written("7 / 2") == "3.5");
  CHECK(written("8 / 2") == "4.0");
  CHECK(written("7 // 2") == "3");
  CHECK(written("-7 // 2") == "-4");
  CHECK(written("-7 % 3") == "2");
  CHECK(written("7 % -3") == "-2");
  CHECK(written("7.5 // 2") == "3.0");
  CHECK(written("2 ^ 10") == "1024");
  CHECK(written("2 ^ 3 ^ 2") == "512");
  CHECK(written("-2 ^ 2") == "-4");
  CHECK(written("2 ^ -1") == "0.5");
  CHECK(written("10 - 3 - 2") == "5");
  CHECK(written("1e3") == "1000.0");
  CHECK(written("- - 3") == "3");
  CHECK(written("n // 4 * half") == "1.0");
}

TEST_CASE("round halves to even, and floor and ceil give integers") {
  CHECK(written("round(2.5)") == "2");
  CHECK(written("round(3.5)") == "4");
  CHECK(written("round(n / 4)") == "2");
  CHECK(written("round(-0.5)") == "0");
  CHECK(written("floor(-0.5)") == "-1");
  CHECK(written("ceil(0.2)") == "1");
  CHECK(written("round(7)") == "7");
}

TEST_CASE("functions take values or a list of them") {
  CHECK(written("max(n, 32)") == "32");
  CHECK(written("min(widths)") == "4");
  CHECK(written("max(1, 1.5)") == "1.5");
  CHECK(written("sum(widths)") == "28");
  CHECK(written("sum([])") == "0");
  CHECK(written("len(widths)") == "3");
  CHECK(written("gcd(12, 18)") == "6");
  CHECK(written("log2(64)") == "6.0");
  CHECK(written("sqrt(n + 6)") == "4.0");
  CHECK(says("sqrt(-1)", "sqrt of -1 is not a real number"));
  CHECK(says("log2(0)", "log2 of 0 is not a finite number"));
  CHECK(says("tanh(1)", "there is no function 'tanh'; there are if, abs, ceil,"));
  CHECK(written("abs(-3)") == "3");
  CHECK(written("range(3)") == "[0,1,2]");
  CHECK(written("range(1, 4)") == "[1,2,3]");
  CHECK(written("range(6, 0, -2)") == "[6,4,2]");
  CHECK(written("range(0)") == "[]");
}

TEST_CASE("lists have items from the front and from the back") {
  CHECK(written("widths[1]") == "8");
  CHECK(written("widths[-1]") == "16");
  CHECK(written("[1, [2, 3]][1][0]") == "2");
  CHECK(written("[1] + [n, 2.0]") == "[1,10,2.0]");
  CHECK(written("['a', 'b'][n // 10]") == "\"b\"");
}

TEST_CASE("conditions are booleans; what is not needed is not computed") {
  CHECK(written("n > 3 and not (n == 4) or false") == "true");
  CHECK(written("1 == 1.0") == "true");
  CHECK(written("1 < 2 and 2 <= 2 and 3 != 4") == "true");
  CHECK(written("word == 'relu'") == "true");
  CHECK(written("word == 4") == "false");
  CHECK(written("word != 4") == "true");
  CHECK(written("if(n > 3, 'big', 'small')") == "\"big\"");
  CHECK(written("if(n == 0, 1 // 0, 2)") == "2");
  CHECK(written("n == 0 and 1 // 0 > 1") == "false");
  CHECK(written("n != 0 or 1 // 0 > 1") == "true");
  CHECK(says("1 and true", "and takes true or false, not 1; compare it with a number"));
}

TEST_CASE("what depends on an unknown variable is unknown, and still checked") {
  CHECK(value("unknown + 1").is_null());
  CHECK(value("max(unknown, 3)").is_null());
  CHECK(value("[1, unknown]").is_null());
  CHECK(value("if(unknown > 1, 1 // 0, 2)").is_null());
  CHECK(written("n > 3 or unknown > 3") == "true");
  CHECK(written("n < 3 and unknown > 3") == "false");
  CHECK(says("if(unknown, widhts, 2)", "there is no variable 'widhts'; did you mean 'widths'?"));
  CHECK(says("unknown + (", "expected a value, found the end"));
  CHECK(says("maxx(unknown)", "there is no function 'maxx'; did you mean 'max'?"));
}

TEST_CASE("errors show the expression, what is wrong, and the values that it read") {
  CHECK(error("n // (n - 10)") == "'=n // (n - 10)': division by zero, with n = 10");
  CHECK(says("n % 0", "division by zero"));
  CHECK(says("1 / 0", "division by zero"));
  CHECK(says("0 ^ -1", "division by zero"));
  CHECK(says("9223372036854775807 + 1", "9223372036854775807 + 1 is beyond 64 bits"));
  CHECK(says("n ^ 20", "10 ^ 20 is beyond 64 bits"));
  CHECK(says("9223372036854775808", "9223372036854775808 does not fit 64 bits"));
  CHECK(says("1e308 * 10", "the result is not a finite number"));
  CHECK(says("(-8) ^ 0.5", "not a real number"));
  CHECK(says("floor(1e300)", "beyond 64 bits"));
  CHECK(says("widths[3]", "there is no item 3 in a list of 3"));
  CHECK(says("n[0]", "10 has no items"));
  CHECK(says("word + 1", "+ takes numbers, not 'relu'"));
  CHECK(says("height", "the input [N,3] has no height"));
  CHECK(says("n +", "expected a value, found the end"));
  CHECK(says("n n", "expected an operator, found 'n'"));
  CHECK(says("(n", "expected ')', found the end"));
  CHECK(says("n = 3", "expected an operator, found '='"));
  CHECK(says("= 3", "equality is written =="));
  CHECK(says("2 ** 3", "a power is written a ^ b"));
  CHECK(says("'abc", "has no closing '"));
  CHECK(says("1.2.3", "1.2.3 is no number"));
  CHECK(says("", "expected a value, found the end"));
  CHECK(says("range(1, 5, 0)", "range in steps of 0"));
  CHECK(says("1 < 2 < 3", "expected an operator, found '<'"));
  CHECK(says("min()", "min of nothing"));
  CHECK(says("round(1, 2)", "round takes one value, was given 2"));
}

TEST_CASE("evaluation is bounded") {
  CHECK(says("range(10001)", "range of more than 10000 items"));
  CHECK(says("range(1e3)", "range takes integers"));
  CHECK(says("range(0, 9000000000000000000)", "range of numbers beyond"));
  CHECK(says("range(-9223372036854775807 - 1)", "range of numbers beyond"));
  CHECK(says("len(range(9000)) + len(range(9000))", "more than 10000 items in lists"));
  CHECK(says(std::string(100, '(') + "1" + std::string(100, ')'), "nested deeper than 64 levels"));
  std::string powers = "1";
  for (int i = 0; i < 1000; ++i) powers += " ^ 1";
  CHECK(says(powers, "nested deeper than 64 levels"));
  std::string sum = "1";
  for (int i = 0; i < 100'000; ++i) sum += "+1";
  CHECK(written(sum) == "100001");
  CHECK(written(std::string(100'000, '-') + "1") == "1");
}

TEST_CASE("values are put into lists, objects and names") {
  const Json config = parse_json(R"({"a": ["=n", 1, {"b": "=widths"}], "c": "plain", "d": "= 'x'"})", "c.json");
  CHECK(to_text(substituted(config, some())) == R"({"a":[10,1,{"b":[4,8,16]}],"c":"plain","d":"x"})");
  CHECK(has_expression(config));
  CHECK(!has_expression(config.at("c")));
  CHECK(filled_name(Json("stage{n}.{word}.{n // 2 - 1}"), some()) == "stage10.relu.4");
  CHECK(!filled_name(Json("x{unknown}"), some()).has_value());
  CHECK(filled_name(Json("=if(yes, 'a', 'b')"), some()) == "a");
  CHECK(!filled_name(Json("=if(unknown, 'a', 'b')"), some()).has_value());
  CHECK_THROWS_AS(filled_name(Json("=n"), some()), Error);
  CHECK_THROWS_AS(filled_name(Json("x{n"), some()), Error);
  CHECK_THROWS_AS(filled_name(Json("x{half}"), some()), Error);
  CHECK_THROWS_AS(filled_name(Json("x{nn}"), some()), Error);
}

TEST_CASE("inner variables hide outer ones, and chosen names hide given ones") {
  auto outer = std::make_shared<Variables>();
  outer->set("a", 1).set("width", 2).set_given("height", 8);
  auto inner = std::make_shared<Variables>(outer);
  inner->set("a", 3).set_given("width", 9).set_absent("height", "not here");
  CHECK(to_text(evaluate(Json("=[a, width]"), *inner)) == "[3,2]");
  CHECK(inner->find("height") == nullptr);
  CHECK(inner->absence("height") == "not here");
  const Variables innermost = Variables(inner).set_given("height", 7);
  CHECK(to_text(evaluate(Json("=height + width"), innermost)) == "9");
}

}  // namespace
}  // namespace tarn::test_expression
