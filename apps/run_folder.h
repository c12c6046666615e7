// The folder of a run: its files, how they are written, and how a run is opened again.
#pragma once

#include <optional>
#include <string>

#include "apps/trainer.h"

namespace tarn {

/// The files of one run. Every write replaces a file atomically, and every tensor file carries a checksum.
class RunFolder {
 public:
  /// Makes the folder where it is missing. Throws where it already holds a run, unless `resume`.
  static RunFolder create(const std::string& path, bool resume);
  /// Opens the folder of a run; throws where there is none.
  static RunFolder open(const std::string& path);
  /// "runs/NAME-TIME", or with a number behind it where that exists.
  static std::string default_path(const std::string& name);

  const std::string& path() const { return path_; }
  std::string file(const char* name) const { return path_ + "/" + name; }

  void write_config(const Json& resolved, const std::string& folder) const;
  Experiment read_config() const;
  /// best (where the trainer says so), last, metrics and, last of all, the state that resuming reads.
  void save(Trainer& trainer) const;
  /// Continues from the saved state; false where there is none yet.
  bool restore(Trainer& trainer) const;
  /// Reads "best" or "last" weights into a model; throws where a tensor is missing or has another shape.
  void load_weights(const char* name, Module& model) const;
  void write(const char* name, const std::string& text) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace tarn
