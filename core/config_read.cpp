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
  ValueReader(const Json& json, const Field& field, Problems& problems)
      : json_(json), field_(field), rule_(field.rule), problems_(problems) {}

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
  void operator()(Json* out) { *out = json_; }
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
  void mismatch() { add(json_, text("expected ", type_words(field_), ", found ", json_.describe())); }

  bool within(const Json& value) {
    const double number = value.as_number();
    const bool low = rule_.lo_open ? number > rule_.lo : number >= rule_.lo;
    const bool high = rule_.hi_open ? number < rule_.hi : number <= rule_.hi;
    if (low && high) return true;
    const bool both = std::isfinite(rule_.lo) && std::isfinite(rule_.hi);
    add(value, text(value.describe(), both ? " is outside " : " must be ", bounds_words(rule_)));
    return false;
  }
  bool is_integer(const Json& value) {
    if (value.kind() == Json::Kind::integer) return true;
    if (&value == &json_) {
      mismatch();
    } else {
      add(value, text("expected an integer, found ", value.describe()));
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
        add(value, text("expected a number, found ", value.describe()));
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
        add(value, text("expected a string, found ", value.describe()));
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
};

class Reader : public Fields {
 public:
  Reader(const Json& object, Problems& problems, bool expressions)
      : object_(object), problems_(problems), expressions_(expressions) {}

  void refuse_unknown(const std::vector<std::string>& ignore) {
    std::vector<std::string> known = names_;
    known.insert(known.end(), ignore.begin(), ignore.end());
    for (const Member& member : object_.members()) {
      if (std::ranges::find(known, member.key) != known.end()) continue;
      std::string cure = did_you_mean(member.key, known);
      if (cure.empty() && names_.empty()) cure = "; there is nothing to set here";
      if (cure.empty()) cure = "; there are " + listed(names_);
      const std::string what = text("unknown key ", quote(member.key), cure);
      problems_.add_line(member.where, text(member.where, what));
    }
  }

 protected:
  void visit(const Field& field) override {
    names_.emplace_back(field.name);
    if (const Json* given = object_.find(field.name)) {
      const bool any = std::holds_alternative<Json*>(field.value);
      if (expressions_ && !any && has_expression(*given)) return;  // its value is not known yet
      std::visit(ValueReader(*given, field, problems_), field.value);
    } else if (field.rule.required) {
      problems_.add_line(object_.where(), text(object_.where().prefix(field.name), "must be given: ", field.doc, ", ",
                                               type_words(field)));
    } else if (const Described* child = std::get_if<Described>(&field.value)) {
      // Whatever the child requires is missing.
      Json nothing = Json::object();
      nothing.set_where(object_.where());
      read_config(*child, nothing, problems_);
    }
  }

 private:
  const Json& object_;
  Problems& problems_;
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
  read_object(config, typed, problems, registered_keys(), expressions);
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
