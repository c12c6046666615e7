// Statistics of drawn values.
#include "apps/golden/statistics.h"

#include <algorithm>
#include <cmath>

#include "apps/golden/compare.h"
#include "core/error.h"

namespace tarn::golden {

void Sampled::add(double value) {
  least_ = count_ == 0 ? value : std::min(least_, value);
  most_ = count_ == 0 ? value : std::max(most_, value);
  ++count_;
  const double before = value - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (value - mean_);
}

void Sampled::add(const Tensor& values) {
  for (int64_t i = 0; i < values.numel(); ++i) add(values.at(i));
}

void Sampled::check_mean(const std::string& what, double mean, double deviation) const {
  compare("mean of " + what, mean_, mean, 5 * deviation / std::sqrt(static_cast<double>(count_)) + 1e-12);
}

void Sampled::check_deviation(const std::string& what, double deviation) const {
  // The error of a sample deviation is that of normal values at most: none of the distributions here has longer tails.
  const double found = std::sqrt(squares_ / static_cast<double>(std::max<int64_t>(count_ - 1, 1)));
  compare("deviation of " + what, found, deviation, 5 * deviation / std::sqrt(2.0 * static_cast<double>(count_)));
}

void Sampled::check_range(const std::string& what, double low, double high) const {
  const double slack = 1e-12 * std::max(std::abs(low), std::abs(high));
  if (least_ < low - slack || most_ > high + slack || std::isnan(mean_))
    throw Mismatch{
        text(what, ": values from ", least_, " to ", most_, ", expected them within [", low, ", ", high, "]")};
}

}  // namespace tarn::golden
