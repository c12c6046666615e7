// Makes the variables of a list from the shape of its input.
#include "layers/scope.h"

#include <algorithm>

#include "core/error.h"
#include "layers/module.h"

namespace tarn {

const std::vector<std::string>& shape_variables() {
  static const std::vector<std::string> names{"channels", "length", "depth", "height", "width", "inputs", "classes"};
  return names;
}

const std::vector<std::string>& item_keys() {
  static const std::vector<std::string> keys{"type", "name", "from", "shared", "init",
                                             "when", "for",  "in",   "body",   "size_of"};
  return keys;
}

bool is_item_key(std::string_view key) {
  return std::ranges::find(item_keys(), key) != item_keys().end();
}

std::shared_ptr<Variables> list_variables(Around around, const std::vector<Shape>& inputs, int64_t classes) {
  auto variables = std::make_shared<Variables>(std::move(around));
  const Shape x = inputs.empty() ? Shape() : inputs.front();
  const auto size = [&](const char* name, bool there, int dimension) {
    if (there)
      variables->set_given(name, x[dimension]);
    else
      variables->set_absent(name, text("the input ", batch_text(x), " has no ", name));
  };
  const int rank = x.rank();
  size("channels", rank >= 2, 1);
  size("length", rank == 3, 2);
  size("depth", rank == 5, 2);
  size("height", rank == 4 || rank == 5, rank - 2);
  size("width", rank == 4 || rank == 5, rank - 1);
  variables->set_given("inputs", inputs.size());
  if (classes > 0)
    variables->set_given("classes", classes);
  else
    variables->set_absent("classes", "the data has no classes; write the number");
  return variables;
}

std::shared_ptr<Variables> unknown_variables() {
  auto variables = std::make_shared<Variables>();
  for (const std::string& name : shape_variables()) variables->set_given(name, nullptr);
  return variables;
}

}  // namespace tarn
