// The optimizer: it alone writes into parameters, in one sweep over all of them per step, and keeps their running
// averages.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/tensor.h"
#include "layers/module.h"

namespace tarn {

/// Named values for a checkpoint.
using NamedValues = std::vector<std::pair<std::string, Tensor>>;

/// What an optimizer keeps for one parameter.
struct Slot {
  static constexpr size_t max_buffers = 3;
  static constexpr size_t max_numbers = 2;

  NamedTensor parameter;
  size_t group = 0;
  int64_t steps = 0;                        ///< updates so far; a step without a gradient is none
  std::array<Tensor, max_buffers> buffers;  ///< of the parameter's shape; undefined before the first gradient
  std::array<double, max_numbers> numbers{};
  bool fresh = false;  ///< this step made a buffer
};

/// Minimises by one of the methods in optim/*.cpp. Parameters belong to groups, each with its own hyper-parameters.
/// Results are the same bits for any number of threads.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update in place. `gradients[i]` belongs to `parameters()[i]`, with its shape and dtype; where it is undefined
  /// the parameter and its state stay as they are. Throws before anything is changed.
  void step(std::span<const Tensor> gradients);

  size_t size() const { return slots_.size(); }
  const NamedTensor& parameter(size_t i) const { return slots_[i].parameter; }
  /// The tensors to differentiate with respect to, in the order of `step`'s gradients.
  std::vector<Tensor> parameters() const;

  size_t groups() const { return groups_; }
  size_t group_of(size_t parameter) const { return slots_[parameter].group; }
  double lr(size_t group = 0) const { return *rate(group); }
  void set_lr(double lr, size_t group = 0) { *rate(group) = lr; }
  /// `momentum`, or the first of `betas`; nothing where the method has neither.
  std::optional<double> momentum(size_t group = 0) const;
  /// Throws where the method has no momentum.
  void set_momentum(double momentum, size_t group = 0);

  /// Running averages and counts, as "PARAMETER/NAME" with PyTorch's names: "conv1.weight/exp_avg". Buffers share
  /// storage with the optimizer; clone what has to outlive the next step. Learning rates are the config's and the
  /// schedule's.
  NamedValues state() const;
  /// Continues from a saved state; a parameter without entries starts anew. Throws, naming the entry, where one is
  /// unknown or has another shape or dtype, or where some of a parameter's entries are missing.
  void load_state(const NamedValues& state);

 protected:
  Optimizer(std::vector<NamedTensor> parameters, std::span<const size_t> group_of, size_t groups);

  /// Where the group's learning rate and momentum stand in its config.
  virtual double* rate(size_t group) const = 0;
  virtual double* momentum_of(size_t group) const = 0;
  virtual std::span<const char* const> buffer_names() const = 0;
  virtual std::span<const char* const> number_names() const = 0;
  /// Whether the group's config makes use of a buffer.
  virtual bool uses(size_t group, size_t buffer) const = 0;
  /// Makes missing buffers and works out the factors of this step.
  virtual void begin(Slot& slot, size_t index) = 0;
  /// Updates elements [from, to) of a parameter.
  virtual void update(Slot& slot, size_t index, const Tensor& gradient, int64_t from, int64_t to) = 0;
  virtual const char* name() const = 0;

 private:
  struct Active {
    size_t slot;
    int64_t first;  ///< position of its first element in the sweep
  };
  void check_gradients(std::span<const Tensor> gradients) const;
  void sweep(std::span<const Tensor> gradients, int64_t from, int64_t to);
  void load_slot(Slot& slot, const NamedValues& state);

  std::vector<Slot> slots_;
  size_t groups_ = 1;
  std::vector<Active> active_;
};

/// A row of the optimizer registry. `make` takes the hyper-parameters of each group.
struct OptimizerInfo {
  static constexpr const char* kind = "optimizer";
  std::string doc;
  std::function<std::unique_ptr<Optimizer>(const std::vector<Json>& groups, std::vector<NamedTensor> parameters,
                                           std::span<const size_t> group_of)>
      make;
  ConfigInfo config;
};

/// The optimizer that `json` describes: {"type": "AdamW", "lr": 1e-3, "groups": [{"params": "*.bias", "weight_decay":
/// 0}]}, or just a name. A group takes the parameters whose names match one of its patterns (`*`: any characters; the
/// first group that matches wins) and may set any hyper-parameter anew; parameters that no group names form one more
/// group, the last. The tensors must outlive the optimizer. Throws located errors.
std::unique_ptr<Optimizer> make_optimizer(const Json& json, std::vector<NamedTensor> parameters);

/// Scales the gradients so that their common norm is at most `max_norm`: by min(1, max_norm / (norm + 1e-6)), as
/// PyTorch's clip_grad_norm_. `norm_type` is any p > 0, or infinity. Undefined gradients are skipped. Storage that
/// somebody else holds is replaced, not written. Returns the norm before; where it is not finite, so are the gradients.
double clip_grad_norm(std::span<Tensor> gradients, double max_norm, double norm_type = 2);
/// Clamps every element of the gradients to [-value, value]; NaN stays. PyTorch's clip_grad_value_.
void clip_grad_value(std::span<Tensor> gradients, double value);

}  // namespace tarn
