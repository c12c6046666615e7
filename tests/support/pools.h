// What tests of pooling share: random geometries, values with ties, infinities and NaN, and comparisons.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/ops/window.h"
#include "core/random.h"

namespace tarn::test {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

// Draws geometries and small whole numbers; sums of those are exact whatever their order.
class Draws {
 public:
  explicit Draws(uint64_t seed) : random_{seed, purpose_of("pool"), 0} {}
  int64_t pick(int64_t low, int64_t high) { return low + random_.below(i_++, high - low + 1); }

  Windows windows(const Shape& x, int rank) {
    if (pick(0, 3) == 0) {
      std::vector<std::optional<int64_t>> sizes;
      for (int i = 0; i < rank; ++i) sizes.push_back(pick(0, 5) == 0 ? std::optional<int64_t>() : pick(1, 9));
      return adaptive_windows("pool", x, rank, sizes);
    }
    SlidingOptions o;
    const bool plain = pick(0, 1) == 1;
    for (int i = 0; i < rank; ++i) {
      o.kernel_size.push_back(pick(1, 4));
      o.stride.push_back(pick(1, 3));
      o.padding.push_back(pick(0, o.kernel_size.back() / 2));
      o.dilation.push_back(plain ? 1 : pick(1, 2));
    }
    o.ceil_mode = pick(0, 1) == 1;
    o.same = pick(0, 5) == 0;
    o.count_include_pad = pick(0, 1) == 1;
    if (pick(0, 4) == 0) o.divisor_override = pick(0, 1) == 1 ? 4 : -2;
    return sliding_windows("pool", x, rank, o);
  }

  Shape shape(int rank) {
    const int64_t most = rank == 3 ? 7 : rank == 2 ? 19 : 70;
    std::vector<int64_t> sizes;
    if (pick(0, 3) > 0) sizes.push_back(pick(0, 5) == 0 ? 0 : pick(1, 2));
    sizes.push_back(pick(1, 3));
    for (int i = 0; i < rank; ++i) sizes.push_back(pick(1, most));
    return Shape(sizes);
  }

  // Few different values, so that ties are common. With `wild`, also infinities and NaN.
  Tensor values(const Shape& s, Dtype dtype, bool wild = false) {
    std::vector<double> v(static_cast<size_t>(s.numel()));
    for (double& e : v) {
      e = static_cast<double>(pick(-9, 9));
      if (wild && pick(0, 3) == 0) e = pick(0, 2) == 0 ? no_number : pick(0, 2) == 0 ? infinity : -infinity;
    }
    return Tensor(s, v).to(dtype);
  }

 private:
  Stream random_;
  uint64_t i_ = 0;
};

inline void check_equal(const Tensor& got, const std::vector<double>& expected) {
  REQUIRE(got.numel() == static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < got.numel(); ++i) {
    const double want = expected[static_cast<size_t>(i)];
    if (std::isnan(want))
      REQUIRE(std::isnan(got.at(i)));
    else
      REQUIRE(got.at(i) == want);
  }
}

// Where the order of additions matters: relative to the largest value.
inline void check_near(const Tensor& got, const std::vector<double>& expected) {
  REQUIRE(got.numel() == static_cast<int64_t>(expected.size()));
  double largest = 1;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  const double allowed = largest * (got.dtype() == Dtype::f32 ? 1e-6 : 1e-14);
  for (int64_t i = 0; i < got.numel(); ++i) REQUIRE(std::abs(got.at(i) - expected[static_cast<size_t>(i)]) <= allowed);
}

template <class Body>
void each_configuration(uint64_t seed, int trials, Body body) {
  Draws draws(seed);
  int tried = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const int rank = static_cast<int>(draws.pick(1, 3));
    const Shape shape = draws.shape(rank);
    Windows w;
    try {
      w = draws.windows(shape, rank);
    } catch (const Error&) {
      continue;
    }
    ++tried;
    CAPTURE(shape.text());
    for (const Axis& a : w.axes) CAPTURE(a.output);
    body(draws, shape, w, trial % 2 == 0 ? Dtype::f32 : Dtype::f64);
  }
  CHECK(tried > trials / 3);
}

}  // namespace tarn::test
