// Gradient checks of a list of subjects.
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "apps/gradcheck/subjects.h"

namespace tarn::test {

/// Demands that every subject's derivatives agree with finite differences, or that one without derivatives gives a
/// value.
inline void check_gradients_of(const std::vector<Subject>& subjects) {
  REQUIRE_FALSE(subjects.empty());
  for (const Subject& subject : subjects) {
    CAPTURE(subject.name);
    REQUIRE_MESSAGE(subject.f, "an op needs a sample");
    if (subject.options.differentiable == 0) {
      CHECK(subject.f(subject.inputs).defined());
      continue;
    }
    GradientReport report;
    CHECK_NOTHROW(report = check_gradients(subject.f, subject.inputs, subject.options));
    const std::string failures = report.text();
    CAPTURE(failures);
    CHECK(report.passed());
  }
}

/// The layers whose name says that they pool, or all others.
inline std::vector<Subject> layers_that_pool(bool pool) {
  std::vector<Subject> subjects = layer_subjects({.order = 2});
  std::erase_if(subjects, [&](const Subject& s) { return (s.name.find("ool") != std::string::npos) != pool; });
  return subjects;
}

}  // namespace tarn::test
