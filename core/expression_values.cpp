// Operators and functions of expressions, on known values.
#include "core/expression_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"

namespace tarn {

namespace {

bool is_integer(const Json& value) {
  return value.kind() == Json::Kind::integer;
}
bool is_number(const Json& value) {
  return is_integer(value) || value.kind() == Json::Kind::number;
}
double number(const Json& value, std::string_view who) {
  check(is_number(value), who, " takes numbers, not ", value.describe());
  return value.as_number();
}
int64_t integer(const Json& value, std::string_view who) {
  check(is_integer(value), who, " takes integers, not ", value.describe());
  return value.as_integer();
}
[[noreturn]] void overflow(const Json& left, std::string_view op, const Json& right) {
  fail(shown(left), ' ', op, ' ', shown(right), " is beyond 64 bits");
}
Json finite(double value) {
  check(std::isfinite(value), "the result is not a finite number");
  return value;
}
/// Of a number that has no fraction any more.
Json whole(double value) {
  check(std::abs(value) < 0x1p63, value, " is beyond 64 bits");
  return static_cast<int64_t>(value);
}

/// Integers rounded down, as Python's: -7 // 2 is -4.
int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Json integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  const Json left(base);
  const Json right(exponent);
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  check(exponent < 64, shown(left), " ^ ", shown(right), " is beyond 64 bits");
  for (int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(result, base, &result)) overflow(left, "^", right);
  return result;
}

Json of_integers(std::string_view op, const Json& left, const Json& right) {
  const int64_t a = left.as_integer();
  const int64_t b = right.as_integer();
  int64_t result = 0;
  bool over = false;
  if (op == "+") over = __builtin_add_overflow(a, b, &result);
  if (op == "-") over = __builtin_sub_overflow(a, b, &result);
  if (op == "*") over = __builtin_mul_overflow(a, b, &result);
  if (op == "//" || op == "%") {
    over = a == std::numeric_limits<int64_t>::min() && b == -1;
    if (!over) result = op == "//" ? floor_divide(a, b) : a - floor_divide(a, b) * b;
  }
  if (over) overflow(left, op, right);
  return result;
}

Json of_numbers(std::string_view op, double a, double b) {
  if (op == "+") return finite(a + b);
  if (op == "-") return finite(a - b);
  if (op == "*") return finite(a * b);
  if (op == "/") return finite(a / b);
  if (op == "//") return finite(std::floor(a / b));
  if (op == "%") return finite(a - std::floor(a / b) * b);
  check(a >= 0 || b == std::floor(b), a, " ^ ", b, " is not a real number");
  return finite(std::pow(a, b));
}

using Arguments = std::vector<Json>;

/// The arguments, or the items of the only one.
const Arguments& several(const char* name, const Arguments& a) {
  const Arguments& all = a.size() == 1 && a[0].is_array() ? a[0].items() : a;
  check(!all.empty(), name, " of nothing");
  return all;
}
const Json& only(const char* name, const Arguments& a) {
  check(a.size() == 1, name, " takes one value, was given ", a.size());
  return a[0];
}

Json smallest(const Arguments& a) {
  const Arguments& all = several("min", a);
  return *std::min_element(all.begin(), all.end(),
                           [](const Json& x, const Json& y) { return number(x, "min") < number(y, "min"); });
}
Json largest(const Arguments& a) {
  const Arguments& all = several("max", a);
  return *std::max_element(all.begin(), all.end(),
                           [](const Json& x, const Json& y) { return number(x, "max") < number(y, "max"); });
}
template <class F>
Json rounded(const char* name, const Arguments& a, F round) {
  const Json& x = only(name, a);
  return is_integer(x) ? x : whole(round(number(x, name)));
}
Json to_even(const Arguments& a) {
  return rounded("round", a, [](double x) { return std::nearbyint(x); });
}
Json down(const Arguments& a) {
  return rounded("floor", a, [](double x) { return std::floor(x); });
}
Json up(const Arguments& a) {
  return rounded("ceil", a, [](double x) { return std::ceil(x); });
}
Json magnitude(const Arguments& a) {
  const Json& x = only("abs", a);
  return number(x, "abs") < 0 ? arithmetic("*", x, Json(-1)) : x;
}
Json root(const Arguments& a) {
  const double x = number(only("sqrt", a), "sqrt");
  check(x >= 0, "sqrt of ", x, " is not a real number");
  return std::sqrt(x);
}
Json logarithm(const Arguments& a) {
  const double x = number(only("log2", a), "log2");
  check(x > 0, "log2 of ", x, " is not a finite number");
  return std::log2(x);
}
Json common_divisor(const Arguments& a) {
  int64_t result = 0;
  for (const Json& x : several("gcd", a)) {
    const int64_t value = integer(x, "gcd");
    check(value != std::numeric_limits<int64_t>::min(), "gcd of ", value, " is beyond 64 bits");
    result = std::gcd(result, value);
  }
  return result;
}
Json total(const Arguments& a) {
  Json sum(0);
  if (a.size() == 1 && a[0].is_array() && a[0].size() == 0) return sum;
  for (const Json& x : several("sum", a)) sum = arithmetic("+", sum, x);
  return sum;
}
Json counting(const Arguments& a) {
  check(a.size() >= 1 && a.size() <= 3, "range takes 1 to 3 values, was given ", a.size());
  const int64_t first = a.size() > 1 ? integer(a[0], "range") : 0;
  const int64_t end = integer(a[a.size() > 1 ? 1 : 0], "range");
  const int64_t step = a.size() > 2 ? integer(a[2], "range") : 1;
  check(step != 0, "range in steps of 0");
  constexpr int64_t far = int64_t{1} << 40;
  for (const int64_t value : {first, end, step})  // no absolute values: the lowest integer has none
    check(-far < value && value < far, "range of numbers beyond ", far);
  constexpr size_t most = 10'000;
  Json::Array items;
  for (int64_t i = first; step > 0 ? i < end : i > end; i += step) {
    check(items.size() < most, "range of more than ", most, " items");
    items.emplace_back(i);
  }
  return items;
}
Json length(const Arguments& a) {
  const Json& list = only("len", a);
  check(list.is_array(), "len takes a list, not ", list.describe());
  return list.size();
}

using ExpressionFunction = Json (*)(const Arguments&);
const std::map<std::string, ExpressionFunction, std::less<>>& functions() {
  static const std::map<std::string, ExpressionFunction, std::less<>> all{
      {"abs", magnitude},  {"ceil", up},        {"floor", down},    {"gcd", common_divisor},
      {"log2", logarithm}, {"sqrt", root},      {"len", length},    {"max", largest},
      {"min", smallest},   {"range", counting}, {"round", to_even}, {"sum", total}};
  return all;
}

}  // namespace

