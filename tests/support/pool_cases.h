// The names of pooling_examples.h in namespace tarn, for tests that were written with them.
#pragma once

#include "tests/support/pooling_examples.h"

namespace tarn {

using test::check_derivatives;
using test::check_example;
using test::check_refused;
using test::check_values;
using test::layer_of;
using test::part;
using test::run;
using test::square3;
using test::square4;
using test::tiles;

inline Tensor values_of(const Shape& shape, std::vector<double> values) {
  return test::tensor(shape, values);
}

}  // namespace tarn
