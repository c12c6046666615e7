// Counts what a model is written out to before anything is built, so that a few lines which stand for millions of items
// are refused at once.
#include <algorithm>

#include "layers/model_builder.h"
#include "layers/scope.h"

namespace tarn {
namespace {

/// Counts as far as it can without shapes: what depends on an unknown size is taken to be nothing. The build, which
/// knows, counts again.
class Counter {
 public:
  explicit Counter(const Blocks& blocks) : blocks_(blocks) {}

  void count(const Json& list, const Around& variables) {
    if (!list.is_array()) return;
    for (const Json& item : list.items()) {
      const Json* when = item.is_object() ? item.find("when") : nullptr;
      if (when) {
        const Json value = substituted(*when, *variables);
        if (value.kind() != Json::Kind::boolean || !value.as_boolean()) continue;
      }
      if (item.is_object() && item.find("for"))
        loop(item, variables);
      else
        one(item, variables);
    }
  }

  void use(const BlockDefinition& block, const Json& object, const Around& variables) {
    if (++depth_ > most_blocks) return void(--depth_);  // the build says so
    const std::shared_ptr<Variables> inner = unknown_variables();
    for (const Member& param : block.params.members()) {
      const Json* given = object.is_object() ? object.find(param.key) : nullptr;
      inner->set(param.key, known(given ? *given : param.value, given ? *variables : *inner));
    }
    count(block.body, inner);
    --depth_;
  }

 private:
  /// The value, or null where a part of it is not known.
  static Json known(const Json& value, const Variables& variables) {
    const Json out = substituted(value, variables);
    return has_null(out) ? Json() : out;
  }
  static bool has_null(const Json& value) {
    if (value.is_array()) return std::ranges::any_of(value.items(), has_null);
    return value.is_null();
  }

  void loop(const Json& item, const Around& variables) {
    const Json values = substituted(item.at("in"), *variables);
    if (!values.is_array()) return;
    for (const Json& value : values.items()) {
      if (++turns_ > most_items) too_many(item);
      auto inner = std::make_shared<Variables>(variables);
      inner->set(item.at("for").as_string(), value);
      count(item.at("body"), inner);
    }
  }

  void one(const Json& item, const Around& variables) {
    if (++items_ > most_items) too_many(item);
    const Json* written = item.is_object() ? item.find("type") : &item;
    if (!written || !written->is_string()) return;
    const Json type = substituted(*written, *variables);
    if (!type.is_string()) return;
    if (const BlockDefinition* block = blocks_.find(type.as_string())) return use(*block, item, variables);
    const LayerInfo* row = find_layer(type.as_string());
    if (!row || !item.is_object()) return;
    for (const std::string& field : row->lists)
      if (const Json* list = item.find(field)) nested(*list, variables);
  }

  /// A list of layers, or a list of such lists, whose own sizes are not known.
  void nested(const Json& value, const Around& variables) {
    if (!value.is_array()) return;
    if (value.size() > 0 && value.items().front().is_array()) {
      for (const Json& list : value.items()) nested(list, variables);
      return;
    }
    auto inner = std::make_shared<Variables>(variables);
    for (const std::string& name : shape_variables()) inner->set_given(name, nullptr);
    count(value, inner);
  }

  const Blocks& blocks_;
  int64_t items_ = 0;
  int64_t turns_ = 0;
  int depth_ = 0;
};

}  // namespace

void too_many(const Json& item) {
  throw TooMany(item.where(), text(item.where(), "the model has more than ", most_items,
                                   " items, loops and blocks written out; one that reads four others "
                                   "counts twice"));
}

void check_count(const Json& model, const Blocks& blocks, const std::vector<Shape>& inputs, int64_t classes) {
  const Around variables = list_variables(nullptr, inputs, classes);
  Counter counter(blocks);
  if (model.is_array()) return counter.count(model, variables);
  const Json* type = model.is_object() ? model.find("type") : &model;
  if (const BlockDefinition* block = blocks.find(type->as_string())) counter.use(*block, model, variables);
}

}  // namespace tarn
