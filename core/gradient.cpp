// The sweep: from an entry down to the values that gradients are wanted of, in one loop.
#include "core/kernels/accumulate.h"
#include "core/ops.h"
#include "core/roll.h"

namespace tarn {

/// One sweep over a tape. Sweeps nest: a pullback may sweep the same tape again.
class Sweep {
 public:
  Sweep(Roll& roll, const GradientOptions& options) : roll_(roll), options_(options), before_(Recorder::state) {
    slots_.swap(roll.slots);
    needed_.swap(roll.needed);
    if (!options.create_graph) Recorder::state.tape = nullptr;
  }
  ~Sweep() {
    slots_.clear();
    slots_.swap(roll_.slots);
    needed_.swap(roll_.needed);
    Recorder::state = before_;
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Cotangents of the wanted entries, undefined where nothing reaches one.
  Tensors run(uint32_t top, const Tensor& seed, std::span<const uint32_t> wanted);

 private:
  // What stands in `needed_`.
  enum : uint8_t { aside = 0, passed = 1, goal = 2 };

  uint32_t mark(uint32_t top, std::span<const uint32_t> wanted);
  void visit(uint32_t number, const Tensor& g);
  void add_contribution(uint32_t from, uint32_t input, Tensor c);
  void apply_hooks(uint32_t number, Tensor& g);

  Roll& roll_;
  const GradientOptions& options_;
  const Recorder::State before_;
  std::vector<Tensor> slots_;
  std::vector<uint8_t> needed_;
};

// Marks entries that lead down to one of the wanted ones; returns the lowest of these.
uint32_t Sweep::mark(uint32_t top, std::span<const uint32_t> wanted) {
  needed_.assign(top + 1, aside);
  uint32_t lowest = top;
  for (const uint32_t w : wanted) {
    if (w > top) continue;
    needed_[w] = goal;
    lowest = std::min(lowest, w);
  }
  for (uint32_t e = lowest; e <= top; ++e) {
    if (needed_[e] != aside) continue;
    const Entry& entry = roll_.entries[e];
    for (uint32_t i = 0; i < entry.edge_count; ++i) {
      const uint32_t input = roll_.edges[entry.first_edge + i].input;
      if (input >= lowest && needed_[input] != aside) needed_[e] = passed;
    }
  }
  return lowest;
}

// Adds a contribution to the cotangent of an entry, after undoing the broadcasting of its op.
void Sweep::add_contribution(uint32_t from, uint32_t input, Tensor c) {
  // Copies, for with create_graph `sum_to` makes the list of entries grow.
  const Shape shape = roll_.entries[input].shape;
  const Dtype dtype = roll_.entries[input].dtype;
  if (!(c.shape() == shape)) c = sum_to(c, shape);
  if (c.dtype() != dtype) fail(roll_.describe(from), ": a cotangent is ", c.dtype(), " where ", dtype, " is due");
  Tensor& slot = slots_[input];
  if (!slot.defined())
    slot = std::move(c);
  else if (!options_.create_graph && slot.storage().unique())
    kernels::accumulate(slot, c);
  else
    slot = add(slot, c);
}

void Sweep::apply_hooks(uint32_t number, Tensor& g) {
  const auto [first, last] = roll_.hooks.equal_range(number);
  for (auto hook = first; hook != last; ++hook) {
    Tensor other = hook->second(g);
    if (!other.defined()) continue;
    check(other.shape() == g.shape() && other.dtype() == g.dtype(), "a hook on ", roll_.describe(number),
          " turned a cotangent ", g.shape(), " of ", g.dtype(), " into ", other.shape(), " of ", other.dtype());
    g = std::move(other);
  }
}

void Sweep::visit(uint32_t number, const Tensor& g) {
  const uint32_t count = roll_.entries[number].edge_count;
  const char* const op = roll_.entries[number].op;
  Recorder::state.sweep_stamp = roll_.entries[number].stamp;
  Recorder::state.sweep_op = op;
  const Tensor none;
  for (uint32_t i = 0; i < count; ++i) {
    // By index each time: with create_graph the pullback itself makes the lists grow.
    const EdgeSlot edge = roll_.edges[roll_.entries[number].first_edge + i];
    if (needed_[edge.input] == aside) continue;
    if (!edge.type)
      fail("gradient: what ", roll_.describe(number),
           " captured was released by an earlier gradient(); ask that one to keep it");
    const Tensor* output = roll_.entries[number].output;
    Tensor c = edge.type->call(edge.captures, g, output ? *output : none);
    if (before_.patch) c = (*before_.patch)(op, i, c);
    if (roll_.finite) roll_.check_finite(number, g, c);
    add_contribution(number, edge.input, std::move(c));
    if (roll_.profile) roll_.profile->mark(op, roll_.scopes[roll_.entries[number].scope], Profile::Phase::backward);
  }
  if (!options_.keep && !options_.create_graph) roll_.release(roll_.entries[number]);
}

Tensors Sweep::run(uint32_t top, const Tensor& seed, std::span<const uint32_t> wanted) {
  const uint32_t lowest = mark(top, wanted);
  if (slots_.size() <= top) slots_.resize(top + 1);
  slots_[top] = seed;
  Tensors result(wanted.size());
  for (uint32_t e = top + 1; e-- > lowest;) {
    Tensor g = std::move(slots_[e]);
    slots_[e] = Tensor();
    if (!g.defined() || needed_[e] == aside) continue;
    if (!roll_.hooks.empty()) apply_hooks(e, g);
    if (needed_[e] == goal) {
      for (size_t i = 0; i < wanted.size(); ++i)
        if (wanted[i] == e) result[i] = g;
      if (options_.independent) continue;
    }
    if (roll_.entries[e].edge_count) visit(e, g);
  }
  return result;
}

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
  check(!options.create_graph || Recorder::state.tape == this,
        "gradient: create_graph needs this tape to be the innermost open one");
  Tensors result;
  {
    Sweep sweep(roll, options);
    result = sweep.run(top, options.seed.defined() ? options.seed : Tensor::ones(y.shape(), y.dtype()), wanted);
  }
  for (size_t i = 0; i < wrt.size(); ++i)
    if (!result[i].defined() && !options.allow_unused) result[i] = Tensor::zeros(wrt[i].shape(), wrt[i].dtype());
  return result;
}

}  // namespace tarn
