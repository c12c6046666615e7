// Gradient checks of everything registered: each op and loss, first and second order, every input used twice. Those of
// layers, which take longest, are in files of their own.
#include "tests/support/gradients.h"

#include <doctest/doctest.h>

namespace tarn::test_gradients {
namespace {

TEST_CASE("gradients of every op agree with finite differences, twice") {
  test::check_gradients_of(op_subjects({.order = 2}));
}

TEST_CASE("gradients of every loss agree with finite differences, twice") {
  test::check_gradients_of(loss_subjects({.order = 2}));
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
