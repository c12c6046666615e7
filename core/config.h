// Configs: a struct lists its fields once; reading, its errors, defaults, JSON Schema and the manual follow from that
// list.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace tarn {

/// One size, or one for each dimension. In JSON an integer or a list.
using Sizes = std::vector<int64_t>;
/// The same where null stands for "as in the input".
using MaybeSizes = std::vector<std::optional<int64_t>>;
/// One number, or one for each dimension. In JSON a number or a list. (A plain vector takes a list only.)
struct Numbers {
  std::vector<double> each = {};
};
/// Sizes or, where `word` is not empty, a word such as "same".
struct SizesOrWord {
  Sizes sizes = {};
  std::string word = {};
};

/// What is given for each of `rank` dimensions: as it is, or the only one repeated. Throws where there is another
/// number of them.
Sizes expand(const Sizes& sizes, int rank);
MaybeSizes expand(const MaybeSizes& sizes, int rank);
std::vector<double> expand(const Numbers& numbers, int rank);

class Problems;

/// What a field accepts. Bounds hold for every number of a list.
struct Rule {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
  bool lo_open = false;   ///< lo itself is outside
  bool hi_open = false;   ///< hi itself is outside
  bool required = false;  ///< has no default
  bool inferred = false;  ///< may be left out because it follows from the input; unset is 0, empty or null
  bool infinite = false;  ///< a number may be "inf" or "-inf"
  std::vector<std::string> choices = {};  ///< all the words there are; none given: any text
  int rank = 0;                           ///< a list has 1 or `rank` entries; 0: any number of them
  std::string_view list_of = {};          ///< of a field that is Json: it takes a list of these, "layers"
  /// Of a field that is Json: looks for mistakes inside it.
  void (*inside)(const Json& value, Problems& problems) = nullptr;
};

class Fields;

/// Any struct with `void fields(Fields&)`, by reference.
class Described {
 public:
  template <class Config>
  requires requires(Config& config, Fields& f) { config.fields(f); }
  Described(Config& config) : config_(&config), list_([](void* c, Fields& f) { static_cast<Config*>(c)->fields(f); }) {}
  /// Shows every field to `f`, in order.
  void list(Fields& f) const { list_(config_, f); }

 private:
  void* config_;
  void (*list_)(void*, Fields&);
};

/// Where a field's value is kept, which says what JSON it takes. Json takes anything.
using FieldValue = std::variant<bool*, int64_t*, double*, float*, std::string*, Sizes*, MaybeSizes*, SizesOrWord*,
                                Numbers*, std::vector<double>*, std::vector<std::string>*, std::optional<bool>*,
                                std::optional<int64_t>*, std::optional<double>*, std::optional<std::string>*,
                                std::optional<Sizes>*, std::optional<Numbers>*, Json*, Described>;

struct Field {
  std::string_view name;
  FieldValue value;
  std::string_view doc;
  const Rule& rule;
};

/// What a config's `fields` function talks to; a visitor overrides `visit`.
class Fields {
 public:
  virtual ~Fields() = default;
  template <class T>
  requires std::constructible_from<FieldValue, T*>
  void operator()(std::string_view name, T& value, std::string_view doc, const Rule& rule = {}) {
    visit({name, &value, doc, rule});
  }
  /// A struct with fields of its own.
  void child(std::string_view name, Described config, std::string_view doc, const Rule& rule = {}) {
    visit({name, config, doc, rule});
  }

 protected:
  virtual void visit(const Field& field) = 0;
};

/// The place that a message about an object is for: the member that it begins with, as "scale" or "split.test", or the
/// object's own.
const Where& place_in(const Json& object, std::string_view message);

/// The mistakes of a file, all of them, to be reported at once in the order of the text.
class Problems {
 public:
  /// A mistake at that place; `what` says what was found and what was expected.
  void add(const Where& where, std::string_view what) { add_line(where, text(where, what)); }
  /// A mistake whose text already says where it is.
  void add_line(const Where& where, std::string line);
  /// Runs `f`; an Error that it throws becomes a mistake.
  template <class F>
  void attempt(const Where& where, F&& f) {
    try {
      f();
    } catch (const Error& error) {
      add_line(where, error.what());
    }
  }
  /// The same for an Error that does not say where in `object` it arose; see place_in.
  template <class F>
  void attempt_in(const Json& object, F&& f) {
    try {
      f();
    } catch (const Error& error) {
      add(place_in(object, error.what()), error.what());
    }
  }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size() + left_out_; }
  /// One line each, sorted by place, the same line once.
  std::string lines() const;
  /// Throws all of them as one Error, if there are any.
  void throw_any() const;

 private:
  struct Entry {
    Where where;
    std::string line;
  };
  std::vector<Entry> entries_;
  size_t left_out_ = 0;
};

/// Fills the fields from an object. Unknown keys (but for those to `ignore`), wrong types, values out of bounds and
/// missing fields are added to `problems`; a field with a mistake keeps its value.
void read_config(Described config, const Json& object, Problems& problems, const std::vector<std::string>& ignore = {});
/// The same for an object of a registry, {"type": …}, whose "type", "name", "from" and "shared" are somebody else's; a
/// bare string is a type with nothing else to say.
void read_registered(Described config, const Json& object, Problems& problems);

/// A Config as JSON says it; throws all mistakes as one Error.
template <class Config>
Config read_config(const Json& object, const std::vector<std::string>& ignore = {}) {
  Config config;
  Problems problems;
  read_config(config, object, problems, ignore);
  problems.throw_any();
  return config;
}
template <class Config>
Config read_registered(const Json& object) {
  Config config;
  Problems problems;
  read_registered(config, object, problems);
  problems.throw_any();
  return config;
}

