// `tarn gradcheck`: analytic against numeric derivatives of ops, layers and whole configs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/gradcheck.h"

namespace tarn {

struct GradcheckOptions {
  std::string config;                  ///< a config file, or
  std::vector<std::string> overrides;  ///< "PATH=VALUE", of the config
  std::string layer;                   ///< a layer's JSON, or a list of layers, with
  std::vector<std::string> shapes;     ///< "N,C,H,W" for each input, or
  bool all = false;                    ///< every registered op, layer and loss
  GradientCheckOptions how = {.order = 2};
  bool json = false;
  bool quiet = false;  ///< no progress bar
};

/// Prints a line for each op or layer, tensor and order, and the totals. Where `how.seconds` limits the time, all
/// subjects share it. Returns 0, or 1 where a derivative is wrong;
/// throws an Error where the options or the config are.
int gradcheck_command(const GradcheckOptions& options, std::ostream& out);

}  // namespace tarn
