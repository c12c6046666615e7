// One step: forward, loss, gradients, update. One epoch: all steps, then validation.
#include "apps/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/anomaly.h"
#include "core/ops.h"
#include "core/profile.h"
#include "core/tape.h"

namespace tarn {

namespace {

void set_metrics(Json& out, const std::string& part, const std::vector<Metric>& metrics) {
  for (const Metric& m : metrics) out.set(part + "_" + m.name, json_number(m.value));
}

/// The metrics of any task that a record has.
std::vector<Metric> metrics_in(const Json& json, const std::string& part) {
  std::vector<Metric> metrics;
  for (const Task task : {Task::classification, Task::segmentation, Task::keypoints, Task::regression})
    for (const std::string& name : metric_names(task))
      if (const Json* value = json.find(part + "_" + name)) metrics.push_back({name, number_or_nan(*value)});
  return metrics;
}

std::optional<double> first_not_finite(const Tensor& x) {
  if (!x.floating()) return {};
  return dispatch_floating(x.dtype(), "check_weights", [&](auto zero) -> std::optional<double> {
    const auto* values = x.data<decltype(zero)>();
    const auto* end = values + x.numel();
    const auto* bad = std::find_if(values, end, [](auto v) { return !std::isfinite(v); });
    return bad == end ? std::nullopt : std::optional<double>(static_cast<double>(*bad));
  });
}

/// A value that is not finite, in a message; the sign of a NaN says nothing.
const char* in_words(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "infinite" : "-infinite";
}

/// The value of a metric by its name; NaN where there is none.
double value_of(const std::vector<Metric>& metrics, const std::string& name) {
  const auto it = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == name; });
  return it == metrics.end() ? no_value : it->value;
}

}  // namespace

Json json_number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
double number_or_nan(const Json& value) {
  return value.is_null() ? no_value : value.as_number();
}

Json to_json(const EpochRecord& r) {
  Json out = Json::object();
  out.set("event", "epoch");
  out.set("epoch", r.epoch);
  out.set("lr", json_number(r.lr));
  out.set("train_loss", json_number(r.train_loss));
  set_metrics(out, "train", r.train);
  out.set("validation_loss", json_number(r.validation_loss));
  set_metrics(out, "validation", r.validation);
  out.set("gradient_norm", json_number(r.gradient_norm));
  out.set("seconds", json_number(r.seconds));
  return out;
}

EpochRecord epoch_record(const Json& json) {
  return {json.at("epoch").as_integer(),
          number_or_nan(json.at("lr")),
          number_or_nan(json.at("train_loss")),
          metrics_in(json, "train"),
          number_or_nan(json.at("validation_loss")),
          metrics_in(json, "validation"),
          number_or_nan(json.at("gradient_norm")),
          number_or_nan(json.at("seconds"))};
}

Trainer::Trainer(const Experiment& experiment, const Data& data)
    : experiment_(experiment),
      data_(data),
      model_(build_model(experiment, data)),
      loss_(build_loss(experiment, data, *model_)),
      optimizer_(make_optimizer(experiment.optimizer, parameters(*model_))),
      loader_(data.train, data.batching, static_cast<uint64_t>(experiment.seed)) {
  check_best_by(experiment.train.best_by, data.task);
  sums_.counts = Counts::of(data.task, data.classes, false);
  if (!experiment.schedule.is_null())
    schedule_ = make_schedule(experiment.schedule, *optimizer_, {experiment.train.epochs, loader_.batches()});
  loader_.start(0);
}

Context Trainer::next_step() const {
  return {.training = true,
          .seed = static_cast<uint64_t>(experiment_.seed),
          .step = static_cast<uint64_t>(step_),
          .checkpoints = experiment_.train.checkpoint};
}

void Trainer::step(const Batch& batch) {
  Context context = next_step();
  const Tensors wrt = optimizer_->parameters();
  Tape tape;
  tape.check_finite(experiment_.train.check_finite);
  const Tensor scores = model_->forward(batch.x, context);
  const Tensor loss = loss_->value(scores, batch.y);
  const double value = loss.item();
  if (!std::isfinite(value)) fail_diverged(value, batch);
  Tensors gradients = tape.gradient(loss, wrt, {.allow_unused = true});
  if (experiment_.train.clip_grad_norm) gradient_norm_ = clip_grad_norm(gradients, *experiment_.train.clip_grad_norm);
  if (experiment_.train.clip_grad_value) clip_grad_value(gradients, *experiment_.train.clip_grad_value);
  optimizer_->step(gradients);
  Profile::lap("update");
  ++step_;
  const int64_t n = batch.x.size(0);
  sums_.loss += value * static_cast<double>(n);
  sums_.examples += n;
  count(sums_.counts, data_.task, scores.detach(), batch.y, batch.points, data_.input);
  Profile::lap("count metrics");
}

