// What `--profile` prints and writes.
#pragma once

#include <string>

#include "core/profile.h"

namespace tarn {

/// Two tables, by op and by layer, in milliseconds for one of `steps` steps; of each the `lines` largest rows.
std::string profile_table(const Profile& profile, int64_t steps, size_t lines = 16);

/// Writes the events for chrome://tracing or Perfetto and says so, with a word where some were left out. Throws where
/// the file cannot be written.
std::string write_trace(const Profile& profile, const std::string& path);

}  // namespace tarn
