// Counting a tape's work.
#include "apps/bench/cost.h"

#include <cmath>
#include <string_view>

namespace tarn {
namespace {

double cell_count(const Shape& s) {
  return static_cast<double>(s.numel());
}

/// The last input of that rank and first size: an op's weight; nullptr where it takes no gradient.
const Shape* weight_of(const std::vector<Shape>& inputs, int rank, int64_t first) {
  const Shape* found = nullptr;
  for (const Shape& s : inputs)
    if (s.rank() == rank && s[0] == first) found = &s;
  return found;
}

/// Operations of one pass forward; each pullback to an input of the product takes as many. 0 for ops that are no
/// products, and for those by a weight that takes no gradient.
double flops_of(std::string_view op, const Shape& y, const std::vector<Shape>& inputs) {
  if (op == "conv_input" && inputs.size() > 1) {  // a transposed convolution
    const Shape* w = weight_of(inputs, y.rank(), inputs[0][1]);
    return w ? 2 * cell_count(inputs[0]) * cell_count(w->with(0, 1)) : 0;
  }
  if (op == "conv1d" || op == "conv2d" || op == "conv3d") {
    const Shape* w = weight_of(inputs, y.rank(), y[1]);
    return w ? 2 * cell_count(y) * cell_count(w->with(0, 1)) : 0;
  }
  if (op == "linear") {
    const Shape* w = weight_of(inputs, 2, y[y.rank() - 1]);
    return w ? 2 * cell_count(y) * static_cast<double>((*w)[1]) : 0;
  }
  if ((op == "matmul" || op == "bmm") && inputs.size() == 2 && y.numel() > 0) {
    const double batch = y.rank() == 3 ? static_cast<double>(y[0]) : 1;
    return 2 * cell_count(y) * std::sqrt(cell_count(inputs[0]) * cell_count(inputs[1]) / (cell_count(y) * batch));
  }
  return 0;
}

}  // namespace

Cost cost_of(const Tape& tape) {
  std::vector<Shape> shapes;
  std::vector<double> sizes;
  Cost cost;
  for (size_t i = 0; i < tape.size(); ++i) {
    const EntryInfo entry = tape.entry(i);
    shapes.push_back(entry.shape);
    sizes.push_back(cell_count(entry.shape) * static_cast<double>(dtype_size(entry.dtype)));
    if (entry.inputs.empty()) continue;
    std::vector<Shape> inputs;
    cost.bytes += sizes[i];
    for (const uint32_t input : entry.inputs) {
      inputs.push_back(shapes[input]);
      cost.bytes += sizes[input] + (sizes[i] + 2 * sizes[input]);
    }
    const double flops = flops_of(entry.op, entry.shape, inputs);
    double products = 0;  // pullbacks that are products: those to vectors (biases) are sums
    for (const Shape& s : inputs) products += s.rank() > 1 ? 1 : 0;
    cost.flops += flops * (1 + products);
  }
  return cost;
}

}  // namespace tarn
