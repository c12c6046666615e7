// Fuzz target: expressions of configs, and names with expressions in them.
#include "core/expression.h"

#include "core/error.h"
#include "tests/fuzz/target.h"

namespace tarn::fuzz {

namespace {

const Variables& some_variables() {
  static const Variables variables = [] {
    auto around = std::make_shared<Variables>();
    around->set_given("channels", 16).set_given("height", nullptr).set_absent("length", "the input has no length");
    Variables own(around);
    own.set("n", 3).set("ratio", 0.5).set("deep", true).set("kind", "relu").set("unknown", nullptr);
    own.set("widths", Json::Array{8, 16, 32}).set("nested", Json::Array{Json::Array{1, 2}, Json::Array{}});
    return own;
  }();
  return variables;
}

void fill_name(std::string_view bytes) {
  try {
    filled_name(Json(bytes), some_variables());
  } catch (const Error&) {  // most expressions are no names
  }
}

void run_expression(std::string_view bytes) {
  fill_name(bytes);
  const Json text("=" + std::string(bytes));
  const Json value = evaluate(text, some_variables());
  require(!value.is_object(), "an expression's value is no object");
  require(to_text(value).size() < size_t{1} << 24, "an expression's value is short");
  require(evaluate(text, some_variables()) == value, "the same expression has the same value");
  require(substituted(text, some_variables()) == value, "substituting evaluates");
}

const auto& expression_target = add_target({.name = "expression", .run = run_expression});

}  // namespace

}  // namespace tarn::fuzz
