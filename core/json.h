// JSON values that know where in a file they stood, read strictly and written so that numbers survive exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/where.h"

namespace tarn {

struct Member;

/// A JSON value. Reading one as what it is not throws an Error that begins with its place: "FILE:LINE:COLUMN: /pointer:
/// ".
class Json {
 public:
  enum class Kind { null, boolean, integer, number, string, array, object };
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;  // in the order they were written; no key twice

  Json();
  Json(std::nullptr_t);
  Json(bool value);
  Json(int value);
  Json(unsigned value);
  Json(long value);
  Json(long long value);
  Json(unsigned long value);       // throws beyond int64
  Json(unsigned long long value);  // throws beyond int64
  Json(double value);
  Json(const char* value);
  Json(std::string_view value);
  Json(std::string value);
  Json(Array items);
  Json(const void*) = delete;  // would be a boolean
  static Json array();
  static Json object();

  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  bool as_boolean() const;
  int64_t as_integer() const;  // 2.0 is not an integer
  double as_number() const;    // an integer is a number, too
  const std::string& as_string() const;
  const Array& items() const;
  Array& items();
  const Object& members() const;
  Object& members();
  /// How many items or members it has; 0 for anything else.
  size_t size() const;

  /// The member of that name, or nullptr. Throws where this is not an object.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);
  /// The member of that name; throws where it is missing.
  const Json& at(std::string_view key) const;

  /// Gives an object a member, or a new value to the member it has; null becomes an object first.
  Json& set(std::string_view key, Json value);
  /// Removes a member; says whether there was one.
  bool erase(std::string_view key);
  /// Adds an item to a list; null becomes a list first.
  Json& push(Json item);

  const Where& where() const { return where_; }
  void set_where(Where where) { where_ = std::move(where); }
  /// What a message says about it: "3", "'zeros'", "a list", "an object", "null".
  std::string describe() const;

  /// Equal values; where they stood does not count. An integer never equals a number.
  bool operator==(const Json& other) const;

 private:
  [[noreturn]] void mismatch(std::string_view wanted) const;

  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
  Where where_;
};

/// A key and its value.
struct Member {
  std::string key;
  Where where;  // of the key
  Json value;

  bool operator==(const Member& other) const { return key == other.key && value == other.value; }
};

/// How much of a text is accepted.
struct JsonLimits {
  size_t bytes = size_t{16} << 20;
  size_t depth = 64;
  size_t values = 1'000'000;
  bool comments = true;
};

/// Reads a JSON text (RFC 8259; UTF-8, `//` and `/* */` comments allowed). Throws an Error with file, line and column
/// for anything that is not: a key given twice, an integer beyond int64, a number beyond double, text after the value,
/// a byte-order mark.
Json parse_json(std::string_view text, std::string name, const JsonLimits& limits = {});
Json parse_json(std::shared_ptr<const Source> source, const JsonLimits& limits = {});

/// A key that an object holds twice: the place of the second, and a message with both places.
struct Repeated {
  Where where;
  std::string message;
};
/// The same, but keys given twice are told in `repeated`, and their first value counts: other mistakes can be looked
/// for then.
Json parse_json(std::shared_ptr<const Source> source, std::vector<Repeated>& repeated, const JsonLimits& limits = {});

/// JSON text. `indent` spaces a level, lists of plain values on one line; everything on one line where it is negative.
/// A number reads back as the same number of the same kind; NaN and infinities, which JSON lacks, are written as null.
std::string to_text(const Json& value, int indent = -1);

}  // namespace tarn
