// The report of a run: one self-contained HTML page with curves, confusion matrix, mistakes as pictures, the model's
// table and the config.
#pragma once

#include <string>

#include "apps/evaluate.h"
#include "apps/experiment.h"
#include "apps/trainer.h"

namespace tarn {

/// The page for a finished training; `test` is what its best weights do on the test part.
std::string report_html(const Experiment& experiment, const Data& data, Trainer& trainer, const Evaluation& test);

}  // namespace tarn
