// The training loop: one tape per step, validation after each epoch, and a state from which it goes on as if never
// stopped.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "apps/cli.h"
#include "apps/evaluate.h"
#include "apps/experiment.h"
#include "data/loader.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace tarn {

/// What is known of an epoch when it is over.
struct EpochRecord {
  int64_t epoch = 0;  ///< from 1
  double lr = 0;      ///< at the epoch's end
  double train_loss = 0;
  std::vector<Metric> train;  ///< the metrics of the data's task, over the samples as they were learned from
  double validation_loss = 0;
  std::vector<Metric> validation;  ///< NaN, as the loss is, where there is no validation part
  double gradient_norm = 0;        ///< of the last step, before clipping; NaN where nothing is clipped
  double seconds = 0;
};

/// A number as JSON, which has neither NaN nor infinity: null stands for them. And back: null is NaN.
Json json_number(double value);
double number_or_nan(const Json& value);

/// The record as a line of metrics.jsonl, and back: "train_accuracy" and so on; NaN is written as null.
Json to_json(const EpochRecord& record);
EpochRecord epoch_record(const Json& json);

/// The values of a training are no numbers any more. What the trainer holds then is for a look at it, not to go on
/// from.
class Diverged : public Failure {
 public:
  using Failure::Failure;
};

/// Sums over the part of an epoch that is done.
struct EpochSums {
  double loss = 0;
  int64_t examples = 0;
  Counts counts;
};

/// Trains the model of an experiment.
class Trainer {
 public:
  /// `data` must outlive the trainer.
  Trainer(const Experiment& experiment, const Data& data);

  /// Called after every step with batches done and in all; false stops the training after this step.
  using Watch = std::function<bool(int64_t done, int64_t total, const EpochSums& sums, double lr)>;
  /// Goes on to the end of the current epoch. False: `watch` stopped it in the middle. Throws Diverged when the loss is
  /// not finite, naming the layer and the op that gave the first such value.
  bool run_epoch(const Watch& watch);
  bool finished() const { return epoch_ >= experiment_.train.epochs; }
  /// Whether the epoch that just ended was the best so far.
  bool improved() const { return improved_; }

  /// Throws Diverged where a parameter or buffer holds what is not finite.
  void check_weights();

  int64_t epoch() const { return epoch_; }
  /// Steps since the training began.
  int64_t steps() const { return step_; }
  /// The epoch, from 1, whose weights are the best so far; 0 before the first has ended.
  int64_t best_epoch() const { return best_ + 1; }
  const std::vector<EpochRecord>& history() const { return history_; }
  Model& model() { return *model_; }
  const Loss& loss() const { return *loss_; }
  int64_t steps_per_epoch() const { return loader_.batches(); }

  /// Everything that the rest of the training depends on.
  struct State {
    NamedValues tensors;
    std::string facts;  ///< JSON: counters, sums, history
  };
  State state();
  /// Throws where the state is not one of this experiment's.
  void load_state(const NamedValues& tensors, const std::string& facts);

 private:
  Context next_step() const;
  void step(const Batch& batch);
  [[noreturn]] void fail_diverged(double loss, const Batch& batch);
  void end_epoch();
  void load_sums(const Json& facts);
  bool is_better(const EpochRecord& record) const;

  const Experiment& experiment_;
  const Data& data_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Loss> loss_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Schedule> schedule_;
  Loader loader_;
  std::vector<EpochRecord> history_;
  EpochSums sums_;
  double gradient_norm_ = std::numeric_limits<double>::quiet_NaN();
  double seconds_before_ = 0;  // of the current epoch, spent before it was resumed
  int64_t epoch_ = 0;
  int64_t step_ = 0;
  int64_t best_ = -1;  // index in history
  bool improved_ = false;
};

}  // namespace tarn
