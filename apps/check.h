// What `tarn check` finds: every mistake of a config, from its text to the shapes of its model, in one run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/experiment.h"

namespace tarn {

/// What a config that is right describes.
struct Checked {
  std::string summary;  ///< "12 layers, 34,567 parameters, input [1,8,8], output [1,10]"
  std::string remark;   ///< what is most likely not meant; empty where there is nothing to say
};

/// Builds all that an experiment describes, as for training on these data, and trains nothing. Throws one Error with a
/// line for each mistake; parts that do not need one another are checked whatever is wrong elsewhere. Returns the
/// network, whose parameters have no values.
std::unique_ptr<Model> check_experiment(const Experiment& experiment, const Data& data);

/// Reads a config, loads its data, and builds model, loss, optimizer and schedule without training them. Throws one
/// Error with a line for each mistake; parts that do not need one another are checked whatever is wrong elsewhere.
Checked check_config(const std::string& path, const std::vector<std::string>& overrides = {});

}  // namespace tarn
