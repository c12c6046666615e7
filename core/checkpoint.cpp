// Runs segments once for their values and once more for their gradients.
#include "core/checkpoint.h"

#include <memory>

#include "core/derivatives.h"
#include "core/ops.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn {

namespace {

/// Whether something can flow back to a value.
bool differentiable(const Tensor& x) {
  return x.floating() && (x.is_leaf() || x.place().tape != 0);
}

/// What a sweep needs to run a segment again. Its inputs are those of the segment, then the leaves that it used.
class Again {
 public:
  Again(Segment segment, Tensors inputs, size_t own)
      : segment_(std::move(segment)), inputs_(std::move(inputs)), own_(own), finite_(Recorder::wants_finite()) {}

  /// The share of the cotangent g that flows to input `i`. The sweep asks for one input after the other: the first one
  /// makes them all.
  Tensor gradient(size_t i, const Tensor& g) {
    const bool recorded = Tape::current() != nullptr;
    if (left_ == 0 || asked_[i] || recorded != recorded_ || !same(made_for_, g)) {
      gradients_ = recorded ? recorded_gradients(g) : plain_gradients(g);
      made_for_ = g;
      recorded_ = recorded;
      asked_.assign(inputs_.size(), false);
      left_ = edges_;
    }
    asked_[i] = true;
    const Tensor result =
        gradients_[i].defined() ? gradients_[i] : Tensor::zeros(inputs_[i].shape(), inputs_[i].dtype());
    if (--left_ == 0) {
      gradients_.clear();
      made_for_ = Tensor();
    }
    return result;
  }
  void add_edge() { ++edges_; }
  void visit(VisitTensor see, void* visitor) const {
    for (const Tensor& x : inputs_) see(x, visitor);
  }

 private:
  static bool same(const Tensor& a, const Tensor& b) {
    return a.storage().block() == b.storage().block() && a.place().entry == b.place().entry;
  }
  Tensors first(const Tensors& all) const { return Tensors(all.begin(), all.begin() + static_cast<ptrdiff_t>(own_)); }

  /// On a tape of its own, which goes when it is done.
  Tensors plain_gradients(const Tensor& g) const {
    Tape tape;
    tape.check_finite(finite_);
    Tensors variables = inputs_;
    for (size_t i = 0; i < own_; ++i)
      if (differentiable(inputs_[i])) variables[i] = tape.variable(inputs_[i]);
    const Tensor y = joined(segment_(first(variables)));
    return tape.gradient(y, variables, {.allow_unused = true, .seed = g, .independent = true});
  }

  /// On the tape that records the sweep, so that the result can be differentiated again.
  Tensors recorded_gradients(const Tensor& g) const {
    Tensors variables = inputs_;
    for (size_t i = 0; i < own_; ++i)
      if (differentiable(inputs_[i]))
        variables[i] = record("variable", inputs_[i].detach(), Edge{inputs_[i], [](const Tensor& h) { return h; }});
    const Tensor y = joined(segment_(first(variables)));
    return Tape::current()->gradient(y, variables,
                                     {.create_graph = true, .allow_unused = true, .seed = g, .independent = true});
  }

  Segment segment_;
  Tensors inputs_;
  size_t own_;
  bool finite_;
  size_t edges_ = 0;
  Tensors gradients_;  // of the run for `made_for_`, until every edge has asked
  Tensor made_for_;
  bool recorded_ = false;
  std::vector<bool> asked_;
  size_t left_ = 0;
};

/// The pullback to one input.
struct AgainPullback {
  std::shared_ptr<Again> again;
  size_t input;
  Tensor operator()(const Tensor& g) const { return again->gradient(input, g); }
  void visit(VisitTensor see, void* visitor) const { again->visit(see, visitor); }
};

/// Parts of the row, as outputs of the given ones' shapes; integer outputs as they are.
Tensors apart(const Tensor& row, const Tensors& like) {
  Tensors outputs;
  int64_t at = 0;
  int64_t floating = 0;
  for (const Tensor& y : like) floating += y.floating();
  for (const Tensor& y : like) {
    if (!y.floating()) {
      outputs.push_back(y.detach());
      continue;
    }
    outputs.push_back(floating == 1 ? row : reshape(slice(row, 0, at, at + y.numel()), y.shape()));
    at += y.numel();
  }
  return outputs;
}

}  // namespace

Tensors checkpoint(Segment segment, const Tensors& inputs) {
  if (!Tape::current()) return segment(inputs);
  Tensors all = inputs;
  Tensors values;
  Tensor y;
  const bool finite = Recorder::wants_finite();
  {
    Tape tape;  // tells which leaves are met, and goes with all that was captured
    Tensors variables = inputs;
    tape.check_finite(finite);
    for (Tensor& x : variables)
      if (differentiable(x)) x = tape.variable(x);
    values = segment(variables);
    y = joined(values).detach();
    for (const Tensor& leaf : tape.leaves()) all.push_back(leaf);
  }
  for (Tensor& value : values) value = value.detach();
  const auto again = std::make_shared<Again>(std::move(segment), all, inputs.size());
  const Tensor row = record_many("checkpoint", y, all, [&](size_t i) {
    again->add_edge();
    return AgainPullback{again, i};
  });
  return apart(row, values);
}

Tensor checkpoint(std::function<Tensor(const Tensor&)> segment, const Tensor& x) {
  const auto many = [segment = std::move(segment)](const Tensors& inputs) -> Tensors { return {segment(inputs[0])}; };
  return checkpoint(Segment(many), Tensors{x})[0];
}

}  // namespace tarn
