// `tarn graph`: the graph of a config's model, as lines of text or as a picture.
#include <cmath>
#include <cstdio>

#include "apps/cli.h"
#include "apps/experiment.h"
#include "apps/graph/from_model.h"
#include "apps/graph/layout.h"
#include "apps/graph/svg.h"
#include "core/file.h"

namespace tarn {

namespace {

GraphDirection read_direction(const std::string& word) {
  check(word == "down" || word == "right", "--direction: ", quote(word), " is none; write down or right");
  return word == "down" ? GraphDirection::down : GraphDirection::right;
}

void write_picture(const Graph& graph, GraphDirection direction, const std::string& file) {
  const GraphLayout layout = lay_out(graph, direction);
  const std::string picture = graph_svg(graph, layout);
  if (file == "-") {
    std::fwrite(picture.data(), 1, picture.size(), stdout);
    return;
  }
  write_file_atomically(file, picture);
  std::printf("%s: %zu boxes, %.0f x %.0f pixels; a browser shows it\n", file.c_str(), graph.nodes.size(),
              std::ceil(layout.width), std::ceil(layout.height));
}

int graph(std::span<const std::string> arguments) {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  std::string file;
  std::string direction = "down";
  int64_t depth = any_depth;
  Cli cli(
      "graph", "CONFIG [flags]",
      "Shows how the layers of CONFIG's model are connected. Without --svg: a line for each, with its type, its output "
      "for one sample,\nits parameters, and what it reads where that is not the line before. With --svg: a picture "
      "with a box for each layer, a frame\naround each block, and shapes where they change; boxes tell more when "
      "pointed at. Nothing is trained.\n\n"
      "A block that is not opened (--depth) is one box. Begin large models with --depth 1 or 2, and look at the whole "
      "afterwards.\n\n"
      "examples:\n  tarn graph digits\n  tarn graph digits --svg digits.svg\n"
      "  tarn graph my.json --depth 2 --direction right --svg - > my.svg");
  cli.words(configs, 1, 1, "CONFIG")
      .flag("--svg", &file, "writes the picture to FILE, or to standard output where FILE is -", "FILE")
      .flag("--depth", &depth,
            "levels that are shown: 1 is the config's list, 2 also what its blocks hold (default: all)", "N")
      .flag("--direction", &direction, "where the picture's edges go: down (default) or right", "WHERE")
      .flag("--set", &overrides, "overrides a value of the config; may be repeated", "PATH=VALUE");
  if (!cli.parse(arguments)) return 0;
  check(depth >= 1, "--depth: ", depth, " is less than 1, which shows the config's list");
  const GraphDirection where = read_direction(direction);
  const Experiment experiment = read_experiment(configs[0], overrides);
  const Data data = load_data(experiment);
  const auto model = build_model(experiment, data, true);
  if (file.empty()) {
    std::fputs(model_outline(*model, experiment.name, depth).c_str(), stdout);
  } else {
    write_picture(model_graph(*model, experiment.name, depth), where, file);
  }
  return 0;
}

const Command& graph_row = add_command(55, "graph", "how layers are connected, as text or as an SVG picture", graph);

}  // namespace

}  // namespace tarn
