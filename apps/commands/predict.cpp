// `tarn predict`: what a run's best model says about pictures, arrays and rows of numbers.
#include <algorithm>
#include <cstdio>

#include "apps/answers.h"
#include "apps/cli.h"
#include "apps/progress.h"
#include "apps/run_folder.h"
#include "apps/samples.h"
#include "core/ops.h"

namespace tarn {

namespace {

constexpr int64_t predicted_at_once = 256;

/// A run's model in evaluation mode.
class Predictor {
 public:
  Predictor(const std::string& run, int64_t top, bool json)
      : folder_(RunFolder::open(run)), style_{.top = top, .json = json} {
    warn_lines(folder_.changed_config());
    experiment_ = folder_.read_config();
    data_ = load_data(experiment_);
    model_ = build_model(experiment_, data_);
    folder_.load_weights("best", *model_);
    check_answers(run, data_, model_->output_shape());
    style_.probabilities = last_type(*model_) == "Softmax";
  }

  /// Prints what the model makes of each sample of a file.
  void predict(const std::string& path) {
    const Inputs inputs = read_inputs(path, experiment_, data_);
    const int64_t n = inputs.x.size(0);
    Context context{.training = false};
    for (int64_t first = 0; first < n; first += predicted_at_once) {
      const int64_t count = std::min(predicted_at_once, n - first);
      const Tensor outputs = model_->forward(narrow(inputs.x, 0, first, count), context);
      const auto names = std::span(inputs.names).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
      std::fputs(answers(data_, outputs, names, style_).c_str(), stdout);
    }
  }

 private:
  RunFolder folder_;
  Experiment experiment_;
  Data data_;
  std::unique_ptr<Model> model_;
  AnswerStyle style_;
};

int predict(std::span<const std::string> arguments) {
  std::vector<std::string> words;
  int64_t top = 0;
  int64_t wanted = 0;
  bool json = false;
  Cli cli(
      "predict", "RUN INPUT… [flags]",
      "Says what the best checkpoint of a run makes of each INPUT: its class and how probable that is; for runs with\n"
      "masks, the share of its pixels of each class; for runs with keypoints, where its joints are, in pixels of the\n"
      "picture as the model reads it.\n"
      "INPUT is a picture (PNG, JPEG, PGM, PPM), which is resized to what the model reads; an array (.npy) with one\n"
      "sample or a batch of them; or a table (CSV) with a sample a row.\n\n"
      "examples:\n  tarn predict runs/mine digit.png\n  tarn predict runs/mine batch.npy --top 3\n"
      "  tarn predict runs/mine rows.csv --json");
  cli.words(words, 2, -1, "RUN or INPUT")
      .flag("--top", &top,
            "the K most probable or largest classes (default: the most probable; with --json and of masks, all)", "K")
      .flag("--json", &json, "one JSON object a line")
      .flag("--threads", &wanted, "threads to use (default: all processors)", "N");
  if (!cli.parse(arguments)) return 0;
  check(top >= 0, "--top: ", top, " is not a number of classes; write for example --top 3");
  use_threads(wanted);
  const std::span<const std::string> inputs = std::span<const std::string>(words).subspan(1);
  for (const std::string& path : inputs) check(path_exists(path), path, ": there is no such file");
  Predictor predictor(words[0], top, json);
  std::string mistakes;  // one broken file does not keep the others from being read
  for (const std::string& path : inputs) {
    try {
      predictor.predict(path);
    } catch (const Error& error) {
      mistakes += text(mistakes.empty() ? "" : "\n", error.what());
    }
  }
  std::fflush(stdout);
  check(mistakes.empty(), mistakes);
  return 0;
}

const Command& predict_row =
    add_command(30, "predict", "class, mask shares or joints of pictures, arrays and tables", predict);

}  // namespace

}  // namespace tarn
