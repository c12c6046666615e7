// PoolFormer's token mixer: the mean of a neighbourhood, less the cell itself.
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

Tensor poolformer_pool2d(const Tensor& x, int64_t pool_size) {
  const char* name = "poolformer_pool2d";
  check_planes(name, x, 2);
  check(pool_size > 0 && pool_size % 2 == 1, name, ": pool_size is ", pool_size, "; expected an odd number from 1 up");
  const Windows w = sliding_windows(
      name, x.shape(), 2,
      {.kernel_size = {pool_size}, .stride = {1}, .padding = {pool_size / 2}, .count_include_pad = false});
  return avg_pool(x, w) - x;
}

namespace {

struct PoolFormerPool {
  int64_t pool_size = 3;
  void fields(Fields& f) { f("pool_size", pool_size, "odd size of the neighbourhood", {.lo = 1, .hi = 1 << 24}); }
  Tensor pool(const Tensor& x) const { return poolformer_pool2d(x, pool_size); }
};

const auto& poolformer_pool_row =
    add_layer<PlainPool<PoolFormerPool>>("PoolFormerPool2d", "The mean around each cell, less the cell.", "{}",
                                         {spatial_sample(2)})
        .formula("y = AvgPool(x; k, stride 1, padding k/2, padding not counted) - x")
        .source("Yu et al. 2021 (arXiv 2111.11418)")
        .pools(PoolGroup::sliding, "as a token mixer in place of attention, with a residual around it");

}  // namespace
}  // namespace tarn
