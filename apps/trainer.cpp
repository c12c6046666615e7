// One step: forward, loss, gradients, update. One epoch: all steps, then validation.
#include "apps/trainer.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "apps/cli.h"
#include "core/ops.h"
#include "core/tape.h"

namespace tarn {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Json json_number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
double number_or_nan(const Json& value) {
  return value.is_null() ? nan : value.as_number();
}

Json to_json(const EpochRecord& r) {
  Json out = Json::object();
  out.set("event", "epoch");
  out.set("epoch", r.epoch);
  out.set("lr", json_number(r.lr));
  out.set("train_loss", json_number(r.train_loss));
  out.set("train_accuracy", json_number(r.train_accuracy));
  out.set("validation_loss", json_number(r.validation_loss));
  out.set("validation_accuracy", json_number(r.validation_accuracy));
  out.set("gradient_norm", json_number(r.gradient_norm));
  out.set("seconds", json_number(r.seconds));
  return out;
}

EpochRecord epoch_record(const Json& json) {
  return {json.at("epoch").as_integer(),
          number_or_nan(json.at("lr")),
          number_or_nan(json.at("train_loss")),
          number_or_nan(json.at("train_accuracy")),
          number_or_nan(json.at("validation_loss")),
          number_or_nan(json.at("validation_accuracy")),
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
  ++step_;
  const int64_t n = batch.x.size(0);
  sums_.loss += value * static_cast<double>(n);
  sums_.examples += n;
  if (!batch.y.floating() && scores.rank() == 2) {
    const auto guesses = best_classes(scores.detach());
    for (size_t i = 0; i < guesses.size(); ++i) sums_.correct += guesses[i] == batch.y.data<int64_t>()[i];
  }
}

bool Trainer::run_epoch(const Watch& watch) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  improved_ = false;
  const auto elapsed = [&] { return seconds_before_ + std::chrono::duration<double>(Clock::now() - start).count(); };
  for (Batch batch; loader_.next(batch);) {
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
  EpochRecord record{
      epoch_ + 1, optimizer_->lr(), sums_.loss / n, static_cast<double>(sums_.correct) / n, nan, nan, gradient_norm_,
      0};
  if (data_.validation.size() > 0) {
    const Evaluation e = evaluate(*model_, *loss_, data_.validation.x, data_.validation.y, data_.classes);
    record.validation_loss = e.loss;
    record.validation_accuracy = e.classification() ? e.accuracy() : nan;
  }
  improved_ = is_better(record);
  history_.push_back(record);
  if (improved_) best_ = static_cast<int64_t>(history_.size()) - 1;
  if (schedule_ && schedule_->interval() == Interval::epoch)
    schedule_->step(data_.validation.size() > 0 ? record.validation_loss : record.train_loss);
  ++epoch_;
  sums_ = {};
  loader_.start(epoch_);
}

// Without a validation part the last epoch is the best: choosing by training loss would choose the most overfitted.
bool Trainer::is_better(const EpochRecord& record) const {
  if (best_ < 0 || data_.validation.size() == 0) return true;
  const EpochRecord& best = history_[static_cast<size_t>(best_)];
  if (experiment_.train.best_by == "accuracy" && record.validation_accuracy != best.validation_accuracy)
    return record.validation_accuracy > best.validation_accuracy;
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
  facts.set("correct", sums_.correct);
  facts.set("examples", sums_.examples);
  facts.set("seconds", seconds_before_);
  Json rows = Json::array();
  for (const EpochRecord& r : history_) rows.push(to_json(r));
  facts.set("history", rows);
  s.facts = to_text(facts);
  return s;
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
  sums_ = {number_or_nan(json.at("loss_sum")), json.at("correct").as_integer(), json.at("examples").as_integer()};
  seconds_before_ = json.at("seconds").as_number();
  history_.clear();
  for (const Json& row : json.at("history").items()) history_.push_back(epoch_record(row));
  loader_.start(epoch_, json.at("position").as_integer());
}

}  // namespace tarn
