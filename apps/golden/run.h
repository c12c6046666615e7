// Runs one reference case and says what became of it.
#pragma once

#include <string>

#include "apps/golden/group.h"

namespace tarn::golden {

enum class Status { passed, failed, skipped };

/// "passed", "failed" or "skipped".
const char* status_name(Status status);

/// What became of a case, and why where it did not pass.
struct Outcome {
  Status status = Status::passed;
  std::string why;
};

/// Runs the case and compares outputs, buffers, gradients and second derivatives as the format's README says. Throws
/// BadFile only.
Outcome run_case(const Group& group, const Json& json);

}  // namespace tarn::golden
