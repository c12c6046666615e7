// `tarn eval`: loss and metrics of a run's best checkpoint on its test split.
#include <cstdio>

#include "apps/cli.h"
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
  const Experiment experiment = folder.read_config();
  const Data data = load_data(experiment);
  check(data.test.size() > 0, folder.path(), ": its data set has no test part (data.split.test is 0)");
  const auto model = build_model(experiment, data);
  folder.load_weights("best", *model);
  const auto loss = make_loss(experiment.loss, data.classes);
  const Evaluation e = evaluate(*model, *loss, data.test.x, data.test.y, data.classes);
  if (json) {
    Json out = Json::object();
    out.set("run", folder.path());
    out.set("examples", e.examples);
    out.set("test_loss", e.loss);
    if (e.classification()) out.set("test_accuracy", e.accuracy());
    std::printf("%s\n", to_text(out).c_str());
  } else if (e.classification()) {
    std::printf("test accuracy %.4f (%lld of %lld), test loss %.4f\n", e.accuracy(), static_cast<long long>(e.correct),
                static_cast<long long>(e.examples), e.loss);
  } else {
    std::printf("test loss %.4f over %lld examples\n", e.loss, static_cast<long long>(e.examples));
  }
  return 0;
}

const Command& eval_command = add_command(20, "eval", "loss and metrics of a run on its test split", eval);

}  // namespace

}  // namespace tarn
