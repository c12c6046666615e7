// Writing a config, its JSON Schema and the rows of its manual, all from the one list of its fields.
#include <charconv>
#include <cmath>

#include "core/config.h"
#include "core/config_words.h"

namespace tarn {

namespace {

// The value of a field as JSON that reads back as the same value.
struct Written {
  Json operator()(const bool* value) const { return *value; }
  Json operator()(const int64_t* value) const { return *value; }
  Json operator()(const double* value) const {
    if (std::isinf(*value)) return *value > 0 ? "inf" : "-inf";
    return *value;
  }
  Json operator()(const float* value) const {
    // The double that is written as shortly as the float: 0.1, not 0.10000000149.
    const std::string shortest = text(*value);
    double read = static_cast<double>(*value);
    std::from_chars(shortest.data(), shortest.data() + shortest.size(), read);
    return (*this)(&read);
  }
  Json operator()(const std::string* value) const { return *value; }
  Json operator()(const Sizes* value) const { return one_or_list(*value); }
  Json operator()(const MaybeSizes* value) const { return one_or_list(*value); }
  Json operator()(const SizesOrWord* value) const {
    return value->word.empty() ? one_or_list(value->sizes) : Json(value->word);
  }
  Json operator()(const Numbers* value) const { return one_or_list(value->each); }
  Json operator()(const std::vector<double>* value) const { return list(*value); }
  Json operator()(const std::vector<std::string>* value) const { return list(*value); }
  template <class T>
  Json operator()(const std::optional<T>* value) const {
    return *value ? (*this)(&**value) : Json();
  }
  Json operator()(const Json* value) const { return *value; }
  Json operator()(const Described& child) const { return write_config(child); }

  template <class T>
  Json list(const std::vector<T>& values) const {
    Json out = Json::array();
    for (const T& value : values) out.push((*this)(&value));
    return out;
  }
  template <class T>
  Json one_or_list(const std::vector<T>& values) const {
    return values.size() == 1 ? (*this)(&values[0]) : list(values);
  }
};

// An inferred field that was left out: 0, empty or null.
bool is_unset(const Json& value) {
  return value.is_null() || value == Json(0) || value == Json("") || value == Json::array();
}

class ConfigWriter : public Fields {
 public:
  Json take() { return std::move(out_); }

 protected:
  void visit(const Field& field) override {
    Json value = std::visit(Written(), field.value);
    if (!field.rule.inferred || !is_unset(value)) out_.set(field.name, std::move(value));
  }

 private:
  Json out_ = Json::object();
};

// What a field accepts, as JSON Schema.
struct Schema {
  const Rule& rule;
  bool expressions;

