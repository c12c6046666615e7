// `tarn summary` and `tarn check`: what a config describes, without training it.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "apps/check.h"
#include "apps/cli.h"
#include "apps/experiment.h"
#include "apps/model_table.h"
#include "core/count.h"

namespace tarn {

namespace {

void print_row(const std::vector<size_t>& widths, const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string space(widths[i] - std::min(widths[i], cells[i].size()), ' ');
    line += i < 3 ? cells[i] + space + "  " : space + cells[i] + "  ";  // words to the left, numbers to the right
  }
  line.erase(line.find_last_not_of(' ') + 1);
  std::printf("%s\n", line.c_str());
}

/// `held`: bytes of the whole batch, where they were measured.
void print_table(const std::vector<ModelRow>& rows, const Shape& input, std::optional<int64_t> held) {
  std::vector<std::vector<std::string>> cells{
      {"layer", "type", "output", "parameters", "multiply-adds", "activations"}};
  cells.push_back({"input", "", input.text(), "", "", bytes_text(input.numel() * 4)});
  ModelRow total{"total", "", "", 0, 0, input.numel() * 4};
  for (const ModelRow& r : rows) {
    cells.push_back({r.name, r.type, r.shape, grouped(r.parameters), grouped(r.multiply_adds), bytes_text(r.bytes)});
    total.parameters += r.parameters;
    total.multiply_adds = count_sum(total.multiply_adds, r.multiply_adds);
    total.bytes = count_sum(total.bytes, r.bytes);
  }
  cells.push_back(
      {total.name, "", "", grouped(total.parameters), grouped(total.multiply_adds), bytes_text(total.bytes)});
  if (held) {
    cells[0].push_back("held by the tape");
    cells[1].push_back("");
    for (size_t i = 0; i < rows.size(); ++i) cells[i + 2].push_back(bytes_text(rows[i].held));
    cells.back().push_back(bytes_text(*held));
  }
  std::vector<size_t> widths(cells[0].size(), 0);
  for (const auto& row : cells)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : cells) print_row(widths, row);
}

int summary(std::span<const std::string> arguments) {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  bool json = false;
  int64_t depth = 64;
  int64_t batch = 0;
  Cli cli("summary", "CONFIG [flags]",
          "Shows the model of CONFIG layer by layer, for one sample: output shape, parameters, multiply-adds, and the "
          "memory that its\n"
          "activations take in float32. Nothing is trained. With --batch it runs forward once, and shows what the tape "
          "keeps\n"
          "of each layer until the backward pass has been there: the memory that training such a batch "
          "takes.\n\nexamples:\n  tarn summary digits\n  tarn summary "
          "resnet20 --depth 1\n  tarn summary simplenet --batch 128\n  tarn summary my.json --json");
  cli.words(configs, 1, 1, "CONFIG")
      .flag("--depth", &depth, "how deep to look into blocks; 1: each is one row (default: all the way)", "N")
      .flag("--batch", &batch, "measures the memory of training on N samples", "N")
      .flag("--set", &overrides, "overrides a value of the config; may be repeated", "PATH=VALUE")
      .flag("--json", &json, "one JSON object a line: each layer, then the totals");
  if (!cli.parse(arguments)) return 0;
  const Experiment experiment = read_experiment(configs[0], overrides);
  const Data data = load_data(experiment);
  check(depth >= 1, "--depth: ", depth, " is less than 1");
  check(batch >= 0, "--batch: ", batch, " is less than 0");
  const auto model = build_model(experiment, data, batch == 0);
  auto rows = model_rows(*model, depth);
  std::optional<int64_t> held;
  if (batch > 0) held = measure_held(rows, *model, data.input, batch);
  if (!json) {
    std::vector<int64_t> sizes{1};
    sizes.insert(sizes.end(), data.input.begin(), data.input.end());
    print_table(rows, Shape(sizes), held);
    return 0;
  }
  int64_t macs = 0;
  for (const ModelRow& r : rows) {
    Json row = Json::object();
    row.set("layer", r.name);
    row.set("type", r.type);
    row.set("output", r.shape);
    row.set("parameters", r.parameters);
    row.set("multiply_adds", r.multiply_adds);
    row.set("activation_bytes", r.bytes);
    if (held) row.set("held_bytes", r.held);
    std::printf("%s\n", to_text(row).c_str());
    macs = count_sum(macs, r.multiply_adds);
  }
  Json total = Json::object();
  total.set("event", "done");
  total.set("layers", static_cast<int64_t>(rows.size()));
  total.set("parameters", parameter_count(*model));
  total.set("multiply_adds", macs);
  if (held) total.set("held_bytes", *held);
  std::printf("%s\n", to_text(total).c_str());
  return 0;
}

void print_checked(const std::string& path, const std::vector<std::string>& overrides) {
  const Checked checked = check_config(path, overrides);
  if (!checked.remark.empty()) std::fprintf(stderr, "tarn: note: %s\n", checked.remark.c_str());
  std::printf("%s: ok: %s\n", path.c_str(), checked.summary.c_str());
}

int check_configs(std::span<const std::string> arguments) {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  Cli cli(
      "check", "CONFIG… [flags]",
      "Validates configs: every key, every value, and the shapes from the data to the last layer. Nothing is trained.\n"
      "Mistakes are listed with file, line and place; the exit status is 2 where there is one.\n\nexamples:\n  tarn "
      "check my.json\n"
      "  tarn check *.json");
  cli.words(configs, 1, -1, "CONFIG")
      .flag("--set", &overrides, "overrides a value of the config; may be repeated", "PATH=VALUE");
  if (!cli.parse(arguments)) return 0;
  std::string mistakes;
  for (const std::string& path : configs) {
    try {
      print_checked(path, overrides);
    } catch (const Error& error) {
      mistakes += std::string(mistakes.empty() ? "" : "\n") + error.what();
    }
  }
  std::fflush(stdout);
  check(mistakes.empty(), mistakes);
  return 0;
}

const Command& check_row = add_command(40, "check", "validate configs, without training", check_configs);
const Command& summary_row = add_command(50, "summary", "layers, shapes, parameters, multiply-adds, memory", summary);

}  // namespace

}  // namespace tarn
