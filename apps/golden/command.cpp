// The flags of `tarn golden`.
#include <iostream>

#include "apps/cli.h"
#include "apps/golden/golden.h"

namespace tarn {
namespace {

int run_golden(std::span<const std::string> arguments) {
  GoldenOptions options;
  std::vector<std::string> words;
  Cli cli("golden", "DIR [GROUP...]",
          "Runs the reference cases in a folder (all groups, or those named) and compares results and derivatives.\n"
          "The format is described in tests/golden/README.md.\n\n"
          "  tarn golden tests/golden conv max_pool");
  cli.flag("--json", &options.json, "one JSON object for each case that did not pass, then the totals");
  cli.words(words, 1, -1, "the folder, then groups");
  if (!cli.parse(arguments)) return 0;
  options.folder = words[0];
  options.groups.assign(words.begin() + 1, words.end());
  return golden_command(options, std::cout);
}

const Command& golden_row = add_command(70, "golden", "runs reference cases and counts what passes", run_golden);

}  // namespace
}  // namespace tarn
