// Runs a model in checkpointed segments: between them only the values are kept that a later segment reads.
#include <algorithm>

#include "core/checkpoint.h"
#include "layers/model_step.h"

namespace tarn {

/// Steps [first, last) as a segment: the slots it reads from before it, and those of its own that are read after it.
struct Model::Cut {
  size_t first, last;
  std::vector<size_t> inputs, outputs;
};

Model::Cut Model::cut_between(size_t first, size_t last) const {
  const size_t own_from = steps_[first].first_slot;
  const size_t own_to = last < steps_.size() ? steps_[last].first_slot : slot_count_;
  Cut cut{first, last, {}, {}};
  const auto add = [](std::vector<size_t>& slots, size_t slot) {
    if (std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(slot);
  };
  for (size_t i = first; i < last; ++i)
    for (const size_t slot : steps_[i].reads)
      if (slot < own_from) add(cut.inputs, slot);
  for (size_t i = last; i < steps_.size(); ++i)
    for (const size_t slot : steps_[i].reads)
      if (slot >= own_from && slot < own_to) add(cut.outputs, slot);
  for (const size_t slot : result_slots_)
    if (slot >= own_from && slot < own_to) add(cut.outputs, slot);
  return cut;
}

void Model::run_segment(const Cut& cut, std::vector<Tensor>& slots, Context& context) const {
  // The first run is the pass itself; later ones repeat its random numbers and leave running statistics alone.
  const Context start = context;
  const auto run_steps = [this, cut, start, &context, again = false](const Tensors& inputs) mutable {
    Context repeated = start;
    repeated.update_buffers = false;
    Context& used = again ? repeated : context;
    again = true;
    std::vector<Tensor> own(slot_count_);
    for (size_t i = 0; i < inputs.size(); ++i) own[cut.inputs[i]] = inputs[i];
    for (size_t i = cut.first; i < cut.last; ++i) run(steps_[i], own, used);
    Tensors outputs;
    for (const size_t slot : cut.outputs) outputs.push_back(own[slot]);
    return outputs;
  };
  Tensors inputs;
  for (const size_t slot : cut.inputs) inputs.push_back(slots[slot]);
  const Tensors outputs = checkpoint(Segment(run_steps), inputs);
  for (size_t i = 0; i < outputs.size(); ++i) slots[cut.outputs[i]] = outputs[i];
  for (size_t i = cut.first; i < cut.last; ++i)
    for (const size_t slot : steps_[i].last_reads) slots[slot] = Tensor();
}

void Model::run_segments(std::vector<Tensor>& slots, Context& context) const {
  const int64_t segments = context.checkpoints;
  context.checkpoints = 0;  // models inside run plainly
  int64_t total = 0;
  for (const ItemInfo& info : infos_) total += info.outputs.front().numel();
  // A segment ends where a further share of all values has been made. The last one is needed at once and runs plainly.
  size_t first = 0;
  int64_t made = 0;
  int64_t shares = 0;
  for (size_t i = 0; i + 1 < steps_.size(); ++i) {
    made += infos_[i].outputs.front().numel();
    const int64_t now = std::min(segments - 1, made * segments / std::max<int64_t>(total, 1));
    if (now <= shares) continue;
    shares = now;
    run_segment(cut_between(first, i + 1), slots, context);
    first = i + 1;
  }
  for (; first < steps_.size(); ++first) run(steps_[first], slots, context);
  context.checkpoints = segments;
}

}  // namespace tarn
