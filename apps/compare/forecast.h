// How long the trainings of a comparison will take, judged by those that have ended.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <utility>

namespace tarn {

/// A training takes as long as the last one of its config did or, where there is none yet, as the mean of its group's,
/// or of all.
class Forecast {
 public:
  void took(const std::string& group, const std::string& config, double seconds) {
    of_config_[{group, config}] = seconds;
    of_group_[group].add(seconds);
    all_.add(seconds);
  }
  /// NaN before the first training has ended.
  double seconds(const std::string& group, const std::string& config) const {
    if (const auto own = of_config_.find({group, config}); own != of_config_.end()) return own->second;
    if (const auto some = of_group_.find(group); some != of_group_.end()) return some->second.mean();
    return all_.mean();
  }

 private:
  struct Mean {
    double total = 0, count = 0;
    void add(double value) {
      total += value;
      count += 1;
    }
    double mean() const { return count > 0 ? total / count : std::numeric_limits<double>::quiet_NaN(); }
  };
  std::map<std::pair<std::string, std::string>, double> of_config_;
  std::map<std::string, Mean> of_group_;
  Mean all_;
};

}  // namespace tarn
