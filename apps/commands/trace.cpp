// `tarn trace`: the tape of one training step, entry by entry, forwards and then in the order of the sweep.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "apps/cli.h"
#include "apps/experiment.h"
#include "core/ops.h"
#include "core/ops/window_watch.h"
#include "core/tape.h"

namespace tarn {

namespace {

std::string inputs_text(const EntryInfo& e) {
  std::string out;
  for (const uint32_t input : e.inputs) out += (out.empty() ? "" : " ") + std::to_string(input);
  return out;
}

void print_tape(const Tape& tape, const TapeReport& report) {
  std::printf("%6s  %-22s %-24s %-12s %-20s %10s  %s\n", "entry", "op", "layer", "inputs", "output", "keeps", "name");
  auto holding = report.holdings.begin();
  for (size_t i = 0; i < tape.size(); ++i) {
    const EntryInfo e = tape.entry(i);
    std::string keeps;
    if (holding != report.holdings.end() && holding->entry == i) keeps = std::to_string((holding++)->bytes);
    std::printf("%6u  %-22s %-24s %-12s %-20s %10s  %s\n", e.number, e.op, std::string(e.scope).c_str(),
                inputs_text(e).c_str(), e.shape.text().c_str(), keeps.c_str(), std::string(e.name).c_str());
  }
}

/// What the poolings looked through: their geometry, and the cells of the window in the middle.
void print_windows(const Tape& tape, const std::vector<WindowsWatch::Seen>& seen) {
  if (seen.empty()) return;
  std::printf("\n%6s  %-22s %-24s %s\n", "entry", "pooling", "layer", "windows; the middle one's cells");
  for (const WindowsWatch::Seen& s : seen) {
    const EntryInfo e = tape.entry(std::min(s.entry, tape.size() - 1));
    std::printf("%6u  %-22s %-24s %s\n", e.number, s.op, std::string(e.scope).c_str(), text_of(s.windows).c_str());
    if (s.windows.output_cells() == 0) continue;
    const int64_t middle = s.windows.output_cells() / 2;
    std::printf("%56s%s\n", "", cells_text(s.windows, middle).c_str());
  }
}

int trace(std::span<const std::string> arguments) {
  std::vector<std::string> configs;
  std::vector<std::string> overrides;
  int64_t batch = 1;
  bool memory = false;
  Cli cli(
      "trace", "CONFIG [flags]",
      "Runs one training step of CONFIG's model on the first samples of its training data and prints the tape: "
      "each entry with its op,\n"
      "the layer it ran in, the entries its gradient flows back to, its output's shape, and the bytes that it keeps "
      "alive for the sweep;\nthen the windows that poolings look through, and the largest gradient of each "
      "parameter.\n\n"
      "example:\n  tarn trace digits --batch 2");
  cli.words(configs, 1, 1, "CONFIG")
      .flag("--batch", &batch, "samples in the step (default 1; layers such as BatchNorm may need more)", "N")
      .flag("--memory", &memory, "also what the tape keeps alive before the sweep, by op and by layer")
      .flag("--set", &overrides, "overrides a value of the config; may be repeated", "PATH=VALUE");
  if (!cli.parse(arguments)) return 0;
  const Experiment experiment = read_experiment(configs[0], overrides);
  const Data data = load_data(experiment);
  check(batch >= 1 && batch <= data.train.size(), "--batch: ", batch, " is outside [1, ", data.train.size(), "]");
  const auto model = build_model(experiment, data);
  const auto loss = build_loss(experiment, data, *model);
  const auto named = parameters(*model);
  Context context{
      .training = true, .seed = static_cast<uint64_t>(experiment.seed), .checkpoints = experiment.train.checkpoint};
  Tensors wrt;
  Tape tape;
  std::optional<WindowsWatch> watch(tape);
  const Tensor value =
      loss->value(model->forward(narrow(data.train.x, 0, 0, batch), context), narrow(data.train.y, 0, 0, batch));
  const std::vector<WindowsWatch::Seen> seen = watch->all();
  watch.reset();
  tape.name(value, "loss");
  for (const NamedTensor& p : named) wrt.push_back(*p.tensor);
  const TapeReport report = tape.report();
  const Tensors gradients = tape.gradient(value, wrt, {.keep = true, .allow_unused = true});
  for (size_t i = 0; i < named.size(); ++i)
    if (gradients[i].defined()) tape.name(wrt[i], named[i].name);
  print_tape(tape, report);
  print_windows(tape, seen);
  if (memory) std::printf("\n%s", report.text(20).c_str());
  std::printf("\nloss %.6g; the sweep goes from entry %zu down to 0\n\n%-32s %-20s %s\n", value.item(), tape.size() - 1,
              "parameter", "shape", "largest |gradient|");
  for (size_t i = 0; i < named.size(); ++i) {
    const Tensor& g = gradients[i];
    const double largest = g.defined() && g.numel() ? max(abs(g)).item() : 0;
    std::printf("%-32s %-20s %.6g\n", named[i].name.c_str(), wrt[i].shape().text().c_str(), largest);
  }
  return 0;
}

const Command& trace_row = add_command(100, "trace", "the tape of one training step", trace);

}  // namespace

}  // namespace tarn
