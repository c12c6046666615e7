// The sweep over all parameters, and saving and loading of what optimizers keep.
#include "optim/optimizer.h"

#include <algorithm>

#include "core/parallel.h"

namespace tarn {

Optimizer::Optimizer(std::vector<NamedTensor> parameters, std::span<const size_t> group_of, size_t groups)
    : groups_(groups) {
  check(group_of.size() == parameters.size(), "optimizer: ", parameters.size(), " parameters, but groups for ",
        group_of.size());
  slots_.resize(parameters.size());
  active_.reserve(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const NamedTensor& p = parameters[i];
    check(p.tensor != nullptr && p.tensor->defined(), "optimizer: parameter '", p.name, "' is undefined");
    check(p.tensor->floating(), "optimizer: parameter '", p.name, "' is ", p.tensor->dtype(),
          "; only float32 and float64 can be trained");
    check(group_of[i] < groups, "optimizer: parameter '", p.name, "' is in group ", group_of[i], " of ", groups);
    slots_[i].parameter = std::move(parameters[i]);
    slots_[i].group = group_of[i];
  }
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> tensors;
  for (const Slot& slot : slots_) tensors.push_back(*slot.parameter.tensor);
  return tensors;
}

std::optional<double> Optimizer::momentum(size_t group) const {
  const double* value = momentum_of(group);
  return value ? std::optional(*value) : std::nullopt;
}

void Optimizer::set_momentum(double momentum, size_t group) {
  double* value = momentum_of(group);
  check(value != nullptr, name(), ": has neither momentum nor betas to set");
  *value = momentum;
}

void Optimizer::check_gradients(std::span<const Tensor> gradients) const {
  check(gradients.size() == slots_.size(), name(), ": ", gradients.size(), " gradients for ", slots_.size(),
        " parameters");
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Tensor& p = *slots_[i].parameter.tensor;
    check(gradients[i].shape() == p.shape() && gradients[i].dtype() == p.dtype(), name(), ": the gradient of '",
          slots_[i].parameter.name, "' is ", gradients[i].dtype(), " ", gradients[i].shape(), ", the parameter ",
          p.dtype(), " ", p.shape());
  }
}

void Optimizer::step(std::span<const Tensor> gradients) {
  check_gradients(gradients);
  active_.clear();
  int64_t total = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    begin(slots_[i], i);
    Tensor& p = *slots_[i].parameter.tensor;
    dispatch_floating(p.dtype(), name(), [&p](auto type) { write_in_place<decltype(type)>(p); });
    if (p.numel() == 0) continue;
    active_.push_back({i, total});
    total += p.numel();
  }
  // Elements are independent, so that where the sweep is cut does not change a bit.
  const int64_t serial = int64_t{32} << 10;
  const int64_t piece = total < serial ? total : total < 8 * serial ? serial / 2 : 2 * serial;
  if (total <= piece) {
    sweep(gradients, 0, total);
    return;
  }
  parallel_for((total + piece - 1) / piece,
               [&](int64_t i) { sweep(gradients, i * piece, std::min(total, (i + 1) * piece)); });
}

/// Updates elements [from, to) of all active parameters laid end to end.
void Optimizer::sweep(std::span<const Tensor> gradients, int64_t from, int64_t to) {
  const auto after = [](int64_t position, const Active& a) { return position < a.first; };
  auto a = std::upper_bound(active_.begin(), active_.end(), from, after);
  if (a != active_.begin()) --a;
  for (; a != active_.end() && a->first < to; ++a) {
    Slot& slot = slots_[a->slot];
    const int64_t begin = std::max<int64_t>(from - a->first, 0);
    const int64_t end = std::min(to - a->first, slot.parameter.tensor->numel());
    update(slot, a->slot, gradients[a->slot], begin, end);
  }
}

NamedValues Optimizer::state() const {
  NamedValues values;
  for (const Slot& slot : slots_) {
    if (slot.steps == 0) continue;
    const auto scalar = [&](const char* key, double value) {
      values.emplace_back(slot.parameter.name + "/" + key, Tensor::full({}, value, Dtype::f64));
    };
    scalar("step", static_cast<double>(slot.steps));
    for (size_t k = 0; k < number_names().size(); ++k) scalar(number_names()[k], slot.numbers[k]);
    for (size_t b = 0; b < buffer_names().size(); ++b)
      if (slot.buffers[b].defined())
        values.emplace_back(slot.parameter.name + "/" + buffer_names()[b], slot.buffers[b]);
  }
  return values;
}

void Optimizer::load_state(const NamedValues& state) {
  std::vector<Slot> loaded = slots_;
  std::vector<char> known(state.size(), 0);
  const auto find = [&](const std::string& entry) -> const Tensor* {
    for (size_t i = 0; i < state.size(); ++i) {
      if (state[i].first != entry) continue;
      known[i] = 1;
      return &state[i].second;
    }
    return nullptr;
  };
  for (Slot& slot : loaded) {
    const std::string prefix = slot.parameter.name + "/";
    slot.steps = 0;
    slot.buffers = {};
    if (const Tensor* steps = find(prefix + "step")) {
      const double value = steps->item();
      check(value >= 1 && value < 9e15 && value == static_cast<double>(static_cast<int64_t>(value)),
            "optimizer state: '", prefix, "step' is ", value, ", not a count of steps");
      slot.steps = static_cast<int64_t>(value);
    }
    for (size_t k = 0; k < number_names().size(); ++k) {
      const Tensor* number = find(prefix + number_names()[k]);
      check((number != nullptr) == (slot.steps > 0), "optimizer state: '", prefix, number_names()[k], "' is ",
            number ? "there without its step" : "missing");
      if (number) slot.numbers[k] = number->item();
    }
    for (size_t b = 0; b < buffer_names().size(); ++b) {
      const std::string entry = prefix + buffer_names()[b];
      const Tensor* buffer = find(entry);
      check(buffer == nullptr || slot.steps > 0, "optimizer state: '", entry, "' is there without its step");
      check(buffer != nullptr || slot.steps == 0 || !uses(slot.group, b), "optimizer state: '", entry, "' is missing");
      if (!buffer) continue;
      const Tensor& p = *slot.parameter.tensor;
      check(buffer->defined() && buffer->shape() == p.shape() && buffer->dtype() == p.dtype(), "optimizer state: '",
            entry, "' is ", buffer->dtype(), " ", buffer->shape(), ", the parameter ", p.dtype(), " ", p.shape());
      slot.buffers[b] = buffer->clone();
    }
  }
  for (size_t i = 0; i < state.size(); ++i)
    check(known[i], "optimizer state: '", state[i].first, "' belongs to no parameter of this ", name());
  slots_ = std::move(loaded);
}

}  // namespace tarn
