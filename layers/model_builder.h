// What is known of a model while its list is read. For the model's own files only.
#pragma once

#include <map>
#include <memory>
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

/// What is known while the list is read.
struct Model::Builder {
  Model& model;
  const Build& build;
  std::map<std::string, size_t, std::less<>> step_of = {};
  std::set<std::string, std::less<>> left_out = {};  // names whose "when" was false
  Tensors slots = {};                                // of the empty batch
  std::vector<bool> input_read = {};

  void add_all(const Json& list, const Around& variables);
  void add_results(const Json& list, const Json& outputs, const Variables& variables);
  void check_all_read(const Json& list) const;

 private:
  /// A value that can be read, and what it is called by the item that gives it.
  struct Found {
    size_t slot;
    std::string name;
  };
  void add_loop(const Json& item, const Around& variables);
  void add(const Json& item, const Around& variables);
  std::string name_of(const Json& item, const Variables& variables) const;
  std::vector<Found> find(const std::string& name, const Json& at);
  std::vector<Found> match(const std::string& pattern);
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
