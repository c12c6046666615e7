// SumPool: the sum of each window.
#include "layers/pooling/functions.h"
#include "layers/pooling/window_pool.h"

namespace tarn {
namespace {

struct SumPool {
  void fields(Fields&) {}
  Tensor pool(const Tensor& x, const Windows& w, Context&) const { return sum_pool(x, w); }
};

const bool sum_pool_added = add_window_pools<SumPool>(
    "SumPool", {.group = PoolGroup::sliding,
                .doc = "The sum of each window.",
                .formula = "y = Σ x_i; what lies outside counts as 0",
                .source = "Boureau, Ponce, LeCun 2010 (A theoretical analysis of feature pooling)",
                .use = "to count or to add up evidence; otherwise means, whose size does not depend on the window's",
                .domain = Domain::any});

}  // namespace
}  // namespace tarn
