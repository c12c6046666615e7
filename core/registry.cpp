// The rows of the op registry, and inputs drawn for their samples.
#include "core/registry.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/random.h"

namespace tarn {

namespace {

std::vector<std::unique_ptr<OpInfo>>& rows() {
  static std::vector<std::unique_ptr<OpInfo>> all;
  return all;
}

double value_in(Domain domain, const Stream& stream, uint64_t i) {
  const double u = stream.uniform(i);
  switch (domain) {
    case Domain::positive:
      return 0.2 + 1.8 * u;
    case Domain::away_from_zero:
      return u < 0.5 ? -0.2 - 3.6 * u : 0.2 + 3.6 * (u - 0.5);
    case Domain::unit:
      return -0.9 + 1.8 * u;
    case Domain::probability:
      return 0.05 + 0.9 * u;
    default:
      return stream.normal(i);
  }
}

}  // namespace

OpInfo& OpInfo::sample(std::vector<Shape> shapes, Domain domain) {
  return sample(std::move(shapes), domain, nullptr);
}

OpInfo& OpInfo::sample(std::vector<Shape> shapes, Domain domain,
                       std::function<Tensor(const Tensors&)> call_with_attributes) {
  samples.push_back({std::move(shapes), domain, std::move(call_with_attributes)});
  return *this;
}

OpInfo& add_op(std::string name, std::string doc, std::function<Tensor(const Tensors&)> call) {
  rows().push_back(std::make_unique<OpInfo>());
  OpInfo& row = *rows().back();
  row.name = std::move(name);
  row.doc = std::move(doc);
  row.call = std::move(call);
  return row;
}

std::vector<const OpInfo*> all_ops() {
  std::vector<const OpInfo*> all;
  for (const auto& row : rows()) all.push_back(row.get());
  std::sort(all.begin(), all.end(), [](const OpInfo* a, const OpInfo* b) { return a->name < b->name; });
  return all;
}

Tensors draw(const Sample& sample, uint64_t variant) {
  Tensors inputs;
  for (const Shape& shape : sample.shapes) {
    const Stream stream{variant, purpose_of("sample"), inputs.size()};
    std::vector<double> values(static_cast<size_t>(shape.numel()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = value_in(sample.domain, stream, i);
    if (sample.domain == Domain::away_from_ties) {
      // Multiples of 0.1 in random order, shifted off zero and off the halves; a fraction for each tensor keeps
      // operands apart.
      const auto order = permutation(shape.numel(), stream);
      const double shift = 0.03 + 0.02 * static_cast<double>(inputs.size() % 3);
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = 0.1 * static_cast<double>(order[i] - shape.numel() / 2) + shift;
    }
    inputs.emplace_back(shape, values);
  }
  return inputs;
}

}  // namespace tarn
