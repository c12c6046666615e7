// Gradient checks of every other layer that is registered, first and second order, every input used twice.
#include "tests/support/gradients.h"

namespace tarn::test_gradients_layers {
namespace {

TEST_CASE("gradients of every other layer agree with finite differences, twice") {
  test::check_gradients_of(test::layers_that_pool(false));
}

}  // namespace
}  // namespace tarn::test_gradients_layers
