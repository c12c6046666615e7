// What `tarn predict` says of a sample: its class, the shares of its pixels, the places of its joints, or numbers.
#pragma once

#include <span>
#include <string>

#include "data/dataset.h"

namespace tarn {

/// How answers are written.
struct AnswerStyle {
  int64_t top = 0;  ///< classes to list; 0: the first, and as JSON all
  bool json = false;
  bool probabilities = false;  ///< the model ends with a softmax: its outputs are probabilities already
};

/// Throws "RUN: …" unless a model with this output for one sample can be asked about the data's task.
void check_answers(const std::string& run, const Data& data, const Shape& output);

/// The answers to samples that are called `names`, from a model's outputs [N, …]: lines of text, or one JSON object a
/// line. Classification: class and probabilities. Segmentation: a share of the pixels for each class that was told.
/// Keypoints: x, y and score of each joint, in pixels of the picture as the model reads it. Regression: the numbers.
std::string answers(const Data& data, const Tensor& outputs, std::span<const std::string> names,
                    const AnswerStyle& style);

}  // namespace tarn
