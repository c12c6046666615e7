// Evaluation in batches, without a tape.
#include "apps/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/tape.h"

namespace tarn {

namespace {

constexpr int64_t batch_size = 256;

void count_batch(Evaluation& result, const Tensor& scores, const Tensor& y, int64_t first, int64_t classes) {
  const auto guesses = best_classes(scores);
  const Tensor chances = probabilities(scores);
  const int64_t* truth = y.data<int64_t>();
  for (size_t i = 0; i < guesses.size(); ++i) {
    const int64_t t = truth[i];
    const int64_t g = guesses[i];
    if (t < 0 || t >= classes) continue;
    ++result.confusion[static_cast<size_t>(t * classes + g)];
    if (t == g)
      ++result.correct;
    else
      result.mistakes.push_back(
          {first + static_cast<int64_t>(i), t, g, chances.at(static_cast<int64_t>(i) * classes + g)});
  }
}

}  // namespace

std::vector<int64_t> best_classes(const Tensor& scores) {
  check(scores.rank() == 2, "scores have shape ", scores.shape(), "; expected [examples, classes]");
  return argmax(scores, 1).to_vector<int64_t>();
}

Tensor probabilities(const Tensor& scores) {
  const NoRecord quiet;
  return softmax(scores, 1);
}

Evaluation evaluate(Module& model, const Loss& loss, const Tensor& x, const Tensor& y, int64_t classes) {
  const NoRecord quiet;
  Evaluation result;
  result.examples = x.defined() ? x.size(0) : 0;
  const bool classify = classes > 0 && y.defined() && !y.floating();
  if (classify) result.confusion.assign(static_cast<size_t>(classes * classes), 0);
  double sum = 0;
  Context context{.training = false};
  for (int64_t first = 0; first < result.examples; first += batch_size) {
    const int64_t n = std::min(batch_size, result.examples - first);
    const Tensor target = narrow(y, 0, first, n);
    const Tensor scores = model.forward(narrow(x, 0, first, n), context);
    sum += loss.value(scores, target).item() * static_cast<double>(n);
    if (classify && scores.rank() == 2 && scores.size(1) == classes)
      count_batch(result, scores, target, first, classes);
  }
  result.loss = result.examples ? sum / static_cast<double>(result.examples) : std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace tarn
