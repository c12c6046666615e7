// Reading a config: every field from its key, every mistake collected with its place.
#include <algorithm>
#include <cmath>

#include "core/config.h"
#include "core/config_words.h"
#include "core/expression.h"

namespace tarn {

namespace {

// Reads one field's value; a mistake is reported and leaves the value as it was.
class ValueReader {
 public:
  /// `expressions`: the value might have been one.
  ValueReader(const Json& json, const Field& field, Problems& problems, bool expressions)
      : json_(json), field_(field), rule_(field.rule), problems_(problems), expressions_(expressions) {}

  void operator()(bool* out) {
    if (json_.kind() != Json::Kind::boolean) return mismatch();
    *out = json_.as_boolean();
  }
  void operator()(int64_t* out) {
    if (is_integer(json_) && within(json_)) *out = json_.as_integer();
  }
  void operator()(double* out) {
    if (const auto value = number(json_)) *out = *value;
  }
  void operator()(float* out) {
    const auto value = number(json_);
    if (!value) return;
    if (std::isfinite(*value) && !std::isfinite(static_cast<float>(*value))) {
      return add(json_, text(*value, " is beyond the range of float32"));
    }
    *out = static_cast<float>(*value);
  }
  void operator()(std::string* out) {
    if (is_choice(json_)) *out = json_.as_string();
  }
  void operator()(Sizes* out) {
    if (const auto read = sizes(false)) {
      out->clear();
      for (const std::optional<int64_t>& size : *read) out->push_back(*size);
    }
  }
  void operator()(MaybeSizes* out) {
    if (auto read = sizes(true)) *out = std::move(*read);
  }
  void operator()(SizesOrWord* out) {
    if (json_.is_string()) {
      if (is_choice(json_)) *out = {.sizes = {}, .word = json_.as_string()};
      return;
    }
    Sizes read = out->sizes;
    const size_t before = problems_.size();
    (*this)(&read);
    if (problems_.size() == before) *out = {.sizes = std::move(read), .word = {}};
  }
  void operator()(Numbers* out) {
    if (!json_.is_array()) {
      if (const auto value = number(json_)) *out = {.each = {*value}};
      return;
    }
    if (!fits_rank()) return;
    Numbers read;
    for (const Json& item : json_.items()) {
      if (const auto value = number(item)) read.each.push_back(*value);
    }
    if (read.each.size() == json_.size()) *out = std::move(read);
  }
  void operator()(std::vector<double>* out) {
    if (!is_list(json_)) return;
    std::vector<double> read;
    for (const Json& item : json_.items()) {
      if (const auto value = number(item)) read.push_back(*value);
    }
    if (read.size() == json_.size()) *out = std::move(read);
  }
  void operator()(std::vector<std::string>* out) {
    if (!is_list(json_)) return;
    std::vector<std::string> read;
    for (const Json& item : json_.items()) {
      if (is_choice(item)) read.push_back(item.as_string());
    }
    if (read.size() == json_.size()) *out = std::move(read);
  }
  template <class T>
  void operator()(std::optional<T>* out) {
    if (json_.is_null()) {
      out->reset();
      return;
    }
    T read = out->value_or(T{});
    const size_t before = problems_.size();
    (*this)(&read);
    if (problems_.size() == before) *out = std::move(read);
  }
  void operator()(Json* out) {
    const bool left_out = json_.is_null() && out->is_null() && !rule_.required;
    if (!rule_.list_of.empty() && !json_.is_array() && !left_out) return mismatch();
    if (rule_.inside) look_inside();
    *out = json_;
  }
  void operator()(Described child) { read_config(child, json_, problems_); }

