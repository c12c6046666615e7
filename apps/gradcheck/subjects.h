// What there is to differentiate: every sample of every op, every layer, and models given by the user.
#pragma once

#include <string>
#include <vector>

#include "apps/experiment.h"
#include "core/gradcheck.h"
#include "core/json.h"

namespace tarn {

/// A function, where to differentiate it, and what to call it.
struct Subject {
  std::string kind;  ///< "op", "layer", "loss" or "config"
  std::string name;
  Differentiable f;
  Tensors inputs;
  GradientCheckOptions options;
};

/// Every sample of every registered op, each used twice (`twice`). An op without a sample has one subject without `f`.
std::vector<Subject> op_subjects(const GradientCheckOptions& how);
/// Every registered layer with its sample config, used twice; those with buffers or random numbers also in evaluation.
std::vector<Subject> layer_subjects(const GradientCheckOptions& how);
/// Every registered loss with its sample; gradients by the prediction.
std::vector<Subject> loss_subjects(const GradientCheckOptions& how);
/// A layer's config, or a list of them, for inputs of these shapes (the first dimension being the batch); gradients by
/// inputs and parameters. Throws located errors.
Subject layer_subject(const Json& config, const std::vector<Shape>& shapes, const GradientCheckOptions& how,
                      bool training = true);

/// The training loss of a whole experiment on a small batch of random inputs of its data's shape: gradients by the
/// inputs and every parameter. Steps are small, for a network has kinks everywhere.
Subject experiment_subject(const Experiment& experiment, const GradientCheckOptions& how);

}  // namespace tarn
