// What a list of layers sees: the variables that follow from its input, and the keys that every item may have.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/expression.h"
#include "core/shape.h"

namespace tarn {

/// The variables that the items of a list see.
using Around = std::shared_ptr<const Variables>;

/// channels, length, depth, height, width, inputs and classes: names that expressions see in every list.
const std::vector<std::string>& shape_variables();
/// The keys of an item that belong to the list, whatever its type is: "name", "from", "when", …
bool is_item_key(std::string_view key);
const std::vector<std::string>& item_keys();

/// The variables of a list whose first input has that shape; those that it does not have say so when they are asked
/// for. `classes` is 0 where the data has none.
std::shared_ptr<Variables> list_variables(Around around, const std::vector<Shape>& inputs, int64_t classes);
/// The same before any shape is known.
std::shared_ptr<Variables> unknown_variables();

}  // namespace tarn
