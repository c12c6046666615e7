// What a training is saved as and goes on from.
#include "apps/trainer.h"

namespace tarn {

namespace {

int64_t natural(const Json& value) {
  const int64_t number = value.as_integer();
  check(number >= 0, value.where(), number, " is negative");
  return number;
}

}  // namespace

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
  sums_ = {number_or_nan(facts.at("loss_sum")), natural(facts.at("examples")),
           Counts::of(data_.task, data_.classes, false)};
  Counts& counts = sums_.counts;
  counts.right = natural(facts.at("correct"));
  counts.total = natural(facts.at("counted"));
  const Json* confusion = facts.find("confusion");
  const size_t cells = confusion ? confusion->size() : 0;
  check(cells == (confusion ? counts.confusion.size() : 0), "the saved state counts ", cells,
        " pairs of classes, the data has ", counts.confusion.size(), "; it belongs to another experiment");
  for (size_t i = 0; i < cells; ++i) counts.confusion[i] = natural(confusion->items()[i]);
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
  epoch_ = natural(json.at("epoch"));
  step_ = natural(json.at("step"));
  load_sums(json);
  seconds_before_ = json.at("seconds").as_number();
  history_.clear();
  for (const Json& row : json.at("history").items()) history_.push_back(epoch_record(row));
  const auto epochs = static_cast<int64_t>(history_.size());
  check(epochs == epoch_, json.at("history").where(), epochs, " epochs, but the state is in epoch ", epoch_ + 1);
  best_ = json.at("best").as_integer();
  check(best_ >= -1 && best_ < epochs, json.at("best").where(), best_, "; expected -1 to ", epochs - 1);
  loader_.start(epoch_, json.at("position").as_integer());
}

}  // namespace tarn
