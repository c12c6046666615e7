// What is known of a model while its list is read. For the model's own files only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/expression.h"
#include "layers/model_step.h"
#include "layers/scope.h"

namespace tarn {

// Limits on what a model may be written out to.
constexpr int64_t most_items = 100'000;
constexpr int most_blocks = 64;

/// One mistake in a model.
struct Mistake {
  Where where;
  std::string line;
};

/// All that were found in a list, each with its place.
class ModelErrors : public LayerError {
 public:
  explicit ModelErrors(std::vector<Mistake> mistakes);
  const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
};

/// A limit that ends the search for more mistakes.
class TooMany : public LayerError {
 public:
  using LayerError::LayerError;
};

/// What is known while the list is read. A mistake does not end the reading: what its item gives is unknown then, an
/// undefined tensor, and so is all that reads it; the names and all other items are still checked.
struct Model::Builder {
  Model& model;
  const Build& build;
  std::map<std::string, size_t, std::less<>> step_of = {};
  std::set<std::string, std::less<>> left_out = {};  // names whose "when" was false
  Tensors slots = {};                                // of the empty batch
  std::vector<bool> input_read = {};
  std::vector<Mistake> mistakes = {};
  std::string current = {};                           // the item that is being read
  std::set<std::string, std::less<>> all_names = {};  // that items have, as far as they hold no expression
  bool reads_known = true;                            // false where a mistake leaves open who reads what
  std::optional<size_t> unknown = {};                 // the slot of what is not known

  void add_all(const Json& list, const Around& variables);
  void add_results(const Json& list, const Json& outputs, const Variables& variables);
  void check_all_read(const Json& list);
  /// Throws the mistakes, if there are any.
  void throw_mistakes();
  void note(const Where& where, const Error& error);
  void foresee(const Json& list);

 private:
  /// A value that can be read, and what it is called by the item that gives it.
  struct Found {
    size_t slot;
    std::string name;
  };
  bool is_left_out(const Json& item, const Around& variables);
  void add_loop(const Json& item, const Around& variables);
  void add(const Json& item, const Around& variables);
  bool is_known(const Step& step) const;
  void add_unknown(Step step);
  void add_mistake(const Where& where, std::string line);
  size_t unknown_slot();
  std::string name_of(const Json& item, const Variables& variables) const;
  std::vector<Found> find(const std::string& name, const Json& at);
  std::vector<Found> match(const std::string& pattern);
  std::string not_found(const std::string& name) const;
  std::vector<Found> found(const Json& reference, const Variables& variables);
  Found input(size_t i);
  Found output(Step& step, size_t i);
  std::vector<size_t> slots_of(const Json& item, const Variables& variables);
  void make(Step& step, const Json& item, const Around& variables);
  std::unique_ptr<Module> make_block(const BlockDefinition& block, Json& config, const Json& item, Build& child);
  Json settings(const Json& item, const Variables& variables) const;
  void run_empty(Step& step, const Json& item);
  ItemInfo::Read read_of(size_t slot) const;
  std::vector<std::string> known_names() const;
};

/// That member of an item, which may also be a bare name; nullptr where there is none.
inline const Json* member(const Json& item, const char* key) {
  return item.is_object() ? item.find(key) : nullptr;
}
/// Throws at the place of `json`.
[[noreturn]] void fail_at(const Json& json, const std::string& message);
/// A name with its expressions filled in; throws where one of them is null.
std::string known_name(const Json& name, const Variables& variables);
/// Throws: there are more than `most_items`.
[[noreturn]] void too_many(const Json& item);
/// Throws where a checked model is written out to too many items, as far as can be seen before it is built.
void check_count(const Json& model, const Blocks& blocks, const std::vector<Shape>& inputs, int64_t classes);

}  // namespace tarn
