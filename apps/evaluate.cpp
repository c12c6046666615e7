// Evaluation in batches, without a tape.
#include "apps/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/ops.h"
#include "core/tape.h"

namespace tarn {

namespace {

constexpr int64_t evaluated_at_once = 256;
constexpr int64_t batch_values = int64_t{1}
                                 << 19;  // of samples that are pictures: their activations are many times more

void add_mistakes(Evaluation& result, const Tensor& scores, const Tensor& y, int64_t first) {
  const auto guesses = best_classes(scores);
  const Tensor chances = probabilities(scores);
  const int64_t* truth = y.data<int64_t>();
  for (size_t i = 0; i < guesses.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    if (truth[i] >= 0 && truth[i] != guesses[i])
      result.mistakes.push_back({first + row, truth[i], guesses[i], chances.at(row * scores.size(1) + guesses[i])});
  }
}

/// The mean distance of a sample's joints from where they were told, in shares of the figure's size.
double joint_error(const float* points, const Told* told, int64_t joints, const Shape& picture) {
  double sum = 0;
  int64_t there = 0;
  for (int64_t k = 0; k < joints; ++k) {
    const auto x = static_cast<double>(points[2 * k]), y = static_cast<double>(points[2 * k + 1]);
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    sum += std::hypot(told[k].x - x, told[k].y - y);
    ++there;
  }
  return there ? sum / static_cast<double>(there) / figure_size(points, joints, picture) : 0;
}

/// Counts a batch of masks or heatmaps sample by sample, for the error of each.
void count_samples(Evaluation& result, const Tensor& scores, const Tensor& y, const Tensor& points, const Data& data) {
  count(result.counts, data.task, scores, y, points, data.input);
  if (scores.rank() != 4) return;
  if (data.task == Task::segmentation) {
    for (int64_t i = 0; i < scores.size(0); ++i) {
      Counts one = Counts::of(data.task, data.classes, true);
      count(one, data.task, narrow(scores, 0, i, 1), narrow(y, 0, i, 1), {}, data.input);
      result.errors.push_back(1 - mean_iou(one.confusion));
    }
  } else {
    const std::vector<Told> told = places_of(scores, data.input);
    const int64_t joints = scores.size(1);
    for (int64_t i = 0; i < scores.size(0); ++i)
      result.errors.push_back(
          joint_error(points.data<float>() + i * joints * 2, told.data() + i * joints, joints, data.input));
  }
}

}  // namespace

std::string result_text(const Evaluation& test) {
  const auto fixed = [](double value) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.4f", value);
    return std::string(buffer);
  };
  const auto counted = [&](int64_t part, int64_t all, const char* what) {
    return text(" (", part, " of ", all, what, ")");
  };
  const Counts& c = test.counts;
  std::string out;
  for (const Metric& m : test.metrics()) {
    out += "test " + spoken(m.name) + " " + fixed(m.value);
    if (m.name == "accuracy") out += counted(c.right, c.total, "");
    if (m.name == "pixel_accuracy") out += counted(c.right, c.total, " pixels");
    if (m.name == "pck") out += counted(c.right, c.total, " joints");
    out += ", ";
  }
  return out + "test loss " + fixed(test.loss) + (out.empty() ? text(" over ", test.examples, " examples") : "");
}

std::vector<int64_t> best_classes(const Tensor& scores) {
  check(scores.rank() == 2, "scores have shape ", scores.shape(), "; expected [examples, classes]");
  return argmax(scores, 1).to_vector<int64_t>();
}

Tensor probabilities(const Tensor& scores) {
  const NoRecord quiet;
  return softmax(scores, 1);
}

Evaluation evaluate(Module& model, const Loss& loss, const Data& data, const Examples& part) {
  const NoRecord quiet;
  Evaluation result;
  result.task = data.task;
  result.examples = part.size();
  result.counts = Counts::of(data.task, data.classes, true);
  const bool places = data.task == Task::segmentation || data.task == Task::keypoints;
  const int64_t values = std::max<int64_t>(data.input.numel(), 1);
  const int64_t most = places ? std::clamp<int64_t>(batch_values / values, 1, evaluated_at_once) : evaluated_at_once;
  double sum = 0;
  Context context{.training = false};
  for (int64_t first = 0; first < result.examples; first += most) {
    const int64_t n = std::min(most, result.examples - first);
    const Tensor target = narrow(part.y, 0, first, n);
    const Tensor points = part.points.defined() ? narrow(part.points, 0, first, n) : Tensor();
    const Tensor scores = model.forward(narrow(part.x, 0, first, n), context);
    sum += loss.value(scores, target).item() * static_cast<double>(n);
    if (places) {
      count_samples(result, scores, target, points, data);
    } else {
      count(result.counts, data.task, scores, target, points, data.input);
      if (data.task == Task::classification && scores.rank() == 2) add_mistakes(result, scores, target, first);
    }
  }
  result.loss = result.examples ? sum / static_cast<double>(result.examples) : std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace tarn
