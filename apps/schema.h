// The JSON Schema of a config, made from the registries.
#pragma once

#include "core/json.h"

namespace tarn {

/// A JSON Schema (draft 2020-12) that accepts the configs that can be read: every key, type, choice and bound. What
/// depends on several values at once, such as shapes, it cannot say; `tarn check` does.
Json experiment_schema();

}  // namespace tarn
