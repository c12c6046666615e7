// A validator for the part of JSON Schema (draft 2020-12) that Tarn's schema uses.
#pragma once

#include <string>

#include "core/json.h"

namespace tarn {

/// Why `value` does not fit `schema`, or nothing where it does. `root` is what "$ref" points into. Throws where the
/// schema has a keyword that this validator does not know.
std::string schema_mistake(const Json& value, const Json& schema, const Json& root);

}  // namespace tarn
