// `tarn eval`: loss and metrics of a run's best checkpoint on its test split.
#include <cstdio>

#include "apps/cli.h"
#include "apps/progress.h"
#include "apps/run_folder.h"

namespace tarn {

namespace {

int eval(std::span<const std::string> arguments) {
  std::vector<std::string> runs;
  int64_t wanted = 0;
  bool json = false;
  Cli cli("eval", "RUN [flags]",
          "Loss and metrics of the best checkpoint of a run, finished or interrupted, on its test split.\n\nexample:\n "
          " tarn eval runs/mine");
  cli.words(runs, 1, 1, "RUN")
      .flag("--threads", &wanted, "threads to use (default: all processors)", "N")
      .flag("--json", &json, "one JSON object");
  if (!cli.parse(arguments)) return 0;
  use_threads(wanted);
  const RunFolder folder = RunFolder::open(runs[0]);
  warn_lines(folder.changed_config());
  const Experiment experiment = folder.read_config();
  const Data data = load_data(experiment);
  check(data.test.size() > 0, folder.path(), ": its data set has no test part (data.split.test is 0)");
  const auto model = build_model(experiment, data);
  folder.load_weights("best", *model);
  const auto loss = make_loss(experiment.loss, data.classes);
  const Evaluation e = evaluate(*model, *loss, data, data.test);
  if (json) {
    Json out = Json::object();
    out.set("run", folder.path());
    out.set("examples", e.examples);
    out.set("test_loss", json_number(e.loss));
    for (const Metric& m : e.metrics()) out.set("test_" + m.name, json_number(m.value));
    std::printf("%s\n", to_text(out).c_str());
  } else {
    std::printf("%s\n", result_text(e).c_str());
  }
  return 0;
}

const Command& eval_row = add_command(20, "eval", "loss and metrics of a run on its test split", eval);

}  // namespace

}  // namespace tarn
