// Evaluates expressions while reading them, by recursive descent.
#include "core/expression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/expression_values.h"

namespace tarn {

namespace {

constexpr int deepest_expression = 64;
constexpr std::array<std::string_view, 5> keywords{"and", "or", "not", "true", "false"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// One pass over the text. Where `live_` is false the text is checked but nothing is computed: the branch of an `if`
/// that is not taken must not divide by zero.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Variables& variables) : text_(text), variables_(variables) {}

  Json run() {
    Json value = either();
    if (const std::string_view rest = peek(); !rest.empty())
      stop(text("expected an operator, found ", quote(rest),
                rest == "="    ? "; equality is written =="
                : rest == "if" ? "; a choice is written if(condition, a, b)"
                               : ""));
    return value;
  }
  /// ", with a = 3, b = 0" of the variables that were read.
  std::string values_read() const {
    std::string out;
    for (const std::string& name : read_) {
      const Json* value = variables_.find(name);
      if (value && !value->is_null()) out += (out.empty() ? ", with " : ", ") + name + " = " + shown(*value);
    }
    return out;
  }

 private:
  [[noreturn]] static void stop(const std::string& message) { throw Error(message); }

  // ---- tokens ----
  std::string_view token_at(size_t at) const {
    if (at >= text_.size()) return {};
    const char c = text_[at];
    size_t end = at + 1;
    if (is_digit(c) || c == '.') {
      const auto in_number = [&](size_t i) {
        const char d = text_[i];
        const bool sign = (d == '+' || d == '-') && (text_[i - 1] == 'e' || text_[i - 1] == 'E');
        return is_digit(d) || is_letter(d) || d == '.' || sign;
      };
      while (end < text_.size() && in_number(end)) ++end;
    } else if (is_letter(c)) {
      while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    } else if (c == '\'') {
      end = text_.find('\'', end);
      if (end == std::string_view::npos) stop("a text has no closing '");
      ++end;
    } else if (end < text_.size()) {
      const std::string_view two = text_.substr(at, 2);
      if (two == "//" || two == "<=" || two == ">=" || two == "==" || two == "!=") ++end;
    }
    return text_.substr(at, end - at);
  }
  std::string_view peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
    return token_at(at_);
  }
  bool accept(std::string_view token) {
    if (peek() != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (accept(token)) return;
    const std::string_view found = peek();
    stop(text("expected ", quote(token), found.empty() ? ", found the end" : ", found ", found));
  }

  // ---- grammar, from the loosest binding to the tightest ----
  template <class F>
  Json only_if(bool live, F part) {
    const bool before = live_;
    live_ = live_ && live;
    Json value = part();
    live_ = before;
    return live ? value : Json();
  }
  bool known(const Json& value) const { return live_ && !value.is_null(); }

  Json either() {
    if (++depth_ > deepest_expression) stop(text("nested deeper than ", deepest_expression, " levels"));
    Json left = both();
    while (accept("or")) {
      const bool decided = known(left) && truth(left, "or");
      const Json right = only_if(known(left) && !decided, [&] { return both(); });
      if (known(left) && !decided && known(right))
        left = truth(right, "or");
      else if (!decided)
        left = Json();
    }
    --depth_;
    return left;
  }
  Json both() {
    Json left = negation();
    while (accept("and")) {
      const bool decided = known(left) && !truth(left, "and");
      const Json right = only_if(known(left) && !decided, [&] { return negation(); });
      if (known(left) && !decided && known(right))
        left = truth(right, "and");
      else if (!decided)
        left = Json();
    }
    return left;
  }
  Json negation() {
    bool inverted = false;
    bool any = false;
    while (accept("not")) {
      inverted = !inverted;
      any = true;
    }
    Json value = comparison();
    if (!any) return value;
    return known(value) ? Json(truth(value, "not") != inverted) : Json();
  }
  Json comparison() {
    Json left = sum();
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!accept(op)) continue;
      const Json right = sum();
      if (known(left) && known(right)) return compare(op, left, right);
      return {};
    }
    return left;
  }
  Json sum() {
    Json left = product();
    for (;;) {
      const std::string_view op = peek();
      if (op != "+" && op != "-") return left;
      at_ += 1;
      left = applied(op, left, product());
    }
  }
  Json product() {
    Json left = sign();
    for (;;) {
      const std::string_view op = peek();
      if (op != "*" && op != "/" && op != "//" && op != "%") return left;
      at_ += op.size();
      if (op == "*" && peek() == "*") stop("a power is written a ^ b");
      left = applied(op, left, sign());
    }
  }
  Json sign() {
    bool negative = false;
    bool any = false;
    while (peek() == "-" || peek() == "+") {
      negative = negative != (peek() == "-");
      any = true;
      ++at_;
    }
    Json value = power();
    if (!any || !known(value)) return value;
    return arithmetic("*", negative ? Json(-1) : Json(1), value);
  }
  Json power() {
    Json base = element();
    if (!accept("^")) return base;
    if (++depth_ > deepest_expression) stop(text("nested deeper than ", deepest_expression, " levels"));
    Json value = applied("^", base, sign());
    --depth_;
    return value;
  }
  Json element() {
    Json value = primary();
    while (accept("[")) {
      const Json index = either();
      expect("]");
      value = known(value) && known(index) ? item_of(value, index) : Json();
    }
    return value;
  }
  Json primary() {
    const std::string_view token = peek();
    if (token.empty()) stop("expected a value, found the end");
    if (accept("(")) {
      Json value = either();
      expect(")");
      return value;
    }
    if (accept("[")) return counted(list("]"));
    at_ += token.size();
    if (is_digit(token[0]) || token[0] == '.') return number_from(token);
    if (token[0] == '\'') return Json(token.substr(1, token.size() - 2));
    if (token == "true" || token == "false") return Json(token == "true");
    if (!is_letter(token[0]) || std::ranges::find(keywords, token) != keywords.end())
      stop(text("expected a value, found ", quote(token), token == "=" ? "; equality is written ==" : ""));
    return accept("(") ? call(std::string(token)) : variable(std::string(token));
  }