void Trainer::fail_diverged(double loss, const Batch& batch) {
  std::string place;
  try {
    Context context = next_step();
    Tape tape;
    tape.check_finite(true);
    loss_->value(model_->forward(batch.x, context), batch.y);
  } catch (const NotFinite& first) {
    place = text(": ", first.what());
  }
  throw Diverged(text("training diverged: the loss is ", in_words(loss), " in epoch ", epoch_ + 1, ", step ", step_ + 1,
                      place, "; try a lower learning rate or clip_grad_norm"));
}

void Trainer::check_weights() {
  const auto look = [&](const NamedTensor& named) {
    const std::optional<double> bad = first_not_finite(*named.tensor);
    if (!bad) return;
    throw Diverged(text("training diverged: '", named.name, "' has become ", in_words(*bad), " by epoch ", epoch_ + 1,
                        ", step ", step_,
                        "; try a lower learning rate or clip_grad_norm, or find the place with --set "
                        "train.check_finite=true"));
  };
  for (const NamedTensor& p : parameters(*model_)) look(p);
  for (const NamedTensor& b : buffers(*model_)) look(b);
}

bool Trainer::run_epoch(const Watch& watch) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  improved_ = false;
  const auto elapsed = [&] { return seconds_before_ + std::chrono::duration<double>(Clock::now() - start).count(); };
  for (Batch batch; loader_.next(batch);) {
    Profile::lap("next batch");
    try {
      step(batch);
    } catch (const Failure&) {
      throw;
    } catch (const NotFinite& e) {
      throw Diverged(text("training diverged: epoch ", epoch_ + 1, ", step ", step_ + 1, ": ", e.what()));
    } catch (const Error& e) {  // it was running: not a mistake of the command line
      throw Failure(text("epoch ", epoch_ + 1, ", step ", step_ + 1, ": ", e.what()));
    }
    if (schedule_ && schedule_->interval() == Interval::step) schedule_->step();
    if (!watch(loader_.position(), loader_.batches(), sums_, optimizer_->lr()) &&
        loader_.position() < loader_.batches()) {
      seconds_before_ = elapsed();
      return false;
    }
  }
  end_epoch();
  history_.back().seconds = elapsed();
  seconds_before_ = 0;
  return true;
}

void Trainer::end_epoch() {
  const double n = static_cast<double>(sums_.examples);
  const Counts none = Counts::of(data_.task, data_.classes, false);
  EpochRecord record{.epoch = epoch_ + 1,
                     .lr = optimizer_->lr(),
                     .train_loss = sums_.loss / n,
                     .train = metrics_of(data_.task, sums_.counts),
                     .validation_loss = no_value,
                     .validation = metrics_of(data_.task, none),
                     .gradient_norm = gradient_norm_};
  if (data_.validation.size() > 0) {
    const Evaluation e = evaluate(*model_, *loss_, data_, data_.validation);
    record.validation_loss = e.loss;
    record.validation = e.metrics();
    Profile::lap("validation");
  }
  improved_ = is_better(record);
  history_.push_back(record);
  if (improved_) best_ = static_cast<int64_t>(history_.size()) - 1;
  if (schedule_ && schedule_->interval() == Interval::epoch)
    schedule_->step(data_.validation.size() > 0 ? record.validation_loss : record.train_loss);
  ++epoch_;
  sums_ = {.counts = none};
  loader_.start(epoch_);
}

// Without a validation part the last epoch is the best: choosing by training loss would choose the most overfitted.
bool Trainer::is_better(const EpochRecord& record) const {
  if (best_ < 0 || data_.validation.size() == 0) return true;
  const EpochRecord& best = history_[static_cast<size_t>(best_)];
  const double value = value_of(record.validation, experiment_.train.best_by);
  const double highest = value_of(best.validation, experiment_.train.best_by);
  if (experiment_.train.best_by != "loss" && value != highest) return value > highest;
  return record.validation_loss < best.validation_loss;
}

}  // namespace tarn
