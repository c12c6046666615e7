// SortPool: the nodes of a graph in the order of their features, as many as are wanted.
#include <algorithm>
#include <numeric>

#include "core/decisions.h"
#include "layers/module.h"
#include "layers/pooling/functions.h"

namespace tarn {

namespace {

/// Of each graph the first k nodes in descending order of the last feature, then of those before it; [N, k], of which
/// only the first counts[n] are meant.
Tensor node_order(const Tensor& x, int64_t k, const std::vector<int64_t>& counts) {
  const int64_t nodes = x.size(1);
  const int64_t features = x.size(2);
  Tensor index = Tensor::zeros({x.size(0), k}, Dtype::i64);
  dispatch_floating(x.dtype(), "sort_pool", [&](auto zero) {
    using T = decltype(zero);
    std::vector<int64_t> order(static_cast<size_t>(nodes));
    for (int64_t n = 0; n < x.size(0); ++n) {
      const T* rows = x.data<T>() + n * nodes * features;
      const auto end = order.begin() + counts[static_cast<size_t>(n)];
      std::iota(order.begin(), order.end(), int64_t{0});
      std::stable_sort(order.begin(), end, [&](int64_t a, int64_t b) {
        for (int64_t f = features; f-- > 0;) {
          const T p = rows[a * features + f];
          const T q = rows[b * features + f];
          if (p > q || (p != p && q == q)) return true;  // NaN counts as the largest
          if (q > p || (q != q && p == p)) return false;
        }
        return false;
      });
      std::copy_n(order.begin(), std::min(k, nodes), index.fill<int64_t>() + n * k);
    }
  });
  Decisions* watch = Decisions::current();
  return watch ? watch->choose("sort_pool", index) : index;
}

std::vector<int64_t> node_counts(const Tensor& counts, int64_t graphs, int64_t nodes) {
  if (!counts.defined()) return std::vector<int64_t>(static_cast<size_t>(graphs), nodes);
  check(counts.dtype() == Dtype::i64 && counts.numel() == graphs, "sort_pool: counts are ", counts.dtype(), " ",
        counts.shape(), "; an int64 number for each of ", graphs, " graphs is needed");
  for (const int64_t c : counts.to_vector<int64_t>())
    check(0 <= c && c <= nodes, "sort_pool: counts hold ", c, "; allowed are 0 to ", nodes);
  return counts.to_vector<int64_t>();
}

}  // namespace

Tensor sort_pool(const Tensor& x, int64_t k, const Tensor& counts) {
  check(x.rank() == 2 || x.rank() == 3, "sort_pool: expects an input [N, nodes, F] or [nodes, F], got ",
        batch_text(x.shape()));
  check(x.floating(), "sort_pool: the input is int64; needs float32 or float64 values");
  check(k >= 1, "sort_pool: k is ", k, "; it must be at least 1");
  check(x.size(-2) > 0 && x.size(-1) > 0, "sort_pool: input ", batch_text(x.shape()), " has no nodes or no features");
  if (x.rank() == 2) return squeeze(sort_pool(unsqueeze(x, 0), k, counts), 0);
  const int64_t graphs = x.size(0);
  const auto there = node_counts(counts, graphs, x.size(1));
  const Tensor index = node_order(x, k, there);
  const Shape shape{graphs, k, x.size(2)};
  const Tensor rows = gather(x, 1, broadcast_to(unsqueeze(index, -1), shape));
  const Tensor limit = Tensor(Shape{graphs, 1, 1}, there);
  return where(lt(reshape(Tensor::arange(k), Shape{k, 1}), limit), rows, Tensor::zeros({}, x.dtype()));
}

namespace {

class SortPool : public Module {
 public:
  struct Config {
    int64_t k = 0;
    bool flatten = false;
    void fields(Fields& f) {
      f("k", k, "how many nodes are kept; zeros stand for those that a graph lacks",
        {.lo = 1, .hi = 1 << 24, .required = true});
      f("flatten", flatten, "gives [N, k · F] instead of [N, k, F]");
    }
  };
  SortPool(const Config& c, Build&) : config_(c) {}
  Tensors apply(const Tensors& x, Context&) override {
    const Tensor y = sort_pool(x.at(0), config_.k, x.size() > 1 ? x[1] : Tensor());
    return {config_.flatten ? flatten(y, -2) : y};
  }

 private:
  Config config_;
};

const auto& sort_pool_row =
    add_layer<SortPool>("SortPool", "The nodes of a graph, sorted by their features, and the first k of them.",
                        R"({"k": 3})", {{2, 4, 3}, {2}})
        .takes(1, 2)
        .reads_labels(1, {2, 4})
        .formula(
            "x [N, nodes, F] to the k rows with the largest last feature, in descending order; where equal, the "
            "feature before it decides, and at last the order of nodes; of graph n only counts[n] rows, where an "
            "int64 input [N] gives them")
        .source("Zhang, Cui, Neumann, Chen 2018 (DGCNN, AAAI)")
        .pools(PoolGroup::rank, "to make graphs of different sizes into inputs of one size for an ordinary network")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
