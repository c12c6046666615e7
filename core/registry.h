// The registry of ops: one row each, from which tests, benchmarks and the reference are made.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace tarn {

/// Which values a sample's inputs are drawn from, so that kinks and poles are avoided by choice and not by tolerance.
enum class Domain {
  any,             ///< normal
  positive,        ///< in [0.2, 2]
  away_from_zero,  ///< in ±[0.2, 2]
  away_from_ties,  ///< a shuffled grid with gaps of at least 0.05, and away from zero and from halves of integers
  unit,            ///< in [-0.9, 0.9]
  probability,     ///< in [0.05, 0.95]
};

/// Inputs to try an op on. `call` replaces the row's call where the op has attributes.
struct Sample {
  std::vector<Shape> shapes;
  Domain domain = Domain::any;
  std::function<Tensor(const Tensors&)> call = nullptr;
};

/// One op.
struct OpInfo {
  std::string name;
  std::string doc;
  std::function<Tensor(const Tensors&)> call;
  std::vector<Sample> samples;
  int differentiable = -1;  ///< how many of the first inputs have derivatives; -1: all

  OpInfo& sample(std::vector<Shape> shapes, Domain domain = Domain::any);
  OpInfo& sample(std::vector<Shape> shapes, Domain domain, std::function<Tensor(const Tensors&)> call_with_attributes);
};

/// Adds a row; call it at namespace scope in the op's own file: `const auto& exp_op = add_op(…).sample({{2, 3}});`
OpInfo& add_op(std::string name, std::string doc, std::function<Tensor(const Tensors&)> call);
/// All rows, sorted by name.
std::vector<const OpInfo*> all_ops();
/// float64 tensors drawn for a sample; `variant` gives other values.
Tensors draw(const Sample& sample, uint64_t variant = 0);

}  // namespace tarn
