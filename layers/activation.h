// How an activation becomes a layer: a struct with its settings and a call operator is all there is to write.
#pragma once

#include <string>
#include <utility>

#include "layers/module.h"

namespace tarn {

/// A layer that applies a function to its input. F holds the settings: `void fields(Fields& f)`, `Tensor
/// operator()(const Tensor& x) const` and, where settings must fit each other, `void validate() const`.
template <class F>
class Activation : public Module {
 public:
  using Config = F;
  Activation(Config c, Build&) : function_(std::move(c)) {
    if constexpr (requires { function_.validate(); }) function_.validate();
  }
  Tensor forward(const Tensor& x, Context&) override { return function_(x); }

 private:
  F function_;
};

/// `inplace`, in PyTorch's signature, changes nothing here.
inline void inplace_field(Fields& f, bool& inplace) {
  f("inplace", inplace, "accepted for PyTorch's sake; values are never changed in place");
}

/// An activation without settings.
template <Tensor (*function)(const Tensor&)>
struct Plain {
  void fields(Fields&) {}
  Tensor operator()(const Tensor& x) const { return function(x); }
};

/// The same for those that PyTorch gives an `inplace`.
template <Tensor (*function)(const Tensor&)>
struct PlainInplace {
  bool inplace = false;
  void fields(Fields& f) { inplace_field(f, inplace); }
  Tensor operator()(const Tensor& x) const { return function(x); }
};

/// Registers activation F with a sample input whose values stay clear of kinks.
template <class F>
LayerInfo& add_activation(std::string name, std::string doc, std::string formula, std::string sample_config = "{}",
                          Shape sample_input = {2, 4, 3}) {
  const std::string source = "torch.nn." + name;
  return add_layer<Activation<F>>(std::move(name), std::move(doc), std::move(sample_config), {sample_input})
      .formula(std::move(formula))
      .source(source)
      .samples_from(Domain::away_from_ties);
}

}  // namespace tarn