  Json variable(const std::string& name) {
    const Json* value = variables_.find(name);
    if (!value) {
      const std::string why = variables_.absence(name);
      stop(why.empty() ? text("there is no variable ", quote(name), did_you_mean(name, variables_.names())) : why);
    }
    read_.insert(name);
    return live_ ? *value : Json();
  }
  /// The values up to `close`, as a list; null where one of them is not known.
  Json list(std::string_view close) {
    Json::Array items;
    bool all = live_;
    if (!accept(close)) {
      do {
        items.push_back(either());
        all = all && known(items.back());
      } while (accept(","));
      expect(close);
    }
    return all ? Json(std::move(items)) : Json();
  }
  Json call(const std::string& name) {
    if (name == "if") return choice();
    check_function(name);
    const Json arguments = list(")");
    return known(arguments) ? counted(call_function(name, arguments.items())) : Json();
  }
  Json choice() {
    const Json condition = either();
    expect(",");
    const bool decided = known(condition);
    const bool yes = decided && truth(condition, "if");
    Json first = only_if(decided && yes, [&] { return either(); });
    expect(",");
    Json second = only_if(decided && !yes, [&] { return either(); });
    expect(")");
    return yes ? first : second;
  }
  Json applied(std::string_view op, const Json& left, const Json& right) {
    return known(left) && known(right) ? counted(arithmetic(op, left, right)) : Json();
  }
  Json counted(Json value) {
    constexpr size_t most = 10'000;
    if (value.is_array()) items_ += value.size();
    if (items_ > most) stop(text("more than ", most, " items in lists"));
    return value;
  }

  std::string_view text_;
  const Variables& variables_;
  size_t at_ = 0;
  size_t items_ = 0;
  int depth_ = 0;
  bool live_ = true;
  std::set<std::string> read_;
};

