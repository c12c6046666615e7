// Mean, deviation and range of many drawn values, and whether they are what a distribution promises.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace tarn::golden {

/// Running statistics of a sample.
class Sampled {
 public:
  void add(double value);
  void add(const Tensor& values);
  int64_t count() const { return count_; }
  double least() const { return least_; }
  double most() const { return most_; }

  /// Throw a Mismatch where the sample's value is more than five standard errors away from the expected one.
  void check_mean(const std::string& what, double mean, double deviation) const;
  void check_deviation(const std::string& what, double deviation) const;
  /// Throws a Mismatch where a value lies outside [low, high].
  void check_range(const std::string& what, double low, double high) const;

 private:
  int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;  // Welford's running mean and sum of squared differences
  double least_ = 0, most_ = 0;
};

}  // namespace tarn::golden
