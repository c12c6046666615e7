// Loss and metrics of a model on a set of examples, in evaluation mode.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/metrics.h"
#include "data/dataset.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace tarn {

/// What a model does on a set of examples.
struct Evaluation {
  Task task = Task::classification;
  int64_t examples = 0;
  double loss = 0;  ///< mean over examples; NaN where there are none
  Counts counts;
  struct Mistake {
    int64_t example, truth, guess;
    double confidence;  ///< probability given to the guess
  };
  std::vector<Mistake> mistakes;  ///< classification: in the order of the examples
  /// Segmentation: 1 - mean IoU of each example. Keypoints: mean distance of its joints in shares of its figure's size.
  std::vector<double> errors;

  bool classification() const { return task == Task::classification && counts.total > 0; }
  double accuracy() const { return counts.total ? metrics_of(Task::classification, counts)[0].value : 0; }
  std::vector<Metric> metrics() const { return metrics_of(task, counts); }
};

/// Runs the model over a part of the data in batches of a fixed size.
Evaluation evaluate(Module& model, const Loss& loss, const Data& data, const Examples& part);

/// "test accuracy 0.9833 (354 of 360), test loss 0.0512", with the metrics of the task; what is not finite is so
/// called.
std::string result_text(const Evaluation& test);

/// Position of the largest of each row of scores [N, C]; the first at a tie.
std::vector<int64_t> best_classes(const Tensor& scores);
/// Each row of scores as probabilities; scores that already are log-probabilities come out as their exponentials.
Tensor probabilities(const Tensor& scores);

}  // namespace tarn
