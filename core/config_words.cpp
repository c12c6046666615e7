// A field's type, bounds and choices in words.
#include "core/config_words.h"

#include <cmath>

namespace tarn {

namespace {

struct TypeWords {
  const Rule& rule;

  std::string list_of(std::string_view plural) const {
    return rule.rank > 0 ? text("a list of ", rule.rank, ' ', plural) : text("a list of ", plural);
  }
  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const int64_t*) const { return "an integer"; }
  std::string operator()(const double*) const { return rule.infinite ? "a number, \"inf\" or \"-inf\"" : "a number"; }
  std::string operator()(const float*) const { return (*this)(static_cast<const double*>(nullptr)); }
  std::string operator()(const std::string*) const { return rule.choices.empty() ? "a string" : choices_words(rule); }
  std::string operator()(const Sizes*) const { return "an integer or " + list_of("integers"); }
  std::string operator()(const MaybeSizes*) const {
    return "an integer or " + list_of("integers (null: as in the input)");
  }
  std::string operator()(const SizesOrWord*) const {
    const std::string words = rule.choices.empty() ? "a string" : choices_words(rule);
    return (*this)(static_cast<const Sizes*>(nullptr)) + " or " + words;
  }
  std::string operator()(const Numbers*) const { return "a number or " + list_of("numbers"); }
  std::string operator()(const std::vector<double>*) const { return list_of("numbers"); }
  std::string operator()(const std::vector<std::string>*) const { return list_of("strings"); }
  template <class T>
  std::string operator()(const std::optional<T>*) const {
    return (*this)(static_cast<const T*>(nullptr)) + " or null";
  }
  std::string operator()(const Json*) const { return "any value"; }
  std::string operator()(const Described&) const { return "an object"; }
};

}  // namespace

std::string type_words(const Field& field) {
  return std::visit(TypeWords{field.rule}, field.value);
}

std::string bounds_words(const Rule& rule) {
  const bool low = std::isfinite(rule.lo);
  const bool high = std::isfinite(rule.hi);
  if (low && high) return text(rule.lo_open ? '(' : '[', rule.lo, ", ", rule.hi, rule.hi_open ? ')' : ']');
  if (low) return text(rule.lo_open ? "> " : ">= ", rule.lo);
  if (high) return text(rule.hi_open ? "< " : "<= ", rule.hi);
  return {};
}

std::string choices_words(const Rule& rule) {
  std::string out;
  for (const std::string& choice : rule.choices) out += (out.empty() ? "" : ", ") + quote(choice);
  return out;
}

std::string listed(std::span<const std::string> names) {
  constexpr size_t most = 20;
  std::string out;
  for (size_t i = 0; i < names.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + quote(names[i]);
  if (names.size() > most) out += text(" and ", names.size() - most, " more");
  return out;
}

}  // namespace tarn
