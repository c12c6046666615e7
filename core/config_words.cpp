// A field's type, bounds and choices in words.
#include "core/config_words.h"

#include <algorithm>
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
  std::string operator()(const Json*) const {
    return rule.list_of.empty() ? "any value" : text("a list of ", rule.list_of);
  }
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

namespace {

struct Habit {
  std::string_view written, meant;
};
// What PyTorch's and Keras' users write out of habit, where it looks like nothing that there is.
constexpr Habit name_habits[] = {{"Dense", "Linear"},
                                 {"FullyConnected", "Linear"},
                                 {"Convolution2D", "Conv2d"},
                                 {"MaxPooling2D", "MaxPool2d"},
                                 {"AveragePooling2D", "AvgPool2d"},
                                 {"BatchNormalization", "BatchNorm2d"},
                                 {"LayerNormalization", "LayerNorm"},
                                 {"MNIST", "Idx"}};
constexpr Habit key_habits[] = {{"learning_rate", "lr"},
                                {"filters", "out_channels"},
                                {"units", "out_features"},
                                {"dropout", "p"},
                                {"rate", "p"},
                                {"prob", "p"},
                                {"root", "path"}};

std::string habitual(std::span<const Habit> habits, std::string_view word, const std::vector<std::string>& known) {
  for (const Habit& habit : habits)
    if (word == habit.written && std::ranges::find(known, habit.meant) != known.end())
      return text("; did you mean ", quote(habit.meant), "?");
  return did_you_mean(word, known);
}

}  // namespace

std::string unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& names) {
  std::string cure = habitual(name_habits, name, names);
  constexpr size_t few = 20;
  if (cure.empty()) cure = names.size() <= few ? "; there are " + listed(names) : "; 'tarn layers' lists what there is";
  return text("unknown ", kind, ' ', quote(name), cure);
}

std::string unknown_key(std::string_view key, const std::vector<std::string>& known) {
  return text("unknown key ", quote(key), habitual(key_habits, key, known));
}

std::string unknown_key(std::string_view key, const std::vector<std::string>& known,
                        const std::vector<std::string>& own) {
  std::string what = unknown_key(key, known);
  if (what.ends_with('?')) return what;
  return what + (own.empty() ? "; there is nothing to set here" : "; there are " + listed(own));
}

bool suggests(std::string_view message, std::string_view name) {
  return message.ends_with("did you mean " + quote(name) + "?");
}

std::string listed(std::span<const std::string> names) {
  constexpr size_t most = 20;
  std::string out;
  for (size_t i = 0; i < names.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + quote(names[i]);
  if (names.size() > most) out += text(" and ", names.size() - most, " more");
  return out;
}

}  // namespace tarn
