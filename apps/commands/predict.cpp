// `tarn predict`: what a run's best model says about pictures, arrays and rows of numbers.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "apps/cli.h"
#include "apps/run_folder.h"
#include "apps/samples.h"
#include "core/ops.h"

namespace tarn {

namespace {

constexpr int64_t batch_size = 256;

/// A run's model in evaluation mode.
class Predictor {
 public:
  Predictor(const std::string& run, int64_t top, bool json) : folder_(RunFolder::open(run)), top_(top), json_(json) {
    experiment_ = folder_.read_config();
    data_ = load_data(experiment_);
    model_ = build_model(experiment_, data_);
    folder_.load_weights("best", *model_);
    const Shape& output = model_->output_shape();
    check(output.rank() == 2, run, ": the model's output for one sample is ", output,
          "; expected [1, classes]: predict is for models that tell classes apart");
    has_probabilities_ = model_->items().back().type == "Softmax";
  }

  /// Prints a line for each sample of a file.
  void predict(const std::string& path) {
    const Inputs inputs = read_inputs(path, experiment_, data_);
    const int64_t n = inputs.x.size(0);
    Context context{.training = false};
    for (int64_t first = 0; first < n; first += batch_size) {
      const int64_t count = std::min(batch_size, n - first);
      const Tensor scores = model_->forward(narrow(inputs.x, 0, first, count), context);
      const std::vector<float> chances = (has_probabilities_ ? scores : probabilities(scores)).to_vector<float>();
      const auto classes = static_cast<size_t>(scores.size(1));
      for (size_t i = 0; i < static_cast<size_t>(count); ++i)
        print(inputs.names[static_cast<size_t>(first) + i], std::span(chances).subspan(i * classes, classes));
    }
  }

 private:
  std::string class_name(size_t i) const {
    return i < data_.class_names.size() ? data_.class_names[i] : std::to_string(i);
  }

  void print(const std::string& name, std::span<const float> chances) const {
    std::vector<size_t> order(chances.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return chances[a] > chances[b]; });
    if (json_) return print_json(name, chances, order);
    order.resize(std::min(order.size(), static_cast<size_t>(std::max<int64_t>(top_, 1))));
    std::string line = name + ":";
    for (size_t k = 0; k < order.size(); ++k) {
      char chance[16];
      std::snprintf(chance, sizeof chance, "%.4f", static_cast<double>(chances[order[k]]));
      line += text(k == 0 ? " " : ", ", class_name(order[k]), " ", chance);
    }
    std::printf("%s\n", line.c_str());
  }

  void print_json(const std::string& name, std::span<const float> chances, std::vector<size_t> order) const {
    const size_t best = order.front();
    if (top_ > 0) {
      order.resize(std::min(order.size(), static_cast<size_t>(top_)));
    } else {
      std::sort(order.begin(), order.end());
    }
    Json all = Json::object();
    for (const size_t i : order) all.set(class_name(i), static_cast<double>(chances[i]));
    Json line = Json::object();
    line.set("input", name).set("class", class_name(best)).set("probability", static_cast<double>(chances[best]));
    std::printf("%s\n", to_text(line.set("probabilities", all)).c_str());
  }

  RunFolder folder_;
  Experiment experiment_;
  Data data_;
  std::unique_ptr<Model> model_;
  int64_t top_;
  bool json_;
  bool has_probabilities_ = false;
};

int predict(std::span<const std::string> arguments) {
  std::vector<std::string> words;
  int64_t top = 0;
  int64_t wanted = 0;
  bool json = false;
  Cli cli(
      "predict", "RUN INPUT… [flags]",
      "Says what the best checkpoint of a run makes of each INPUT: its class and how probable that is.\n"
      "INPUT is a picture (PNG, JPEG, PGM, PPM), which is resized to what the model reads; an array (.npy) with one\n"
      "sample or a batch of them; or a table (CSV) with a sample a row.\n\n"
      "examples:\n  tarn predict runs/mine digit.png\n  tarn predict runs/mine batch.npy --top 3\n"
      "  tarn predict runs/mine rows.csv --json");
  cli.words(words, 2, -1, "RUN or INPUT")
      .flag("--top", &top, "the K most probable classes (default: the first; with --json, all)", "K")
      .flag("--json", &json, "one JSON object a line")
      .flag("--threads", &wanted, "threads to use (default: all processors)", "N");
  if (!cli.parse(arguments)) return 0;
  check(top >= 0, "--top: ", top, " is not a number of classes; write for example --top 3");
  use_threads(wanted);
  const std::span<const std::string> inputs = std::span<const std::string>(words).subspan(1);
  for (const std::string& path : inputs) check(std::filesystem::exists(path), path, ": there is no such file");
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

const Command& predict_command =
    add_command(30, "predict", "class and probability for pictures, arrays and tables", predict);

}  // namespace

}  // namespace tarn
