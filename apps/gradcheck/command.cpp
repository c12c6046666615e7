// The flags of `tarn gradcheck`.
#include <iostream>

#include "apps/cli.h"
#include "apps/gradcheck/gradcheck.h"

namespace tarn {
namespace {

int run(std::span<const std::string> arguments) {
  GradcheckOptions options;
  int64_t order = 2;
  std::vector<std::string> words;
  Cli cli("gradcheck", "CONFIG | --layer JSON --shape N,C,H,W | --all",
          "Compares analytic with numeric derivatives in float64, first and second order.\n\n"
          "  tarn gradcheck --all\n"
          "  tarn gradcheck digits\n"
          "  tarn gradcheck --layer '{\"type\": \"Conv2d\", \"out_channels\": 3, \"kernel_size\": 3}' --shape 2,2,5,5");
  cli.flag("--all", &options.all, "every registered op, layer and loss")
      .flag("--layer", &options.layer, "a layer's config, its name, or a list of layers", "JSON")
      .flag("--shape", &options.shapes, "shape of the layer's input; once for each input", "N,C,H,W")
      .flag("--order", &order, "1: gradients only; 2: second derivatives, too (default)", "N")
      .flag("--json", &options.json, "one JSON object a line");
  cli.words(words, 0, 1, "a config file, or the name of a built-in one");
  if (!cli.parse(arguments)) return 0;
  if (!words.empty()) options.config = words[0];
  options.order = order == 1 ? 1 : order == 2 ? 2 : 0;
  return gradcheck_command(options, std::cout);
}

const Command& command = add_command(60, "gradcheck", "compares analytic with numeric derivatives", run);

}  // namespace
}  // namespace tarn
