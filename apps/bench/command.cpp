// The flags of `tarn bench`.
#include <iostream>

#include "apps/bench/bench.h"
#include "apps/cli.h"

namespace tarn {
namespace {

int run_bench(std::span<const std::string> arguments) {
  BenchOptions options;
  int64_t wanted_threads = 0;
  Cli cli(
      "bench", "[NAME...] | --layer JSON --shape N,C,H,W | --config CONFIG --batch N",
      "Times the named workloads (all without a name), forward and backward of one layer, or a config's training "
      "step.\n"
      "A name stands for every workload that contains it. GFLOP/s count multiplications and additions of products and\n"
      "convolutions by their definition, GB/s each op's inputs and output once, forward and backward; \"of peak\" is "
      "the\nlarger of both against what this machine reaches (tarn info --peak): above 100% a kernel does with less "
      "work, or\nthe caches hold the tensors. \"tensors MB\" is the most that tensors took at one time, \"peak MB\" "
      "the most that the\nwhole program did.\n\n"
      "  tarn bench pool/ train/lenet\n"
      "  tarn bench --layer '{\"type\": \"MaxPool2d\", \"kernel_size\": 2}' --shape 32,64,56,56");
  cli.flag("--seconds", &options.seconds, "time spent on each workload", "S")
      .flag("--threads", &wanted_threads, "threads to use (default: all processors)", "N")
      .flag("--layer", &options.layer, "a layer's config, its name, or a list of layers", "JSON")
      .flag("--shape", &options.shapes, "shape of the layer's input; once for each input", "N,C,H,W")
      .flag("--config", &options.config, "a config file, or the name of a built-in one", "CONFIG")
      .flag("--batch", &options.batch, "samples in a step of the config", "N")
      .flag("--set", &options.overrides, "overrides a value of the config; may be repeated", "PATH=VALUE")
      .flag("--profile", &options.profile,
            "for one workload: runs it once more, shows the time of each op and layer, and writes a trace for "
            "chrome://tracing",
            "FILE")
      .flag("--json", &options.json, "one JSON object a line");
  cli.words(options.names, 0, -1, "parts of workload names");
  if (!cli.parse(arguments)) return 0;
  use_threads(wanted_threads);
  return bench_command(options, std::cout);
}

const Command& bench_row = add_command(80, "bench", "times workloads, a layer, or a config's training step", run_bench);

}  // namespace
}  // namespace tarn
