// Blocks: named parts of a model with parameters, defined once in a config and used like layers.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace tarn {

/// One definition, {"params": {…}, "inputs": […], "outputs": […], "body": […]}.
struct BlockDefinition {
  std::string name;
  Where where;                      ///< of the name
  Json params = Json::object();     ///< defaults, which may be expressions; null: must be given
  std::vector<std::string> inputs;  ///< none given: "input"; a last one such as "x*" stands for any number, x0, x1, …
  Json outputs;                     ///< names of items, or patterns; none given: the last item
  Json require;                     ///< a list of expressions that must be true where the block is used
  Json body;

  /// The names of `count` inputs. Throws where the block takes another number.
  std::vector<std::string> input_names(size_t count) const;
};

/// All blocks of a config, by name.
class Blocks {
 public:
  Blocks() = default;
  /// Reads the section "blocks". Mistakes are added to `problems`, and what has them is left out.
  Blocks(const Json& section, Problems& problems);

  const BlockDefinition* find(std::string_view name) const;
  std::vector<std::string> names() const;
  /// Whether a block of that name has a mistake that leaves no definition of it.
  bool is_broken(std::string_view name) const { return broken_.contains(name); }
  /// Where else a block of that name can be had, for messages: "it is a block of …"; empty where nothing is known.
  std::string elsewhere(std::string_view name) const { return find_elsewhere_ ? find_elsewhere_(name) : ""; }
  void look_elsewhere(std::function<std::string(std::string_view)> find) { find_elsewhere_ = std::move(find); }
  auto begin() const { return blocks_.begin(); }
  auto end() const { return blocks_.end(); }

 private:
  void add(const Member& member, Problems& problems);
  void refuse_cycles(Problems& problems) const;
  std::map<std::string, BlockDefinition, std::less<>> blocks_;
  std::set<std::string, std::less<>> broken_;
  std::function<std::string(std::string_view)> find_elsewhere_;
};

/// Whether a name matches a pattern, in which each '*' stands for any text.
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace tarn