bool truth(const Json& value, std::string_view who) {
  check(value.kind() == Json::Kind::boolean, who, " takes true or false, not ", value.describe(),
        is_number(value) ? "; compare it with a number" : "");
  return value.as_boolean();
}

Json compare(std::string_view op, const Json& left, const Json& right) {
  const bool numbers = is_number(left) && is_number(right);
  if (op == "==" || op == "!=") {
    const bool both_integers = is_integer(left) && is_integer(right);
    const bool equal = numbers && !both_integers ? left.as_number() == right.as_number() : left == right;
    return equal == (op == "==");
  }
  check(numbers, op, " takes numbers, not ", (is_number(left) ? right : left).describe());
  const bool exact = is_integer(left) && is_integer(right);
  const auto order = [&](auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; };
  const int sign = exact ? order(left.as_integer(), right.as_integer()) : order(left.as_number(), right.as_number());
  return op == "<" ? sign < 0 : op == "<=" ? sign <= 0 : op == ">" ? sign > 0 : sign >= 0;
}

Json arithmetic(std::string_view op, const Json& left, const Json& right) {
  if (op == "+" && left.is_array() && right.is_array()) {
    Json::Array items = left.items();
    items.insert(items.end(), right.items().begin(), right.items().end());
    return items;
  }
  const double a = number(left, op);
  const double b = number(right, op);
  check(b != 0 || (op != "/" && op != "//" && op != "%"), "division by zero");
  if (!is_integer(left) || !is_integer(right) || op == "/") return of_numbers(op, a, b);
  if (op != "^") return of_integers(op, left, right);
  if (b >= 0) return integer_power(left.as_integer(), right.as_integer());
  check(a != 0, "division by zero");
  return of_numbers(op, a, b);
}

Json item_of(const Json& list, const Json& index) {
  check(list.is_array(), list.describe(), " has no items");
  check(is_integer(index), "an index is an integer, not ", index.describe());
  const auto n = static_cast<int64_t>(list.size());
  const int64_t i = index.as_integer();
  check(-n <= i && i < n, "there is no item ", i, " in a list of ", n);
  return list.items()[static_cast<size_t>(i < 0 ? i + n : i)];
}

Json number_from(std::string_view written) {
  const char* end = written.data() + written.size();
  if (written.find_first_of(".eE") == std::string_view::npos) {
    int64_t value = 0;
    const auto result = std::from_chars(written.data(), end, value);
    check(result.ec != std::errc::result_out_of_range, written, " does not fit 64 bits");
    check(result.ec == std::errc() && result.ptr == end, written, " is no number");
    return value;
  }
  double value = 0;
  const auto result = std::from_chars(written.data(), end, value);
  check(result.ec == std::errc() && result.ptr == end, written, " is no number");
  return value;
}

void check_function(const std::string& name) {
  if (functions().contains(name)) return;
  std::vector<std::string> names{"if"};
  for (const auto& [known, function] : functions()) names.push_back(known);
  const std::string near = did_you_mean(name, names);
  std::string all;
  for (const std::string& known : names) all += (all.empty() ? "; there are " : ", ") + known;
  fail("there is no function ", quote(name), near.empty() ? all : near);
}

Json call_function(const std::string& name, const std::vector<Json>& arguments) {
  return functions().at(name)(arguments);
}

std::string shown(const Json& value) {
  std::string out = to_text(value);
  constexpr size_t most = 60;
  if (out.size() > most) out = out.substr(0, most) + "…";
  return out;
}

}  // namespace tarn