  static Json typed(const char* type) { return Json::object().set("type", type); }
  static Json either(Json a, Json b) {
    return Json::object().set("anyOf", Json::array().push(std::move(a)).push(std::move(b)));
  }
  Json bounded(const char* type) const {
    // Whole bounds are written as integers, as a reader of the schema would.
    const auto bound = [](double value) {
      return std::abs(value) < 1e15 && value == std::floor(value) ? Json(static_cast<int64_t>(value)) : Json(value);
    };
    Json out = typed(type);
    if (std::isfinite(rule.lo)) out.set(rule.lo_open ? "exclusiveMinimum" : "minimum", bound(rule.lo));
    if (std::isfinite(rule.hi)) out.set(rule.hi_open ? "exclusiveMaximum" : "maximum", bound(rule.hi));
    return out;
  }
  Json list_of(Json item, bool one_will_do) const {
    Json out = typed("array");
    out.set("items", std::move(item));
    if (rule.rank > 0) out.set("minItems", one_will_do ? 1 : rule.rank).set("maxItems", rule.rank);
    return out;
  }
  Json operator()(const bool*) const { return typed("boolean"); }
  Json operator()(const int64_t*) const { return bounded("integer"); }
  Json operator()(const double*) const {
    const Json number = bounded("number");
    if (!rule.infinite) return number;
    return either(number, Json::object().set("enum", Json::array().push("inf").push("-inf")));
  }
  Json operator()(const float*) const { return (*this)(static_cast<const double*>(nullptr)); }
  Json operator()(const std::string*) const {
    if (rule.choices.empty()) return typed("string");
    Json choices = Json::array();
    for (const std::string& choice : rule.choices) choices.push(choice);
    return Json::object().set("enum", choices);
  }
  Json operator()(const Sizes*) const { return either(bounded("integer"), list_of(bounded("integer"), true)); }
  Json operator()(const MaybeSizes*) const {
    const Json size = either(bounded("integer"), typed("null"));
    return either(rule.rank == 1 ? size : bounded("integer"), list_of(size, false));  // see expand()
  }
  Json operator()(const SizesOrWord*) const {
    return either((*this)(static_cast<const Sizes*>(nullptr)), (*this)(static_cast<const std::string*>(nullptr)));
  }
  Json operator()(const Numbers*) const {
    const Json number = (*this)(static_cast<const double*>(nullptr));
    return either(number, list_of(number, true));
  }
  Json operator()(const std::vector<double>*) const {
    return list_of((*this)(static_cast<const double*>(nullptr)), false);
  }
  Json operator()(const std::vector<std::string>*) const {
    return list_of((*this)(static_cast<const std::string*>(nullptr)), false);
  }
  template <class T>
  Json operator()(const std::optional<T>*) const {
    return either((*this)(static_cast<const T*>(nullptr)), typed("null"));
  }
  Json operator()(const Json*) const { return Json::object(); }
  Json operator()(const Described& child) const { return schema_of(child, expressions); }
};

class SchemaWriter : public Fields {
 public:
  explicit SchemaWriter(bool expressions) : expressions_(expressions) {}

  Json take() {
    Json out = Json::object();
    out.set("type", "object").set("properties", std::move(properties_));
    if (required_.size() > 0) out.set("required", std::move(required_));
    out.set("additionalProperties", false);
    return out;
  }

 protected:
  void visit(const Field& field) override {
    Json schema = std::visit(Schema{field.rule, expressions_}, field.value);
    const bool anything = std::holds_alternative<Json*>(field.value);
    if (expressions_ && !anything) {
      schema = Schema::either(std::move(schema), Schema::typed("string").set("pattern", "^="));
    }
    schema.set("description", field.doc);
    if (field.rule.required) {
      required_.push(field.name);
    } else if (!field.rule.inferred) {
      schema.set("default", std::visit(Written(), field.value));
    }
    properties_.set(field.name, std::move(schema));
  }

 private:
  bool expressions_;
  Json properties_ = Json::object();
  Json required_ = Json::array();
};

class RowWriter : public Fields {
 public:
  std::vector<FieldInfo> take() { return std::move(rows_); }

 protected:
  void visit(const Field& field) override {
    if (const Described* child = std::get_if<Described>(&field.value)) {
      for (FieldInfo& row : field_rows(*child)) {
        row.name = text(field.name, '.', row.name);
        rows_.push_back(std::move(row));
      }
      return;
    }
    const Rule& rule = field.rule;
    const std::string words = rule.required   ? "required"
                              : rule.inferred ? "inferred"
                                              : to_text(std::visit(Written(), field.value));
    const bool has_numbers = !std::holds_alternative<std::string*>(field.value);
    rows_.push_back({.name = std::string(field.name),
                     .type = type_words(field),
                     .default_text = words,
                     .doc = std::string(field.doc),
                     .bounds = has_numbers ? bounds_words(rule) : std::string()});
  }

 private:
  std::vector<FieldInfo> rows_;
};

}  // namespace

Json write_config(Described config) {
  ConfigWriter writer;
  config.list(writer);
  return writer.take();
}

Json schema_of(Described config, bool expressions) {
  SchemaWriter writer(expressions);
  config.list(writer);
  return writer.take();
}

std::vector<FieldInfo> field_rows(Described config) {
  RowWriter writer;
  config.list(writer);
  return writer.take();
}

}  // namespace tarn
