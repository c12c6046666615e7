// Results of `tarn compare` as the manual shows them.
#pragma once

#include <string>
#include <vector>

#include "apps/compare/compare.h"

namespace tarn {

/// A comparison on one data set.
struct PoolResults {
  std::string data;                ///< name of the data set, which is the file's
  std::vector<Contestant> ranked;  ///< the best first
};

/// Every NAME.jsonl in the folder, sorted by name; none where there is no such folder. Throws where a line is broken.
std::vector<PoolResults> read_results(const std::string& folder);

/// The contestants' means and ranges as a picture, the best on top.
std::string results_picture(const PoolResults& results);

/// "MaxPool2d" and "MaxPool2d-wide" belong to "MaxPool": the name up to the first mark, without the dimensions.
std::string family_of(const std::string& name);

}  // namespace tarn