/// All fields with their values, as an object that read_config takes. Inferred fields that are not set are left out.
Json write_config(Described config);
/// The JSON Schema (draft 2020-12) of such an object. `expressions` lets every field be a string that begins with "=",
/// too.
Json schema_of(Described config, bool expressions = false);

/// A row of the manual. Fields of a child are named "child.field".
struct FieldInfo {
  std::string name;
  std::string type;          // "an integer or a list of 2"
  std::string default_text;  // JSON, "required" or "inferred"
  std::string doc;
  std::string bounds;  // "[0, 0.95]", ">= 1", "'zeros', 'reflect'", or empty
};
std::vector<FieldInfo> field_rows(Described config);

/// What there is to know about a Config without having one. Nothing is worked out before it is asked for.
struct ConfigInfo {
  std::vector<FieldInfo> (*fields)() = nullptr;
  Json (*defaults)() = nullptr;
  Json (*schema)(bool expressions) = nullptr;
  /// Reads an object of a registry, adds its mistakes, and returns it with every default written out. Where
  /// `expressions` are allowed, as they are in a model, settings that hold some stay as they are, and the keys that
  /// every item of a model may have are somebody else's.
  Json (*resolve)(const Json& object, Problems& problems, bool expressions) = nullptr;
};
Json resolve_registered(Described config, const Json& object, Problems& problems, bool expressions);
/// Whether a string that begins with "=" is anywhere in the value.
bool has_expression(const Json& value);

template <class Config>
ConfigInfo config_info() {
  ConfigInfo info;
  info.fields = [] {
    Config config;
    return field_rows(config);
  };
  info.defaults = [] {
    Config config;
    return write_config(config);
  };
  info.schema = [](bool expressions) {
    Config config;
    return schema_of(config, expressions);
  };
  info.resolve = [](const Json& object, Problems& problems, bool expressions) {
    Config config;
    const size_t before = problems.size();
    Json resolved = resolve_registered(config, object, problems, expressions);
    if constexpr (requires { config.validate(); }) {
      if (problems.size() == before && !has_expression(object)) problems.attempt_in(object, [&] { config.validate(); });
    }
    return resolved;
  };
  return info;
}

/// Sets the value at a dotted path, "optimizer.lr" or "model.0.p", as `--set` does. `value` is JSON or a bare word;
/// null removes a member. Missing objects are made, and a bare name on the way becomes {"type": name}. Throws where the
/// path cannot be.
void set_path(Json& root, std::string_view path, std::string_view value);
/// `base` with what `over` says: objects key by key, null removes, anything else replaces.
Json merge(Json base, const Json& over);

/// The type that an item of a registry names, {"type": …} or a bare name; where there is none this becomes a mistake,
/// and nullptr comes back.
const Json* type_in(const Json& item, std::string_view kind, Problems& problems);

/// "unknown layer 'Linaer'; did you mean 'Linear'?", or what there is where nothing is near.
std::string unknown_name(std::string_view kind, std::string_view name, const std::vector<std::string>& names);
/// The same of a key, for which other frameworks' words are understood, too.
std::string unknown_key(std::string_view key, const std::vector<std::string>& known);
/// The same, with the names of the object's `own` keys where none of the `known` ones is near.
std::string unknown_key(std::string_view key, const std::vector<std::string>& known,
                        const std::vector<std::string>& own);
/// Whether such a message asks whether `name` was meant.
bool suggests(std::string_view message, std::string_view name);

/// Named rows of one kind, sorted by name whatever the order of linking. `Row::kind` is the word for one: "optimizer".
template <class Row>
class Registry {
 public:
  /// The one registry of these rows; made at its first use, so that any file may add to it before main.
  static Registry& all() {
    static Registry registry;
    return registry;
  }
  /// Adds a row, which stays where it is; throws where the name is taken.
  Row& add(std::string name, Row row) {
    const auto [place, added] = rows_.try_emplace(std::move(name), std::move(row));
    check(added, Row::kind, ' ', quote(place->first), " is registered twice");
    return place->second;
  }
  const Row* find(std::string_view name) const {
    const auto found = rows_.find(name);
    return found == rows_.end() ? nullptr : &found->second;
  }
  /// The row of that name; otherwise an Error at `where` that names the nearest.
  const Row& get(std::string_view name, const Where& where = {}) const {
    const Row* found = find(name);
    if (found == nullptr) fail(where, unknown_name(Row::kind, name, names()));
    return *found;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, row] : rows_) out.push_back(name);
    return out;
  }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }
  size_t size() const { return rows_.size(); }

 private:
  std::map<std::string, Row, std::less<>> rows_;
};

/// Reads an item of a registry, adds its mistakes, and returns it with every default written out; as it is where it has
/// no known type.
template <class Row>
Json resolve_item(const Json& item, Problems& problems) {
  const Json* type = type_in(item, Row::kind, problems);
  if (type == nullptr) return item;
  const Row* row = Registry<Row>::all().find(type->as_string());
  if (row != nullptr) return row->config.resolve(item, problems, false);
  problems.add(type->where(), unknown_name(Row::kind, type->as_string(), Registry<Row>::all().names()));
  return item;
}
/// The same of a list of items.
template <class Row>
void check_items(const Json& list, Problems& problems) {
  for (const Json& item : list.items()) resolve_item<Row>(item, problems);
}

}  // namespace tarn
