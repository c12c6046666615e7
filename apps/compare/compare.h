// `tarn compare`: trains several configs from several seeds and tells how they differ.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"

namespace tarn {

/// A config that takes part.
struct Entrant {
  static constexpr const char* named_group = "results";
  std::string path;
  std::string name;   ///< the file's, without .json
  std::string group;  ///< those of one group are ranked together, and GROUP.jsonl has their trainings
};

/// What the arguments stand for, by group: a folder for all .json files in it and below, each in the group of the
/// folder that it lies in; a config that is named itself is in the group "results". Throws where a folder has none, and
/// where two of a group have one name.
std::vector<Entrant> entrants_of(const std::vector<std::string>& arguments);

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
  bool by_accuracy() const;      ///< whether it is ranked by accuracy, not by loss
};

/// By config, the best mean accuracy first (or the least loss).
std::vector<Contestant> ranked(const std::vector<Trial>& trials);

/// The contestants of each group, ranked.
using Rankings = std::map<std::string, std::vector<Contestant>>;

/// The comparison as Markdown, as text for a terminal, and as a page with plots. A heading names each group where there
/// are several.
std::string comparison_markdown(const std::vector<Contestant>& contestants);
std::string comparison_markdown(const Rankings& groups);
std::string comparison_text(const std::vector<Contestant>& contestants);
std::string comparison_text(const Rankings& groups);
std::string comparison_html(const std::string& title, const Rankings& groups);

/// Of each contestant a row of an SVG: mean and range of the accuracy (or loss), time per epoch, and memory. Empty
/// where nothing was trained to its end.
std::string comparison_plot(const std::vector<Contestant>& contestants);

struct CompareOptions {
  std::vector<std::string> configs;  ///< files, built-in names and folders
  std::vector<std::string> overrides;
  int64_t seeds = 5;
  std::string out;
  bool quiet = false;
  bool json = false;
};

/// Trains what the folder `out` does not hold yet, first everything from seed 0, then from seed 1, …, and writes
/// GROUP.jsonl, table.md and report.html there after every training. Returns 1 where a training failed, which does not
/// stop the others. Throws an Error for a bad config, or data that cannot be loaded, before anything is trained.
int compare_command(const CompareOptions& options);

}  // namespace tarn
