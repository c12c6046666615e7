// The sweep: from an entry down to the values that gradients are wanted of, in one loop.
#include "core/kernels/accumulate.h"
#include "core/ops.h"
#include "core/roll.h"

namespace tarn {

namespace {

// Where a sweep stands, so that captured values can be told to be stale; restored when it ends, also by an exception.
class SweepState {
 public:
  SweepState() : before_(Recorder::state) {}
  ~SweepState() {
    Recorder::state.sweep_stamp = before_.sweep_stamp;
    Recorder::state.sweep_op = before_.sweep_op;
  }
  SweepState(const SweepState&) = delete;
  SweepState& operator=(const SweepState&) = delete;
  void at(const Entry& e) {
    Recorder::state.sweep_stamp = e.stamp;
    Recorder::state.sweep_op = e.op;
  }

 private:
  Recorder::State before_;
};

// Adds a contribution to the cotangent of an entry, after undoing the broadcasting of its op.
void add_contribution(Roll& roll, uint32_t from, uint32_t input, Tensor c, bool recorded) {
  const Entry& target = roll.entries[input];
  if (!(c.shape() == target.shape)) c = sum_to(c, target.shape);
  check(c.dtype() == target.dtype, roll.describe(from), ": a cotangent is ", c.dtype(), " where ", target.dtype,
        " is due");
  Tensor& slot = roll.slots[input];
  if (!slot.defined())
    slot = std::move(c);
  else if (!recorded && slot.storage().unique())
    kernels::accumulate(slot, c);
  else
    slot = add(slot, c);
}

// Marks entries that lead down to one of the wanted ones; returns the lowest of these.
uint32_t mark_needed(Roll& roll, uint32_t top, std::span<const uint32_t> wanted) {
  roll.needed.assign(top + 1, 0);
  uint32_t lowest = top;
  for (const uint32_t w : wanted) {
    if (w > top) continue;
    roll.needed[w] = 1;
    lowest = std::min(lowest, w);
  }
  for (uint32_t e = lowest; e <= top; ++e) {
    const Entry& entry = roll.entries[e];
    for (uint32_t i = 0; i < entry.edge_count; ++i) {
      const uint32_t input = roll.edges[entry.first_edge + i].input;
      if (input >= lowest && roll.needed[input]) roll.needed[e] = 1;
    }
  }
  return lowest;
}

void sweep_entry(Roll& roll, uint32_t number, const Tensor& g, const GradientOptions& options, SweepState& state) {
  const uint32_t count = roll.entries[number].edge_count;
  state.at(roll.entries[number]);
  const Tensor none;
  for (uint32_t i = 0; i < count; ++i) {
    // By index each time: with create_graph the pullback itself makes the lists grow.
    const EdgeSlot edge = roll.edges[roll.entries[number].first_edge + i];
    if (!roll.needed[edge.input]) continue;
    check(edge.type != nullptr, "gradient: what ", roll.describe(number),
          " captured was released by an earlier gradient(); ask that one to keep it");
    const Tensor* output = roll.entries[number].output;
    add_contribution(roll, number, edge.input, edge.type->call(edge.captures, g, output ? *output : none),
                     options.create_graph);
  }
  if (!options.keep && !options.create_graph) roll.release(roll.entries[number]);
}

}  // namespace

Tensors Tape::gradient(const Tensor& y, std::span<const Tensor> wrt, const GradientOptions& options) {
  Roll& roll = *roll_;
  const auto locate = [&](const Tensor& t) {
    if (t.is_leaf()) return roll.leaves.find(t.storage().block());
    return t.place().tape == roll.id ? t.place().entry : Recorder::nowhere;
  };
  const uint32_t top = y.defined() ? locate(y) : Recorder::nowhere;
  check(top != Recorder::nowhere,
        "gradient: y is not on this tape; it depends on no leaf, or was made while no tape was open");
  check(options.seed.defined() || y.numel() == 1, "gradient: y has shape ", y.shape(),
        "; give a seed of that shape, or reduce it to one value");
  check(!options.seed.defined() || (options.seed.shape() == y.shape() && options.seed.dtype() == y.dtype()),
        "gradient: the seed has shape ", options.seed.shape(), ", y has ", y.shape());
  std::vector<uint32_t> wanted;
  for (const Tensor& t : wrt) {
    wanted.push_back(t.defined() ? locate(t) : Recorder::nowhere);
    check(options.allow_unused || wanted.back() != Recorder::nowhere, "gradient: wrt ", wanted.size() - 1,
          " is not on this tape; mark it with requires_grad() before it is used");
  }
  Tape* const before = Recorder::state.tape;
  check(!options.create_graph || before == this, "gradient: create_graph needs this tape to be the innermost open one");
  struct Restore {
    Tape* tape;
    ~Restore() { Recorder::state.tape = tape; }
  } const restore{before};
  if (!options.create_graph) Recorder::state.tape = nullptr;

  const uint32_t lowest = mark_needed(roll, top, wanted);
  if (roll.slots.size() <= top) roll.slots.resize(top + 1);
  struct Clean {
    std::vector<Tensor>& slots;
    ~Clean() { slots.clear(); }
  } const clean{roll.slots};
  Tensors result(wrt.size());
  SweepState state;
  roll.slots[top] = options.seed.defined() ? options.seed : Tensor::ones(y.shape(), y.dtype());
  for (uint32_t e = top + 1; e-- > lowest;) {
    Tensor g = std::move(roll.slots[e]);
    roll.slots[e] = Tensor();
    if (!g.defined()) continue;
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i] == e) result[i] = g;
    if (roll.needed[e] && roll.entries[e].edge_count) sweep_entry(roll, e, g, options, state);
  }
  for (size_t i = 0; i < wrt.size(); ++i)
    if (!result[i].defined() && !options.allow_unused) result[i] = Tensor::zeros(wrt[i].shape(), wrt[i].dtype());
  return result;
}

}  // namespace tarn
