// The table from an operation's name in the reference cases to the few lines that run it in Tarn.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "apps/golden/case.h"

namespace tarn::golden {

/// Runs the case's operation: inputs and attributes in, outputs in the reference's order.
using Call = std::function<Tensors(Case&)>;
/// Checks a case whose expectation is not a list of outputs; throws Mismatch.
using Check = std::function<void(Case&)>;

/// One operation.
struct Row {
  std::string op;
  Call call;              ///< also what must throw in a case that expects an error
  Check check = nullptr;  ///< replaces the comparison of outputs and gradients
  /// How Tarn differs from the reference by design where the cases do not show it, or only by settings of their own.
  std::string difference = {};
};

/// Adds rows to the table: at namespace scope in the file of a family, `const Rows rows{{"exp", unary(exp)}, …};`
class Rows {
 public:
  Rows(std::initializer_list<Row> rows);
};

/// The row of an operation, or nullptr.
const Row* find_row(std::string_view op);

// Forms that many rows have.
inline Call unary(Tensor (*f)(const Tensor&)) {
  return [f](Case& c) { return Tensors{f(c.input())}; };
}
inline Call binary(Tensor (*f)(const Tensor&, const Tensor&)) {
  return [f](Case& c) { return Tensors{f(c.input(0), c.input(1))}; };
}

}  // namespace tarn::golden
