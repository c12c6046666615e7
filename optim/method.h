// How an optimizer is written: a struct with a Config, the factors of one step, and the loop over elements; the sweep,
// groups, state and registry come from here.
//
//   struct Method {
//     struct Config { double lr = …; void fields(auto& f); void validate() const (optional) };
//     static constexpr std::array<const char*, N> buffers;              names of the running averages
//     static bool uses(const Config&, size_t buffer);                   which of them this config needs
//     static double initial(const Config&, size_t buffer);              optional; 0 otherwise
//     static constexpr std::array<const char*, N> numbers;              optional: names of numbers kept per parameter
//     static double initial_number(const Config&, size_t number);       with `numbers`
//     struct Factors {…};
//     static Factors factors(const Config&, Slot&);                     once per parameter and step; steps counts from
//     1 template <class T> static void update(Factors, int64_t n, T* p, const T* g, T* …);   one T* per buffer, null
//     where unused
//   };
#pragma once

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "core/kernels/kernel.h"
#include "core/place.h"
#include "optim/optimizer.h"

namespace tarn {

/// An optimizer that follows a method.
template <class Method>
class MethodOptimizer final : public Optimizer {
 public:
  using Config = typename Method::Config;

  MethodOptimizer(const char* name, std::vector<Config> configs, std::vector<NamedTensor> parameters,
                  std::span<const size_t> group_of)
      : Optimizer(std::move(parameters), group_of, configs.size()),
        name_(name),
        configs_(std::move(configs)),
        factors_(size()) {}

 protected:
  const char* name() const override { return name_; }
  double* rate(size_t group) const override { return &configs_[group].lr; }
  double* momentum_of(size_t group) const override {
    if constexpr (requires(Config & c) { c.betas; }) {
      return &configs_[group].betas[0];
    } else if constexpr (requires(Config & c) { c.momentum; }) {
      return &configs_[group].momentum;
    } else {
      return nullptr;
    }
  }
  std::span<const char* const> buffer_names() const override { return Method::buffers; }
  std::span<const char* const> number_names() const override {
    if constexpr (requires { Method::numbers; }) {
      return Method::numbers;
    } else {
      return {};
    }
  }
  bool uses(size_t group, size_t buffer) const override { return Method::uses(configs_[group], buffer); }

  void begin(Slot& slot, size_t index) override {
    const Config& c = configs_[slot.group];
    slot.fresh = false;
    for (size_t b = 0; b < Method::buffers.size(); ++b) {
      if (slot.buffers[b].defined() || !Method::uses(c, b)) continue;
      double start = 0;
      if constexpr (requires { Method::initial(c, b); }) start = Method::initial(c, b);
      const Tensor& p = *slot.parameter.tensor;
      slot.buffers[b] = Tensor::full(p.shape(), start, p.dtype());
      slot.fresh = true;
    }
    if constexpr (requires { Method::numbers; }) {
      for (size_t k = 0; slot.steps == 0 && k < Method::numbers.size(); ++k)
        slot.numbers[k] = Method::initial_number(c, k);
    }
    ++slot.steps;
    factors_[index] = Method::factors(c, slot);
  }

  void update(Slot& slot, size_t index, const Tensor& gradient, int64_t from, int64_t to) override {
    dispatch_floating(gradient.dtype(), name_, [&](auto type) {
      using T = decltype(type);
      const auto at = [from](Tensor& t) { return t.defined() ? t.fill<T>() + from : nullptr; };
      [&]<size_t... B>(std::index_sequence<B...>) {
        Method::template update<T>(factors_[index], to - from, at(*slot.parameter.tensor), gradient.data<T>() + from,
                                   at(slot.buffers[B])...);
      }
      (std::make_index_sequence<Method::buffers.size()>());
    });
  }

 private:
  const char* name_;
  mutable std::vector<Config> configs_;  // by group; schedules turn lr and momentum
  std::vector<typename Method::Factors> factors_;
};

/// Adds a mistake unless `params` is a pattern of names, or a list of at least one.
void check_patterns(const Json& params, Problems& problems);

/// The fields of a method and those that all optimizers share.
template <class Own>
struct WithGroups {
  Own own;
  Json groups = Json::array();
  void fields(auto& f) {
    own.fields(f);
    f("groups", groups,
      "parameters with hyper-parameters of their own: [{\"params\": \"*.bias\", \"weight_decay\": 0}]",
      {.list_of = "groups", .inside = check_groups});
  }
  /// Looks for mistakes in the groups: each has "params", and any of the method's own fields.
  static void check_groups(const Json& groups, Problems& problems) {
    for (const Json& json : groups.items()) {
      Group group;
      read_config(group, json, problems);
    }
  }
  struct Group {
    Own own;
    Json params;
    void fields(auto& f) {
      f("params", params, "a pattern of parameter names, or a list of them",
        {.required = true, .inside = check_patterns});
      own.fields(f);
    }
  };
  void validate() const {
    if constexpr (requires { own.validate(); }) own.validate();
  }
};

/// Registers a method; call it at namespace scope in the method's own file. `name` is a literal.
template <class Method>
const OptimizerInfo& add_optimizer(const char* name, std::string doc) {
  static_assert(Method::buffers.size() <= Slot::max_buffers);
  OptimizerInfo row;
  row.doc = std::move(doc);
  row.config = config_info<WithGroups<typename Method::Config>>();
  row.make = [name](const std::vector<Json>& groups, std::vector<NamedTensor> parameters,
                    std::span<const size_t> group_of) -> std::unique_ptr<Optimizer> {
    std::vector<typename Method::Config> configs;
    for (const Json& json : groups) configs.push_back(read_valid<WithGroups<typename Method::Config>>(json).own);
    return std::make_unique<MethodOptimizer<Method>>(name, std::move(configs), std::move(parameters), group_of);
  };
  return Registry<OptimizerInfo>::all().add(name, std::move(row));
}

}  // namespace tarn
