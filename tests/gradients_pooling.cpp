// Gradient checks of every pooling layer that is registered, first and second order, every input used twice.
#include "tests/support/gradients.h"

namespace tarn::test_gradients_pooling {
namespace {

TEST_CASE("gradients of every pooling layer agree with finite differences, twice") {
  test::check_gradients_of(test::layers_that_pool(true));
}

}  // namespace
}  // namespace tarn::test_gradients_pooling
