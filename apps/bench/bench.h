// `tarn bench`: how long named workloads, a layer, or a training step of a config take.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace tarn {

struct BenchOptions {
  std::vector<std::string> names;           ///< parts of workload names; empty: all
  std::string layer = {};                   ///< a layer's JSON or a list of layers, with
  std::vector<std::string> shapes = {};     ///< "N,C,H,W" for each input
  std::string config = {};                  ///< an experiment's file, with
  std::vector<std::string> overrides = {};  ///< "PATH=VALUE" for the config
  int64_t batch = 0;                        ///< how many samples a step has; 0: as the config says
  double seconds = 2;                       ///< spent on each workload, after three runs that do not count
  bool json = false;
  std::string profile = {};  ///< file for a trace of one workload's time
};

/// Prints median and least time of each workload, and how near the least is to the machine's peak. Throws an Error for
/// a name that no workload has.
int bench_command(const BenchOptions& options, std::ostream& out);

}  // namespace tarn
