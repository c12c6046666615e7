// A training so small that it can be saved and resumed thousands of times, with every kind of state in it.
#pragma once

#include "apps/trainer.h"

namespace tarn::test {

/// Dropout, BatchNorm's buffers, an optimizer with momentum, a schedule, augmented and shuffled data.
class SmallRun {
 public:
  explicit SmallRun(int64_t epochs) {
    experiment_.data = parse_json(R"({"type": "Spirals", "n": 60, "batch_size": 8, "validation": 0,
                                     "augment": [{"type": "GaussianNoise", "deviation": 0.1}]})",
                                  "data.json");
    experiment_.model = parse_json(R"([{"type": "Linear", "out_features": 6}, "BatchNorm1d", "ReLU", "Dropout",
                                      {"type": "Linear", "out_features": "=classes"}])",
                                   "model.json");
    experiment_.optimizer = parse_json(R"({"type": "AdamW", "lr": 0.01})", "optimizer.json");
    experiment_.schedule = parse_json(R"({"type": "OneCycleLR", "max_lr": 0.02})", "schedule.json");
    experiment_.train.epochs = epochs;
    data_ = load_data(experiment_);
  }
  SmallRun(const SmallRun&) = delete;
  SmallRun& operator=(const SmallRun&) = delete;

  const Experiment& experiment() const { return experiment_; }
  const Data& data() const { return data_; }
  Trainer trainer() const { return Trainer(experiment_, data_); }

 private:
  Experiment experiment_;
  Data data_;
};

}  // namespace tarn::test
