// Recording entries on a tape.
#include "core/tape.h"

#include <atomic>
#include <cmath>

#include "core/record.h"
#include "core/roll.h"

namespace tarn {

namespace {

std::atomic<uint32_t> next_tape{1};

}  // namespace

namespace {

// The lists of the last tape of this thread, kept for the next one, so that a training step allocates nothing for its
// tape.
thread_local std::unique_ptr<Roll> spare;

}  // namespace

constinit thread_local Recorder::State Recorder::state{};

Tape::Tape() : roll_(spare ? std::move(spare) : std::make_unique<Roll>()), outer_(Recorder::state.tape) {
  roll_->id = next_tape.fetch_add(1);
  if (roll_->id == 0) roll_->id = next_tape.fetch_add(1);
  roll_->profile = Profile::current();
  Recorder::state.tape = this;
}

Tape::~Tape() {
  if (Recorder::state.tape == this) Recorder::state.tape = outer_;
  roll_->clear();
  if (!spare) spare = std::move(roll_);
}

Tape* Tape::current() {
  return Recorder::state.tape;
}
uint32_t Tape::id() const {
  return roll_->id;
}
size_t Tape::size() const {
  return roll_->entries.size();
}
void Tape::check_finite(bool on) {
  roll_->finite = on;
}

EntryInfo Tape::entry(size_t number) const {
  check(number < size(), "tape entry ", number, ": there are ", size());
  const Entry& e = roll_->entries[number];
  EntryInfo info{static_cast<uint32_t>(number), e.op, {}, e.shape, e.dtype, roll_->scopes[e.scope], {}, false, 0};
  for (uint32_t i = 0; i < e.edge_count; ++i) {
    const EdgeSlot& edge = roll_->edges[e.first_edge + i];
    info.inputs.push_back(edge.input);
    info.released = info.released || !edge.type;
    if (edge.type) info.captured_bytes += edge.type->size;
  }
  if (const auto it = roll_->names.find(info.number); it != roll_->names.end()) info.name = it->second;
  return info;
}

void Tape::name(const Tensor& value, std::string name) {
  const uint32_t entry = value.is_leaf() ? roll_->leaves.find(value.storage().block()) : value.place().entry;
  check(entry != Recorder::nowhere && (value.is_leaf() || value.place().tape == id()), "name: '", name,
        "' is for a tensor that is not on this tape");
  roll_->names[entry] = std::move(name);
}

void Tape::retain(const Tensor& value, std::string text) {
  name(value, text);
  roll_->retained[std::move(text)] = value;
}

const Tensor& Tape::retained(std::string_view name) const {
  const auto found = roll_->retained.find(name);
  if (found != roll_->retained.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : roll_->retained) names.push_back(known);
  fail("retained: no value was retained as '", name, "'", did_you_mean(name, names));
}

void Tape::hook(const Tensor& value, GradientHook hook) {
  check(value.defined() && (value.is_leaf() || value.place().tape == id()),
        "hook: the value is not on this tape; mark it with requires_grad(), or add the hook where it was recorded");
  roll_->hooks.emplace(value.is_leaf() ? roll_->leaf_entry(value, "hook") : value.place().entry, std::move(hook));
}

Tensor Tape::variable(const Tensor& x) {
  Tensor own = x.detach();
  own.set_place({roll_->id, roll_->add_entry("variable", x)});
  return own;
}

Tensors Tape::leaves() const {
  Tensors leaves;
  for (const Tensor& leaf : roll_->leaves_held) leaves.push_back(leaf.requires_grad());
  return leaves;
}

uint32_t Recorder::find(const Tensor& x, const char* op) {
  Roll& roll = *state.tape->roll_;
  if (x.place().tape == roll.id) return x.place().entry;
  if (x.is_leaf()) return roll.leaf_entry(x, op);
  check(x.place().tape == 0, op, ": an input was recorded on another tape, which is closed or not the innermost; ",
        "call detach() on it to use its value alone");
  return nowhere;
}

uint32_t Recorder::begin_entry(const char* op, Tensor& y, bool keep_output) {
  Roll& roll = *state.tape->roll_;
  if (roll.profile) roll.profile->mark(op, roll.scopes[roll.scope], Profile::Phase::forward);
  const uint32_t entry = roll.add_entry(op, y);
  y.set_place({roll.id, entry});
  if (keep_output) roll.entries[entry].output = ::new (roll.arena.take(sizeof(Tensor))) Tensor(y.detach());
  if (keep_output) roll.entries[entry].output->set_place(y.place());
  return entry;
}

void* Recorder::add_edge(uint32_t input, const PullbackType& type) {
  Roll& roll = *state.tape->roll_;
  void* captures = roll.arena.take(type.size);
  roll.edges.push_back({input, &type, captures});
  ++roll.entries.back().edge_count;
  return captures;
}

bool Recorder::wants_finite() {
  return state.tape->roll_->finite;
}

void Recorder::stale(const char* op) {
  fail(op, ": a value that '", state.sweep_op, "' captured was assigned over before its gradient was taken; ",
       "take gradients before changing parameters, or clone() the value");
}

NoRecord::NoRecord() : paused_(Recorder::state.tape) {
  Recorder::state.tape = nullptr;
}
NoRecord::~NoRecord() {
  Recorder::state.tape = paused_;
}

Scope::Scope(std::string_view name) {
  Tape* tape = Recorder::state.tape;
  if (!tape) return;
  Roll& roll = *tape->roll_;
  before_ = roll.scope;
  active_ = true;
  std::string path = roll.scopes[before_];
  if (!path.empty()) path += '.';
  path += name;
  const auto [it, added] = roll.scope_numbers.try_emplace(path, static_cast<uint32_t>(roll.scopes.size()));
  if (added) roll.scopes.push_back(path);
  roll.scope = it->second;
}

Scope::~Scope() {
  if (active_ && Recorder::state.tape) Recorder::state.tape->roll_->scope = before_;
}

}  // namespace tarn
