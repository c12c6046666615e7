// Runs a model: its items from the top down, each value kept until nobody reads it any more.
#include "layers/model.h"

#include <algorithm>

#include "core/anomaly.h"
#include "core/count.h"
#include "core/tape.h"
#include "layers/model_step.h"

namespace tarn {

namespace {

std::string shapes_text(const Tensors& values) {
  std::string out;
  for (const Tensor& value : values) out += (out.empty() ? "" : ", ") + batch_text(value.shape());
  return out;
}

}  // namespace

Model::~Model() = default;

void Model::run(const Step& step, std::vector<Tensor>& slots, Context& context) const {
  const Scope scope(step.name);
  Tensors inputs;
  try {
    if (step.simple) {
      slots[step.first_slot] = step.module->forward(slots[step.reads.front()], context);
    } else {
      for (const size_t slot : step.reads) inputs.push_back(slots[slot]);
      Tensors outputs = step.module->apply(inputs, context);
      std::move(outputs.begin(), outputs.end(), slots.begin() + static_cast<ptrdiff_t>(step.first_slot));
    }
  } catch (const LayerError&) {
    throw;
  } catch (const NotFinite&) {  // names the layer itself
    throw;
  } catch (const Error& e) {
    if (step.simple) inputs.push_back(slots[step.reads.front()]);
    throw LayerError(
        text("layer '", step.path, "' (", step.type, ") with input ", shapes_text(inputs), ": ", e.what()));
  }
  for (const size_t slot : step.last_reads) slots[slot] = Tensor();
}

void Model::run_all(std::vector<Tensor>& slots, Context& context) const {
  if (context.checkpoints > 1 && Tape::current()) return run_segments(slots, context);
  for (const Step& step : steps_) run(step, slots, context);
}

Tensor Model::forward(const Tensor& x, Context& context) {
  check(input_names_.size() == 1, "this model has ", input_names_.size(), " inputs, was given 1");
  std::vector<Tensor> slots(slot_count_);
  slots[0] = x;
  run_all(slots, context);
  return std::move(slots[result_slots_.front()]);
}

Tensors Model::apply(const Tensors& inputs, Context& context) {
  check(inputs.size() == input_names_.size(), "this model has ", input_names_.size(), " inputs, was given ",
        inputs.size());
  std::vector<Tensor> slots(slot_count_);
  std::copy(inputs.begin(), inputs.end(), slots.begin());
  run_all(slots, context);
  Tensors results;
  for (const size_t slot : result_slots_) results.push_back(slots[slot]);
  return results;
}

std::vector<std::string> Model::outputs() const {
  return {result_names_.begin() + 1, result_names_.end()};
}

std::string Model::first_output() const {
  return result_names_.front();
}

void Model::parts(Parts& parts) {
  for (Step& step : steps_) parts(step.name, *step.module);
}

int64_t Model::multiply_adds(const std::vector<Shape>& inputs, const Shape&) const {
  int64_t total = 0;
  for (const ItemInfo& info : infos_) total = count_sum(total, info.multiply_adds);
  return inputs.empty() || inputs.front().rank() == 0 ? total : count_product(total, inputs.front()[0]);
}

Module& Model::layer(size_t i) {
  check(i < steps_.size(), "layer ", i, ": the model has ", steps_.size());
  return *steps_[i].module;
}

}  // namespace tarn
