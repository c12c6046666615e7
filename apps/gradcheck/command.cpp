// The flags of `tarn gradcheck`.
#include <iostream>

#include "apps/cli.h"
#include "apps/gradcheck/gradcheck.h"

namespace tarn {
namespace {

constexpr const char* kAbout =
    "Compares analytic with numeric derivatives in float64, first and second order. A line for each tensor names its "
    "worst\ncomparison: the element (or \"all\", a random direction over all of them), both values, the error relative "
    "to the size "
    "of the\nderivatives, and the step. At a kink, where no derivative exists because a maximum, a comparison or a "
    "sign "
    "changes at that\nvery point, the verdict is \"kink\": the value was that of one of the pieces that meet there.\n\n"
    "  tarn gradcheck --all\n"
    "  tarn gradcheck digits --mode sampled --samples 20 --seconds 30\n"
    "  tarn gradcheck --layer '{\"type\": \"Conv2d\", \"out_channels\": 3, \"kernel_size\": 3}' --shape 2,2,5,5 --mode "
    "full";

int run_gradcheck(std::span<const std::string> arguments) {
  GradcheckOptions options;
  int64_t order = 2;
  int64_t directions = options.how.directions;
  int64_t seed = 0;
  std::string mode = "automatic";
  std::vector<std::string> words;
  Cli cli("gradcheck", "CONFIG | --layer JSON --shape N,C,H,W | --all", kAbout);
  cli.flag("--all", &options.all, "every registered op, layer and loss")
      .flag("--layer", &options.layer, "a layer's config, its name, or a list of layers", "JSON")
      .flag("--shape", &options.shapes, "shape of the layer's input; once for each input", "N,C,H,W")
      .flag("--order", &order, "1: gradients only; 2: second derivatives, too (default)", "N")
      .flag("--mode", &mode,
            "full: every element; projection: random directions; sampled: random elements; automatic: projections and "
            "some elements (default)",
            "NAME")
      .flag("--directions", &directions, "random directions for each tensor (default 3)", "N")
      .flag("--samples", &options.how.samples, "elements tried for each tensor where not all are (default 8)", "N")
      .flag("--seconds", &options.how.seconds,
            "time budget: what is left when it is spent is counted, not compared (default: none)", "S")
      .flag("--step", &options.how.step, "largest step of the differences (default 1/256)", "H")
      .flag("--tolerance", &options.how.tolerance, "largest relative error that passes (default 1e-6)", "E")
      .flag("--seed", &seed, "of directions, elements and cotangents (default 0)", "N")
      .flag("--set", &options.overrides, "overrides a value of CONFIG; may be repeated", "PATH=VALUE")
      .flag("--quiet", &options.quiet, "no progress bar")
      .flag("--json", &options.json, "one JSON object a line");
  cli.words(words, 0, 1, "a config file, or the name of a built-in one");
  if (!cli.parse(arguments)) return 0;
  if (!words.empty()) options.config = words[0];
  check(order == 1 || order == 2, "gradcheck: --order ", order, " must be 1 or 2");
  check(directions >= 1 && directions <= 1 << 20, "gradcheck: --directions ", directions, " must be positive");
  check(options.how.samples >= 1, "gradcheck: --samples ", options.how.samples, " must be positive");
  check(options.how.seconds >= 0, "gradcheck: --seconds ", options.how.seconds, " must not be negative");
  check(options.how.step > 0 && options.how.step < 1, "gradcheck: --step ", options.how.step, " is outside (0, 1)");
  check(options.how.tolerance > 0, "gradcheck: --tolerance ", options.how.tolerance, " must be positive");
  options.how.order = static_cast<int>(order);
  options.how.directions = static_cast<int>(directions);
  options.how.seed = static_cast<uint64_t>(seed);
  options.how.mode = check_mode_named(mode);
  return gradcheck_command(options, std::cout);
}

const Command& gradcheck_row =
    add_command(60, "gradcheck", "compares analytic with numeric derivatives", run_gradcheck);

}  // namespace
}  // namespace tarn
