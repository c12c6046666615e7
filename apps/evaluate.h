// Loss and metrics of a model on a set of examples, in evaluation mode.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace tarn {

/// What a model does on a set of examples. For classification (int64 targets) `correct` and the rest are filled.
struct Evaluation {
  int64_t examples = 0;
  double loss = 0;  ///< mean over examples; NaN where there are none
  int64_t correct = 0;
  std::vector<int64_t> confusion;  ///< [true class, predicted class], row-major
  struct Mistake {
    int64_t example, truth, guess;
    double confidence;  ///< probability given to the guess
  };
  std::vector<Mistake> mistakes;  ///< in the order of the examples

  bool classification() const { return !confusion.empty(); }
  double accuracy() const { return examples ? static_cast<double>(correct) / static_cast<double>(examples) : 0; }
};

/// Runs the model over x [N, …] against y in batches of a fixed size. `classes` > 0 says that outputs are [N, classes]
/// scores.
Evaluation evaluate(Module& model, const Loss& loss, const Tensor& x, const Tensor& y, int64_t classes);

/// Position of the largest of each row of scores [N, C]; the first at a tie.
std::vector<int64_t> best_classes(const Tensor& scores);
/// Each row of scores as probabilities; scores that already are log-probabilities come out as their exponentials.
Tensor probabilities(const Tensor& scores);

}  // namespace tarn
