// What the search for values that are not finite throws.
#pragma once

#include "core/error.h"

namespace tarn {

/// Tape::check_finite() found the first value that is not finite; the message names layer, op and input ranges.
class NotFinite : public Error {
 public:
  using Error::Error;
};

}  // namespace tarn