 private:
  void add(const Json& at, const std::string& what) {
    // What was made in code has no place; its field's name has to do.
    if (at.where().known()) {
      problems_.add(at.where(), what);
    } else {
      problems_.add_line(at.where(), text('/', field_.name, ": ", what));
    }
  }
  void mismatch() {
    const bool word = std::holds_alternative<std::string*>(field_.value) && rule_.choices.size() > 1;
    expected(json_, text(word ? "one of " : "", type_words(field_)));
  }
  void expected(const Json& value, std::string_view what) {
    add(value, text("expected ", what, ", found ", found_words(value), likely_cure(value)));
  }
  /// The value, and the expression that it comes from, if it does.
  std::string found_words(const Json& value) const {
    const std::string expression = expression_of(value);
    return expression.empty() ? value.describe() : text(value.describe(), ", the value of ", quote(expression));
  }
  /// What is written at the place of a value that was computed; empty where it was not.
  static std::string expression_of(const Json& value) {
    const Source* source = value.where().source();
    if (value.is_string() || source == nullptr) return "";
    const std::string_view rest = std::string_view(source->text).substr(value.where().offset());
    return rest.starts_with("\"=") ? std::string(rest.substr(1, rest.find('"', 1) - 1)) : "";
  }
  /// For a number in quotes, 2.0 where 2 is meant, and an expression without its sign or out of its place.
  std::string likely_cure(const Json& value) const {
    if (value.is_string()) {
      const std::string& word = value.as_string();
      const bool literal = word == "true" || word == "false" || word == "null";
      const bool number = !word.empty() && word.find_first_not_of("0123456789+-.eE") == std::string::npos &&
                          word.find_first_of("0123456789") != std::string::npos;
      const bool is_text = std::holds_alternative<std::string*>(field_.value);
      if ((literal || number) && !is_text) return text("; write ", word, " without quotes");
      if (word.starts_with('=')) return "; expressions belong to the model";
      const bool variable = word == "classes" || word == "channels" || word == "height" || word == "width";
      const bool formula = word.find_first_of("*/+(") != std::string::npos;
      return expressions_ && (variable || formula) ? text("; an expression begins with \"=\"") : "";
    }
    const bool any_text = std::holds_alternative<std::string*>(field_.value) && rule_.choices.empty();
    if (value.kind() == Json::Kind::integer && any_text) return text("; write \"", value.describe(), '"');
    if (value.kind() != Json::Kind::number) return "";
    if (expression_of(value).find('/') != std::string::npos) return "; // divides without a rest";
    const double read = value.as_number();
    const bool whole = std::abs(read) < 1e15 && read == std::floor(read);
    return whole ? text("; write ", static_cast<int64_t>(read)) : "";
  }

  void look_inside() {
    if (json_.where().known()) return rule_.inside(json_, problems_);
    Problems inner;
    rule_.inside(json_, inner);
    if (!inner.empty()) add(json_, inner.lines());
  }

  bool within(const Json& value) {
    const double number = value.as_number();
    const bool low = rule_.lo_open ? number > rule_.lo : number >= rule_.lo;
    const bool high = rule_.hi_open ? number < rule_.hi : number <= rule_.hi;
    if (low && high) return true;
    // An end that is there for the machine's sake says nothing to whoever is beyond the other one.
    constexpr double large = 1e6;
    Rule told;
    told.lo = rule_.lo;
    told.lo_open = rule_.lo_open;
    if (low || rule_.hi < large) {
      told.hi = rule_.hi;
      told.hi_open = rule_.hi_open;
    }
    const bool both = std::isfinite(told.lo) && std::isfinite(told.hi);
    const std::string expression = expression_of(value);
    const std::string found = expression.empty() ? value.describe() : found_words(value) + ",";
    add(value, text(found, both ? " is outside " : " must be ", bounds_words(told)));
    return false;
  }
  bool is_integer(const Json& value) {
    if (value.kind() == Json::Kind::integer) return true;
    if (&value == &json_) {
      mismatch();
    } else {
      expected(value, "an integer");
    }
    return false;
  }
  bool is_list(const Json& value) {
    if (!value.is_array()) {
      mismatch();
      return false;
    }
    const auto wanted = static_cast<size_t>(rule_.rank);
    if (wanted == 0 || value.size() == wanted) return true;
    add(value, text("expected a list of ", wanted, ", found ", value.describe()));
    return false;
  }
  /// Of a list for dimensions: one entry, or one for each.
  bool fits_rank() {
    const bool fits = rule_.rank == 0 || json_.size() == 1 || json_.size() == static_cast<size_t>(rule_.rank);
    if (!fits) mismatch();
    return fits;
  }
  std::optional<double> number(const Json& value) {
    if (rule_.infinite && value.is_string()) {
      if (value.as_string() == "inf") return HUGE_VAL;
      if (value.as_string() == "-inf") return -HUGE_VAL;
    }
    if (value.kind() != Json::Kind::integer && value.kind() != Json::Kind::number) {
      if (&value == &json_) {
        mismatch();
      } else {
        expected(value, "a number");
      }
      return {};
    }
    const double read = value.as_number();
    if (!std::isfinite(read)) {  // only from code: JSON text has neither
      add(value, "expected a finite number");
      return {};
    }
    return within(value) ? std::optional(read) : std::nullopt;
  }
  bool is_choice(const Json& value) {
    if (!value.is_string()) {
      if (&value == &json_) {
        mismatch();
      } else {
        expected(value, "a string");
      }
      return false;
    }
    const std::string& word = value.as_string();
    if (rule_.choices.empty() || std::ranges::find(rule_.choices, word) != rule_.choices.end()) return true;
    add(value, text(quote(word), " is not one of ", choices_words(rule_), did_you_mean(word, rule_.choices)));
    return false;
  }
  std::optional<MaybeSizes> sizes(bool nulls) {
    const auto is_size = [&](const Json& value) {
      return (nulls && value.is_null()) || (is_integer(value) && within(value));
    };
    const auto size = [](const Json& value) {
      return value.is_null() ? std::nullopt : std::optional(value.as_integer());
    };
    if (!json_.is_array()) return is_size(json_) ? std::optional(MaybeSizes{size(json_)}) : std::nullopt;
    // Sizes of an output are given for all dimensions or for each; steps and kernels may be a list of one, too.
    if (nulls ? !is_list(json_) : !fits_rank()) return {};
    MaybeSizes out;
    for (const Json& item : json_.items()) {
      if (is_size(item)) out.push_back(size(item));
    }
    return out.size() == json_.size() ? std::optional(std::move(out)) : std::nullopt;
  }

