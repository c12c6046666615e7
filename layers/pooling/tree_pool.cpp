// TreePool: filters as the leaves of a tree whose inner nodes are gates.
#include "layers/init.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/parameter_scope.h"
#include "layers/pooling/window_pool.h"

namespace tarn {

Tensor tree_pool(const Tensor& x, const Windows& w, const Tensor& leaves, const Tensor& gates) {
  const int64_t count = leaves.size(0);
  check(count >= 2 && (count & (count - 1)) == 0 && gates.size(0) == count - 1, "tree_pool: ", count, " leaves and ",
        gates.size(0), " gates make no full binary tree; it has 2, 4, 8, … leaves and one gate fewer");
  check_whole_windows("tree_pool", w);
  const Taps t = taps_of(x, w);
  const auto filtered = [&](const Tensor& filters, int64_t i) { return sum_taps(t.values * select(filters, 0, i)); };
  Tensors level;
  for (int64_t i = 0; i < count; ++i) level.push_back(filtered(leaves, i));
  while (level.size() > 1) {
    Tensors above;
    const auto first = static_cast<int64_t>(level.size() / 2 - 1);
    for (size_t i = 0; i < level.size(); i += 2) {
      const Tensor share = sigmoid(filtered(gates, first + static_cast<int64_t>(i / 2)));
      above.push_back(level[i + 1] + share * (level[i] - level[i + 1]));
    }
    level = std::move(above);
  }
  return as_output(level[0], t);
}

namespace {

struct TreePool {
  static constexpr bool whole_windows = true;
  ParameterScope scope;
  int64_t levels = 2;
  Tensor leaves, gates;

  void fields(Fields& f) {
    f("levels", levels, "of nodes, the leaves among them: 2 are one gate over two leaves", {.lo = 2, .hi = 16});
    scope.fields(f);
  }
  void build(Build& build, const Windows& w) {
    const int64_t taps = w.taps();
    const int64_t count = int64_t{1} << (levels - 1);
    const Initial near_mean = [taps](const Shape& shape, const Stream& stream, Dtype dtype) {
      return init::normal(shape, stream, 1 / static_cast<double>(taps), 0.01, dtype);
    };
    leaves = build.parameter("leaves", scope.sizes(build, w, {count}, {taps}), near_mean);
    gates = build.parameter("gates", scope.sizes(build, w, {count - 1}, {taps}), init::constant(0));
  }
  void parts(Parts& p) {
    p("leaves", leaves);
    p("gates", gates);
  }
  Tensor pool(const Tensor& x, const Windows& w, Context&) const {
    const char* name = "tree_pool";
    return tree_pool(x, w, scope.over_taps(name, leaves, x, w, 1, w.taps()),
                     scope.over_taps(name, gates, x, w, 1, w.taps()));
  }
};

const bool tree_pool_added = add_window_pools<TreePool>(
    "TreePool",
    {.group = PoolGroup::learned,
     .doc = "Learned filters of each window, mixed by a tree of learned gates.",
     .formula = "leaf m: f = leaves[m] · x; inner node m: f = a f_left + (1 - a) f_right, a = σ(gates[m] · x), nodes "
                "counted level by level from the top; leaves initially 1/taps + N(0, 0.01²), gates 0",
     .source = "Lee, Gallagher, Tu 2015 (arXiv 1509.08985), \"tree\"",
     .use = "in the first poolings of a network, where a few hundred parameters may buy some accuracy",
     .sample = R"({"kernel_size": 3, "stride": 1, "levels": 3})",
     .domain = Domain::any});

}  // namespace
}  // namespace tarn
