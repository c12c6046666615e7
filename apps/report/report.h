// The report of a run: one self-contained HTML page with curves, confusion matrix, mistakes as pictures (or masks and
// joints drawn over them), the model's table and the config.
#pragma once

#include <string>

#include "apps/evaluate.h"
#include "apps/experiment.h"
#include "apps/trainer.h"

namespace tarn {

/// The page for a finished training; `test` is what the weights that the trainer's model has now do on the test part.
std::string report_html(const Experiment& experiment, const Data& data, Trainer& trainer, const Evaluation& test);

}  // namespace tarn
