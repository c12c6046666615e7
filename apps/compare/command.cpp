// The flags of `tarn compare`.
#include "apps/cli.h"
#include "apps/compare/compare.h"
#include "core/parallel.h"

namespace tarn {
namespace {

int run_compare(std::span<const std::string> arguments) {
  CompareOptions options;
  options.out = "runs/comparison";
  int64_t epochs = -1;
  int64_t wanted_threads = 0;
  Cli cli(
      "compare", "CONFIG... [flags]",
      "Trains each CONFIG from several seeds and compares test accuracy, time per epoch and memory.\n"
      "A folder stands for all .json files in it and below. Those that lie in one folder are ranked together, apart "
      "from those of\nother folders: accuracies on different data cannot be compared. Configs that are named one by "
      "one "
      "are ranked together.\n"
      "The output folder gets a line for each training in GROUP.jsonl, GROUP being the configs' folder (results.jsonl "
      "for "
      "those named\none by one), table.md and report.html (tables and plots). What it holds already is not trained "
      "again, so that a comparison\ncan be stopped, continued and added to.\n\n"
      "examples:\n"
      "  tarn compare apps/configs/pooling --out runs/poolings\n"
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

const Command& compare_row =
    add_command(15, "compare", "trains several configs from several seeds and ranks them", run_compare);

}  // namespace
}  // namespace tarn
