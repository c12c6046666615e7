// Gradient checks of everything registered: each op and layer, first and second order, every input used twice.
#include <doctest/doctest.h>

#include "apps/gradcheck/subjects.h"

namespace tarn::test_gradients {
namespace {

void check_all(const std::vector<Subject>& subjects) {
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

TEST_CASE("gradients of every op agree with finite differences, twice") {
  check_all(op_subjects({.order = 2}));
}

TEST_CASE("gradients of every layer agree with finite differences, twice") {
  check_all(layer_subjects({.order = 2}));
}

TEST_CASE("gradients of every loss agree with finite differences, twice") {
  check_all(loss_subjects({.order = 2}));
}

TEST_CASE("a sample's numeric derivative is not drowned in kinks") {
  // A kink lets any slope between the two sides pass; samples are there to avoid them.
  for (const Subject& subject : op_subjects({})) {
    if (!subject.f || subject.options.differentiable == 0) continue;
    CAPTURE(subject.name);
    for (const InputCheck& c : check_gradients(subject.f, subject.inputs, subject.options).checks)
      CHECK(c.verdict != Verdict::kink);
  }
}

}  // namespace
}  // namespace tarn::test_gradients
