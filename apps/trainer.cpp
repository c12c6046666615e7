// One step: forward, loss, gradients, update. One epoch: all steps, then validation.
#include "apps/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/cli.h"
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

void Trainer::step(const Batch& batch) {
  Context context{.training = true,
                  .seed = static_cast<uint64_t>(experiment_.seed),
                  .step = static_cast<uint64_t>(step_),
                  .checkpoints = experiment_.train.checkpoint};
  const Tensors wrt = optimizer_->parameters();
  Tape tape;
  tape.check_finite(experiment_.train.check_finite);
  const Tensor scores = model_->forward(batch.x, context);
  const Tensor loss = loss_->value(scores, batch.y);
  const double value = loss.item();
  if (!std::isfinite(value))
    throw Failure(
        text("training diverged: the loss is ", value, " in epoch ", epoch_ + 1, ", step ", step_ + 1,
             "; try a lower learning rate or clip_grad_norm, or find the place with --set train.check_finite=true"));
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

Trainer::State Trainer::state() {
  State s;
  for (const NamedTensor& p : parameters(*model_)) s.tensors.emplace_back("model/" + p.name, p.tensor->detach());
  for (const NamedTensor& b : buffers(*model_)) s.tensors.emplace_back("model/" + b.name, *b.tensor);
  for (auto& [name, value] : optimizer_->state()) s.tensors.emplace_back("optimizer/" + name, value);
  if (schedule_)
    for (auto& [name, value] : schedule_->state()) s.tensors.emplace_back("schedule/" + name, value);
  Json facts = Json::object();
  facts.set("epoch", epoch_);
  facts.set("position", loader_.position());
  facts.set("step", step_);
  facts.set("best", best_);
  facts.set("loss_sum", json_number(sums_.loss));
  facts.set("examples", sums_.examples);
  facts.set("correct", sums_.counts.right);
  facts.set("counted", sums_.counts.total);
  if (sums_.counts.total > 0) {  // at an epoch's end there is nothing to keep
    Json confusion = Json::array();
    for (const int64_t n : sums_.counts.confusion) confusion.push(n);
    facts.set("confusion", confusion);
  }
  facts.set("seconds", seconds_before_);
  Json rows = Json::array();
  for (const EpochRecord& r : history_) rows.push(to_json(r));
  facts.set("history", rows);
  s.facts = to_text(facts);
  return s;
}

void Trainer::load_sums(const Json& facts) {
  sums_ = {number_or_nan(facts.at("loss_sum")), facts.at("examples").as_integer(),
           Counts::of(data_.task, data_.classes, false)};
  Counts& counts = sums_.counts;
  counts.right = facts.at("correct").as_integer();
  const Json* counted = facts.find("counted");  // states of earlier versions count samples alone
  counts.total = counted ? counted->as_integer() : sums_.examples;
  const Json* confusion = facts.find("confusion");
  const size_t cells = confusion ? confusion->size() : 0;
  check(cells == (confusion ? counts.confusion.size() : 0), "the saved state counts ", cells,
        " pairs of classes, the data has ", counts.confusion.size(), "; it belongs to another experiment");
  for (size_t i = 0; i < cells; ++i) counts.confusion[i] = confusion->items()[i].as_integer();
}

void Trainer::load_state(const NamedValues& tensors, const std::string& facts) {
  NamedValues optimizer_state;
  NamedValues schedule_state;
  std::vector<NamedTensor> targets = parameters(*model_);
  for (const NamedTensor& b : buffers(*model_)) targets.push_back(b);
  size_t found = 0;
  for (const auto& [name, value] : tensors) {
    const size_t slash = name.find('/');
    const std::string part = name.substr(0, slash);
    const std::string rest = slash == std::string::npos ? "" : name.substr(slash + 1);
    if (part == "optimizer") optimizer_state.emplace_back(rest, value);
    if (part == "schedule") schedule_state.emplace_back(rest, value);
    if (part != "model") continue;
    for (const NamedTensor& t : targets) {
      if (t.name != rest) continue;
      assign(*t.tensor, value);
      ++found;
    }
  }
  check(found == targets.size(), "the saved state has ", found, " of the model's ", targets.size(),
        " tensors; it belongs to another experiment");
  optimizer_->load_state(optimizer_state);
  if (schedule_) schedule_->load_state(schedule_state);
  const Json json = parse_json(facts, "saved state");
  epoch_ = json.at("epoch").as_integer();
  step_ = json.at("step").as_integer();
  best_ = json.at("best").as_integer();
  load_sums(json);
  seconds_before_ = json.at("seconds").as_number();
  history_.clear();
  for (const Json& row : json.at("history").items()) history_.push_back(epoch_record(row));
  loader_.start(epoch_, json.at("position").as_integer());
}

}  // namespace tarn
