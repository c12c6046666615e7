// `tarn compare`: trains several configs from several seeds and tells how they differ.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/json.h"

namespace tarn {

/// What one training came to.
struct Trial {
  std::string config;  ///< name of the config
  std::string key;     ///< checksum of the resolved config: what was trained
  int64_t seed = 0;
  double accuracy = 0;  ///< on the test part, by the best weights; NaN where there are no classes
  double loss = 0;
  double epoch_seconds = 0;  ///< the fastest epoch's
  double tensors_mb = 0;     ///< the most that tensors took beyond the data
  int64_t parameters = 0;
  std::string failure = {};  ///< why it ended, where it did not end well
};
Json to_json(const Trial& trial);
Trial trial_from(const Json& json);

/// All trainings of one config.
struct Contestant {
  std::string config;
  std::vector<Trial> trials;

  double mean() const;    ///< of the accuracy, or of the loss where there is none
  double spread() const;  ///< standard deviation of that over the seeds; 0 for one seed
  double least() const;
  double most() const;
  double epoch_seconds() const;  ///< the least
  double tensors_mb() const;     ///< the largest
};

/// By config, the best mean accuracy first (or the least loss).
std::vector<Contestant> ranked(const std::vector<Trial>& trials);

/// The comparison as Markdown, as text for a terminal, and as a page with a plot.
std::string comparison_markdown(const std::vector<Contestant>& contestants);
std::string comparison_text(const std::vector<Contestant>& contestants);
std::string comparison_html(const std::string& title, const std::vector<Contestant>& contestants);

struct CompareOptions {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  int64_t seeds = 5;
  std::string out;
  bool quiet = false;
  bool json = false;
};

/// Trains what the folder `out` does not hold yet, and writes results.jsonl, table.md and report.html there after every
/// training. Returns 1 where a training failed. Throws an Error for a bad config before anything is trained.
int compare_command(const CompareOptions& options);

}  // namespace tarn
