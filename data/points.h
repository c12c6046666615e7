// What the sets of points in the plane have in common.
#pragma once

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "data/dataset.h"

namespace tarn {

/// Draws n points: point i belongs to class i % classes and lies at place(class, k, u), with k its number within the
/// class and u uniform in [0, 1), plus normal noise on both coordinates.
template <class Place>
Samples draw_points(const std::string& name, int64_t n, int64_t classes, double noise, uint64_t seed, Place place) {
  const Stream where{seed, purpose_of(name + "/where"), 0};
  const Stream around{seed, purpose_of(name + "/noise"), 0};
  Tensor x({n, 2});
  Tensor y({n}, Dtype::i64);
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t k = static_cast<uint64_t>(i);
    const std::array<double, 2> at = place(i % classes, i / classes, where.uniform(k));
    for (uint64_t axis = 0; axis < 2; ++axis)
      x.fill<float>()[2 * k + axis] = static_cast<float>(at[axis] + noise * around.normal(2 * k + axis));
    y.fill<int64_t>()[i] = i % classes;
  }
  Samples samples;
  samples.all = {x, y};
  for (int64_t c = 0; c < classes; ++c) samples.class_names.push_back(text(c));
  samples.description = text(name, ": ", n, " points in the plane, ", classes, " classes");
  return samples;
}

}  // namespace tarn