  const Json& json_;
  const Field& field_;
  const Rule& rule_;
  Problems& problems_;
  bool expressions_;
};

class Reader : public Fields {
 public:
  Reader(const Json& object, Problems& problems, bool expressions)
      : object_(object), problems_(problems), expressions_(expressions) {}

  /// Unknown keys are mistakes, and so are required ones that are missing, unless they were misspelt.
  void refuse_unknown(const std::vector<std::string>& ignore) {
    std::vector<std::string> known = names_;
    known.insert(known.end(), ignore.begin(), ignore.end());
    for (const Member& member : object_.members()) {
      if (std::ranges::find(known, member.key) != known.end()) continue;
      const std::string what = unknown_key(member.key, known, names_);
      problems_.add_line(member.where, text(member.where, what));
      std::erase_if(missing_, [&](const Missing& field) { return suggests(what, field.name); });
    }
    for (const Missing& field : missing_) problems_.add_line(object_.where(), field.line);
  }

 protected:
  void visit(const Field& field) override {
    names_.emplace_back(field.name);
    if (const Json* given = object_.find(field.name)) {
      if (expressions_ && has_expression(*given) && field.rule.list_of != "layers") {  // its value is not known yet
        if (Json* const* any = std::get_if<Json*>(&field.value)) **any = *given;
        return;
      }
      std::visit(ValueReader(*given, field, problems_, expressions_), field.value);
    } else if (field.rule.required) {
      const bool anything = std::holds_alternative<Json*>(field.value) && field.rule.list_of.empty();
      missing_.push_back(
          {std::string(field.name), text(object_.where().prefix(field.name), "must be given",
                                         anything ? "" : " (" + type_words(field) + ")", ": ", field.doc)});
    } else if (const Described* child = std::get_if<Described>(&field.value)) {
      // Whatever the child requires is missing.
      Json nothing = Json::object();
      nothing.set_where(object_.where());
      read_config(*child, nothing, problems_);
    }
  }

 private:
  struct Missing {
    std::string name, line;
  };

  const Json& object_;
  Problems& problems_;
  std::vector<Missing> missing_;
  bool expressions_;
  std::vector<std::string> names_;
};

void read_object(Described config, const Json& object, Problems& problems, const std::vector<std::string>& ignore,
                 bool expressions) {
  if (!object.is_object()) return problems.add(object.where(), "expected an object, found " + object.describe());
  Reader reader(object, problems, expressions);
  config.list(reader);
  reader.refuse_unknown(ignore);
}

const std::vector<std::string>& registered_keys() {
  static const std::vector<std::string> keys = {"type", "name", "from", "shared"};
  return keys;
}
// Those of a model's items that the model takes out before; a misspelling of one is to find it.
const std::vector<std::string>& item_key_names() {
  static const std::vector<std::string> keys = {"type", "name", "from", "shared", "when", "size_of", "init"};
  return keys;
}
const std::vector<std::string>& type_key() {
  static const std::vector<std::string> keys = {"type"};
  return keys;
}

}  // namespace

void read_config(Described config, const Json& object, Problems& problems, const std::vector<std::string>& ignore) {
  read_object(config, object, problems, ignore, false);
}

namespace {

/// A bare name as the object that it stands for.
Json typed_object(const Json& object) {
  if (!object.is_string()) return object;
  Json typed = Json::object().set("type", object);
  typed.set_where(object.where());
  return typed;
}

}  // namespace

void read_registered(Described config, const Json& object, Problems& problems) {
  read_object(config, typed_object(object), problems, registered_keys(), false);
}

Json resolve_registered(Described config, const Json& object, Problems& problems, bool expressions) {
  const Json typed = typed_object(object);
  read_object(config, typed, problems, expressions ? item_key_names() : type_key(), expressions);
  Json out = Json::object();
  if (!typed.is_object()) return out;
  for (const std::string& key : registered_keys())
    if (const Json* given = typed.find(key)) out.set(key, *given);
  const Json written = write_config(config);
  for (const Member& member : written.members()) out.set(member.key, member.value);
  for (const Member& member : typed.members())
    if (expressions && has_expression(member.value)) out.set(member.key, member.value);
  return out;
}

}  // namespace tarn
