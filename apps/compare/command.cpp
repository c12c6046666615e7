// The flags of `tarn compare`.
#include "apps/cli.h"
#include "apps/compare/compare.h"
#include "core/parallel.h"

namespace tarn {
namespace {

int run(std::span<const std::string> arguments) {
  CompareOptions options;
  options.out = "runs/comparison";
  int64_t epochs = -1;
  int64_t wanted_threads = 0;
  Cli cli(
      "compare", "CONFIG... [flags]",
      "Trains each CONFIG from several seeds and compares test accuracy, time per epoch and memory.\n"
      "The folder gets results.jsonl (a line for each training), table.md and report.html (table and plot). What it "
      "holds already\nis not trained again, so that a comparison can be stopped, continued and added to.\n\n"
      "examples:\n"
      "  tarn compare apps/configs/pooling/*.json\n"
      "  tarn compare a.json b.json --seeds 3 --set train.epochs=5 --out runs/a_or_b");
  cli.words(options.configs, 1, -1, "CONFIG")
      .flag("--seeds", &options.seeds, "trainings of each config, with seeds 0, 1, … (default 5)", "N")
      .flag("--out", &options.out, "folder of the comparison (default: runs/comparison)", "DIR")
      .flag("--set", &options.overrides, "overrides a value of every config; may be repeated", "PATH=VALUE")
      .flag("--epochs", &epochs, "the same as --set train.epochs=N", "N")
      .flag("--threads", &wanted_threads, "threads to use (default: all processors)", "N")
      .flag("--quiet", &options.quiet, "no progress")
      .flag("--json", &options.json, "one JSON object a line: each training as it ends");
  if (!cli.parse(arguments)) return 0;
  use_threads(wanted_threads);
  if (epochs >= 0) options.overrides.push_back("train.epochs=" + std::to_string(epochs));
  return compare_command(options);
}

const Command& command = add_command(15, "compare", "trains several configs from several seeds and ranks them", run);

}  // namespace
}  // namespace tarn