/// Evaluates `text`; errors show `whole`, at its place.
Json evaluated(std::string_view text, const Json& whole, const Variables& variables) {
  Evaluator evaluator(text, variables);
  try {
    Json value = evaluator.run();
    value.set_where(whole.where());
    return value;
  } catch (const Error& error) {
    fail(whole.where(), quote(whole.as_string()), ": ", error.what(), evaluator.values_read());
  }
}

}  // namespace

Variables& Variables::set(std::string name, Json value) {
  own_.insert_or_assign(std::move(name), std::move(value));
  return *this;
}

Variables& Variables::set_given(std::string name, Json value) {
  given_.insert_or_assign(std::move(name), Given{std::move(value), {}});
  return *this;
}

Variables& Variables::set_absent(std::string name, std::string why) {
  given_.insert_or_assign(std::move(name), Given{{}, std::move(why)});
  return *this;
}

const Variables::Given* Variables::find_given(std::string_view name) const {
  for (const Variables* at = this; at; at = at->around_.get())
    if (const auto found = at->given_.find(name); found != at->given_.end()) return &found->second;
  return nullptr;
}

const Json* Variables::find(std::string_view name) const {
  for (const Variables* at = this; at; at = at->around_.get())
    if (const auto found = at->own_.find(name); found != at->own_.end()) return &found->second;
  const Given* given = find_given(name);
  return given && given->absence.empty() ? &given->value : nullptr;
}

std::string Variables::absence(std::string_view name) const {
  const Given* given = find_given(name);
  return given ? given->absence : "";
}

std::vector<std::string> Variables::names() const {
  std::vector<std::string> out;
  for (const Variables* at = this; at; at = at->around_.get()) {
    for (const auto& [name, value] : at->own_) out.push_back(name);
    for (const auto& [name, value] : at->given_) out.push_back(name);
  }
  return out;
}

bool is_variable_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
  return !name.empty() && plain && !is_digit(name[0]) && std::ranges::find(keywords, name) == keywords.end();
}

bool is_expression(const Json& value) {
  return value.is_string() && value.as_string().starts_with('=');
}

bool has_expression(const Json& value) {
  if (value.is_array()) return std::ranges::any_of(value.items(), has_expression);
  if (value.is_object())
    return std::ranges::any_of(value.members(), [](const Member& member) { return has_expression(member.value); });
  return is_expression(value);
}

Json evaluate(const Json& expression, const Variables& variables) {
  return evaluated(std::string_view(expression.as_string()).substr(1), expression, variables);
}

Json substituted(const Json& value, const Variables& variables) {
  if (is_expression(value)) return evaluate(value, variables);
  if (!has_expression(value)) return value;
  Json out = value;
  if (out.is_array())
    for (Json& item : out.items()) item = substituted(item, variables);
  else
    for (Member& member : out.members()) member.value = substituted(member.value, variables);
  return out;
}

std::optional<std::string> filled_name(const Json& name, const Variables& variables) {
  if (is_expression(name)) {
    const Json value = evaluate(name, variables);
    if (value.is_null()) return std::nullopt;
    if (!value.is_string()) fail(name.where(), quote(name.as_string()), ": a name is a text, not ", value.describe());
    return value.as_string();
  }
  const std::string& written = name.as_string();
  std::string out;
  bool known = true;
  for (size_t at = 0; at < written.size();) {
    const size_t open = std::min(written.find('{', at), written.size());
    out += written.substr(at, open - at);
    if (open == written.size()) break;
    const size_t close = written.find('}', open);
    if (close == std::string::npos) fail(name.where(), quote(written), ": '{' is never closed");
    const Json value = evaluated(std::string_view(written).substr(open + 1, close - open - 1), name, variables);
    const bool fits = value.is_null() || value.is_string() || value.kind() == Json::Kind::integer;
    if (!fits) fail(name.where(), quote(written), ": a name takes integers and texts, not ", value.describe());
    known = known && !value.is_null();
    if (value.is_string()) out += value.as_string();
    if (value.kind() == Json::Kind::integer) out += std::to_string(value.as_integer());
    at = close + 1;
  }
  return known ? std::optional(out) : std::nullopt;
}

}  // namespace tarn
