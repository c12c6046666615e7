// The folder of a run: its files, how they are written, and how a run is opened again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apps/trainer.h"
#include "core/folder.h"

namespace tarn {

/// The files of one run. Every write replaces a file atomically, and every tensor file carries checksums.
class RunFolder {
 public:
  /// Makes the folder where it is missing, holds it against other programs, and clears what a killed one left. Throws
  /// where it already holds a run, unless `resume`.
  static RunFolder create(const std::string& path, bool resume);
  /// Opens the folder of a run to read it; throws where there is none.
  static RunFolder open(const std::string& path);
  /// "runs/NAME-TIME", or with a number behind it where that exists.
  static std::string default_path(const std::string& name);

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return text(path_, "/", name); }

  void write_config(const Json& resolved, const std::string& folder);
  Experiment read_config() const;
  /// best (where the trainer says so), last, metrics and, last of all, the state that resuming reads; the state before
  /// it is kept. Throws Diverged, and writes nothing, where the weights are no numbers any more. Where a file cannot be
  /// written the state on the disk is still the one before, and the best weights are kept for the next time.
  void save(Trainer& trainer);
  /// Writes what a training held when it diverged, for a look at it, and says where.
  std::string save_diverged(Trainer& trainer) const;

  /// What restore() found.
  struct Restored {
    bool any = false;      ///< there was a state to go on from
    std::string warnings;  ///< a line for each thing that was not as it should be, and what was done; empty: all well
  };
  /// Continues from the saved state, or from the one before it where that is damaged; then writes the metrics as they
  /// were. Throws where there are states but none is whole.
  Restored restore(Trainer& trainer) const;
  /// A line that says so where config.json is not as it was when the run was last saved, or where the file that knows
  /// is damaged; else empty.
  std::string changed_config() const;
  /// Reads "best" or "last" weights into a model; throws where a tensor is missing or has another shape.
  void load_weights(const char* name, Module& model) const;
  void write(std::string_view name, const std::string& text) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  void write_metrics(const Trainer& trainer) const;

  std::string path_;
  std::optional<FolderLock> lock_;
  std::string config_sum_;
  NamedValues best_;  // weights that could not be written yet
};

}  // namespace tarn
