// What the benchmark times: training steps and single layers, under fixed names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/bench/cost.h"
#include "apps/experiment.h"
#include "core/json.h"
#include "core/shape.h"

namespace tarn {

/// Something that can be run again and again. Adds what it asks of the machine to `cost` where one is given.
using Step = std::function<void(Cost* cost)>;

/// A name and how to get ready for running it.
struct Workload {
  std::string name;
  std::function<Step()> prepare;
};

/// All named workloads, in the order in which they run.
std::vector<Workload> workloads();

/// Forward and backward of a layer (its config, or a list of them) on normal inputs of these shapes: gradients by
/// inputs and parameters for a cotangent of ones.
Step layer_step(const Json& layer, const std::vector<Shape>& inputs);

/// A training step of a model (a list of layers) on a fixed random batch: forward, cross entropy over `classes`,
/// backward, optimizer.
Step training_step(const Json& model, const Shape& input, int64_t classes, const Json& optimizer);

/// A training step of a config on random inputs of its data's shape, `batch` at a time (0: the config's own number).
Step experiment_step(const Experiment& experiment, int64_t batch);

/// The models of the training workloads, as a user would write them.
Json bench_model(const std::string& name);

}  // namespace tarn
