// How an op puts itself on the tape: its value, and one edge per input with the pullback that carries a cotangent back.
#pragma once

#include <functional>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "core/tensor.h"

namespace tarn {

class Tape;

/// One input of an op and how a cotangent flows back to it. The pullback takes (g) or (g, y), y being the op's own
/// output, and is written in public ops. Its captures are what the tape keeps alive. It may return a tensor that is
/// broader than the input: the sweep sums it down.
template <class F>
struct Edge {
  const Tensor& input;
  F pullback;
};
template <class F>
Edge(const Tensor&, F) -> Edge<F>;

/// What a pullback tells a tape report where its captures hold tensors behind pointers.
using VisitTensor = void (*)(const Tensor& held, void* visitor);

/// A pullback without its type: how to call it, how to drop its captures, and how to find tensors that lie outside
/// them.
struct PullbackType {
  Tensor (*call)(void* captures, const Tensor& g, const Tensor& y);
  void (*drop)(void* captures);
  size_t size;
  bool wants_output;
  void (*visit)(const void* captures, VisitTensor visit, void* visitor);  // nullptr where all lie inside
};

template <class F>
inline constexpr PullbackType pullback_type = {
    [](void* captures, const Tensor& g, [[maybe_unused]] const Tensor& y) -> Tensor {
      if constexpr (std::is_invocable_v<F&, const Tensor&, const Tensor&>)
        return (*static_cast<F*>(captures))(g, y);
      else
        return (*static_cast<F*>(captures))(g);
    },
    [](void* captures) { static_cast<F*>(captures)->~F(); }, sizeof(F),
    std::is_invocable_v<F&, const Tensor&, const Tensor&>,
    [] {
      if constexpr (requires(const F& f) { f.visit(VisitTensor{}, nullptr); })
        return +[](const void* captures, VisitTensor visit, void* visitor) {
          static_cast<const F*>(captures)->visit(visit, visitor);
        };
      else
        return nullptr;
    }()};

/// The tape's side of recording.
struct Recorder {
  static constexpr uint32_t nowhere = ~0u;

  /// What a pullback's result is replaced with: given the op, the number of the edge among those recorded, and the
  /// result. Tests plant errors with it.
  using Patch = std::function<Tensor(const char* op, uint32_t edge, const Tensor& contribution)>;

  /// What this thread is doing: which tape records, and, inside a sweep, up to which change the captured values must be
  /// untouched.
  struct State {
    Tape* tape = nullptr;
    uint64_t sweep_stamp = 0;  // 0: not in a sweep
    const char* sweep_op = nullptr;
    const Patch* patch = nullptr;
  };
  static constinit thread_local State state;

  /// The entry of `x` on the recording tape, made now if it is a leaf that the tape has not met; `nowhere` if x is a
  /// constant.
  static uint32_t find(const Tensor& x, const char* op);
  static uint32_t begin_entry(const char* op, Tensor& y, bool keep_output);
  static void* add_edge(uint32_t input, const PullbackType& type);
  static void check_finite(const char* op, const Tensor& y, std::span<const Tensor* const> inputs);
  static bool wants_finite();

  /// Throws when a value that the sweep reads was assigned over after it was captured.
  static void check_fresh(const Tensor& x, const char* op) {
    if (state.sweep_stamp != 0 && x.defined() &&
        x.storage().block()->changed_at.load(std::memory_order_relaxed) > state.sweep_stamp)
      stale(op);
  }
  [[noreturn]] static void stale(const char* op);

  template <class F>
  static void place(uint32_t input, F&& pullback) {
    using P = std::remove_cvref_t<F>;
    static_assert(alignof(P) <= 16);
    if (input != nowhere) ::new (add_edge(input, pullback_type<P>)) P(std::forward<F>(pullback));
  }
};

/// Returns `y`; where a tape records and an input is on it, `y` becomes an entry with the given edges. An op calls it
/// last.
template <class... F>
Tensor record(const char* op, Tensor y, Edge<F>... edges) {
  (Recorder::check_fresh(edges.input, op), ...);
  if (!Recorder::state.tape) return y;
  const uint32_t found[] = {Recorder::find(edges.input, op)...};
  bool any = false;
  for (const uint32_t entry : found) any = any || entry != Recorder::nowhere;
  if (Recorder::wants_finite()) {
    const Tensor* inputs[] = {&edges.input...};
    Recorder::check_finite(op, y, inputs);
  }
  if (!any) return y;
  size_t i = 0;
  bool keep_output = false;
  ((keep_output = keep_output || (pullback_type<F>.wants_output && found[i] != Recorder::nowhere), ++i), ...);
  Recorder::begin_entry(op, y, keep_output);
  i = 0;
  (Recorder::place(found[i++], std::move(edges.pullback)), ...);
  return y;
}

/// `record` for an op with any number of inputs that share one form of pullback: `make(i)` gives the pullback of input
/// i.
template <class Make>
Tensor record_many(const char* op, Tensor y, std::span<const Tensor> inputs, Make make) {
  for (const Tensor& x : inputs) Recorder::check_fresh(x, op);
  if (!Recorder::state.tape) return y;
  std::vector<uint32_t> found;
  bool any = false;
  for (const Tensor& x : inputs) {
    found.push_back(Recorder::find(x, op));
    any = any || found.back() != Recorder::nowhere;
  }
  if (Recorder::wants_finite()) {
    std::vector<const Tensor*> values;
    for (const Tensor& x : inputs) values.push_back(&x);
    Recorder::check_finite(op, y, values);
  }
  if (!any) return y;
  using F = decltype(make(size_t{}));
  Recorder::begin_entry(op, y, pullback_type<F>.wants_output);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (found[i] != Recorder::nowhere) Recorder::place(found[i], make(i));
  return y;
}

}  // namespace tarn
