// Items of a model that take several inputs, or choose or sum along a dimension.
#include "core/ops.h"
#include "layers/module.h"

namespace tarn {
namespace {

struct NoSettings {
  void fields(Fields&) {}
};

/// Combines all inputs with a binary op, from the left; broadcasting is PyTorch's.
template <Tensor (*op)(const Tensor&, const Tensor&)>
class Combine : public Module {
 public:
  using Config = NoSettings;
  Combine(const Config&, Build&) {}
  Tensors apply(const Tensors& inputs, Context&) override {
    Tensor y = inputs.front();
    for (size_t i = 1; i < inputs.size(); ++i) y = op(y, inputs[i]);
    return {std::move(y)};
  }
};

struct JoinSettings {
  int64_t dim = 1;
  void fields(Fields& f) { f("dim", dim, "dimension along which the inputs are joined; 0 is the batch's"); }
};

template <Tensor (*op)(std::span<const Tensor>, int64_t)>
class Join : public Module {
 public:
  using Config = JoinSettings;
  Join(const Config& c, Build&) : dim_(c.dim) {}
  Tensors apply(const Tensors& inputs, Context&) override { return {op(inputs, dim_)}; }

 private:
  int64_t dim_;
};

class Select : public Module {
 public:
  struct Config {
    int64_t dim = 1;
    int64_t index = 0;
    void fields(Fields& f) {
      f("dim", dim, "dimension that is removed");
      f("index", index, "which of its entries is kept; negative counts from the end", {.required = true});
    }
  };
  Select(const Config& c, Build&) : config_(c) {}
  Tensor forward(const Tensor& x, Context&) override { return select(x, config_.dim, config_.index); }

 private:
  Config config_;
};

struct ReduceSettings {
  Sizes dim;
  bool keepdim = false;
  void fields(Fields& f) {
    f("dim", dim, "dimension, or list of dimensions, that are reduced; the batch's is 0", {.required = true});
    f("keepdim", keepdim, "keep them with size 1");
  }
};

template <Tensor (*op)(const Tensor&, const Dims&, bool)>
class Reduce : public Module {
 public:
  using Config = ReduceSettings;
  Reduce(const Config& c, Build&) : config_(c) {
    check(!c.dim.empty(), "dim is an empty list; name at least one dimension");
  }
  Tensor forward(const Tensor& x, Context&) override { return op(x, config_.dim, config_.keepdim); }

 private:
  Config config_;
};

const auto& add_row = add_layer<Combine<add>>("Add", "Adds its inputs.", "{}", {{2, 3}, {2, 3}})
                          .takes(2, -1)
                          .formula("a + b + …")
                          .source("torch.add");
const auto& sub_row =
    add_layer<Combine<sub>>("Sub", "Subtracts the second input from the first.", "{}", {{2, 3}, {2, 3}})
        .takes(2, 2)
        .formula("a - b")
        .source("torch.sub");
const auto& mul_row = add_layer<Combine<mul>>("Mul", "Multiplies its inputs.", "{}", {{2, 3, 2}, {2, 3, 1}})
                          .takes(2, -1)
                          .formula("a · b · …")
                          .source("torch.mul");
const auto& maximum_row = add_layer<Combine<maximum>>("Maximum", "The larger of its inputs.", "{}", {{2, 3}, {2, 3}})
                              .takes(2, -1)
                              .formula("max(a, b, …)")
                              .source("torch.maximum")
                              .samples_from(Domain::away_from_ties);
const auto& minimum_row = add_layer<Combine<minimum>>("Minimum", "The smaller of its inputs.", "{}", {{2, 3}, {2, 3}})
                              .takes(2, -1)
                              .formula("min(a, b, …)")
                              .source("torch.minimum")
                              .samples_from(Domain::away_from_ties);
const auto& concat_row =
    add_layer<Join<cat>>("Concat", "Puts its inputs side by side along a dimension.", "{}", {{2, 3}, {2, 2}})
        .takes(1, -1)
        .formula("[N, C1, …], [N, C2, …] to [N, C1 + C2, …]")
        .source("torch.cat");
const auto& stack_row =
    add_layer<Join<stack>>("Stack", "Joins its inputs along a new dimension.", "{}", {{2, 3}, {2, 3}})
        .takes(1, -1)
        .formula("[N, C], [N, C] to [N, 2, C]")
        .source("torch.stack");
const auto& select_row =
    add_layer<Select>("Select", "One entry of a dimension.", R"({"dim": 1, "index": 2})", {{2, 3, 2}})
        .formula("y[n, …] = x[n, index, …]")
        .source("torch.select");
const auto& sum_row = add_layer<Reduce<sum>>("Sum", "Sums along dimensions.", R"({"dim": 1})", {{2, 3, 2}})
                          .formula("y[n, …] = Σ_i x[n, i, …]")
                          .source("torch.sum");
const auto& mean_row =
    add_layer<Reduce<mean>>("Mean", "The mean along dimensions.", R"({"dim": [2, 3]})", {{2, 3, 2, 2}})
        .formula("y[n, c] = mean of x[n, c, …]")
        .source("torch.mean");
const auto& max_row =
    add_layer<Reduce<amax>>("Max", "The largest value along dimensions.", R"({"dim": 1})", {{2, 3, 2}})
        .formula("y[n, …] = max_i x[n, i, …]")
        .source("torch.amax")
        .samples_from(Domain::away_from_ties);
const auto& min_row =
    add_layer<Reduce<amin>>("Min", "The smallest value along dimensions.", R"({"dim": 1})", {{2, 3, 2}})
        .formula("y[n, …] = min_i x[n, i, …]")
        .source("torch.amin")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
