// HaarPool: one step of the orthonormal Haar transform.
#include <bit>
#include <cmath>

#include "layers/alias.h"
#include "layers/pooling.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

/// [bands, taps]: band b has sign -1 where its high dimensions' taps are the second of two. Taps count the last
/// dimension fastest, bands the first.
Tensor haar_matrix(int rank, bool all_bands, Dtype dtype) {
  const unsigned taps = 1U << rank;
  std::vector<double> values;
  for (unsigned band = 0; band < (all_bands ? taps : 1); ++band)
    for (unsigned tap = 0; tap < taps; ++tap) {
      unsigned flips = 0;
      for (int d = 0; d < rank; ++d) flips += (band >> d & 1) & (tap >> (rank - 1 - d) & 1);
      values.push_back((flips % 2 ? -1 : 1) / std::sqrt(static_cast<double>(taps)));
    }
  return Tensor(Shape{static_cast<int64_t>(values.size() / taps), taps}, values).to(dtype);
}

}  // namespace

Tensor haar_pool(const Tensor& x, int rank, bool all_bands, bool replicate) {
  const std::string name = with_rank("haar_pool", rank);
  check_planes(name, x, rank);
  const bool sample = x.rank() == rank + 1;
  std::vector<int64_t> missing;
  bool odd = false;
  for (int i = 1; i <= rank; ++i) {
    missing.insert(missing.end(), {0, x.size(-i) % 2});
    odd = odd || x.size(-i) % 2 == 1;
  }
  check(!odd || replicate, name, ": the input ", x.shape(),
        " has an odd size; pad \"replicate\" repeats its last cell");
  Tensor even = sample ? unsqueeze(x, 0) : x;
  if (odd) even = pad(even, missing, "replicate");
  const Windows w = sliding_windows(name.c_str(), even.shape(), rank, {.kernel_size = {2}});
  const Tensor bands = linear(windows(even, w), haar_matrix(rank, all_bands, x.dtype()));  // [N, C, cells, bands]
  const Shape one_band = w.output_shape(even.shape());
  const Tensor y = reshape(permute(bands, {0, 3, 1, 2}), one_band.with(1, one_band[1] * bands.size(-1)));
  return sample ? squeeze(y, 0) : y;
}

namespace {

template <int rank>
class HaarPool : public Module {
 public:
  struct Config {
    std::string bands = "LL";
    std::string pad = "error";
    void fields(Fields& f) {
      f("bands", bands,
        "the low band, whatever the number of dimensions, or all of them as channels, the low one first",
        {.choices = {"LL", "all"}});
      f("pad", pad, "what an odd size is: an error, or made even by repeating the last cell",
        {.choices = {"error", "replicate"}});
    }
  };
  HaarPool(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    return haar_pool(x, rank, config_.bands == "all", config_.pad == "replicate");
  }

 private:
  Config config_;
};

template <int rank>
LayerInfo& add_haar_pool() {
  return add_layer<HaarPool<rank>>(with_rank("HaarPool", rank), "One step of the orthonormal Haar transform.",
                                   R"({"bands": "all", "pad": "replicate"})", {spatial_sample(rank)})
      .formula(
          "of a block a b / c d: LL = (a+b+c+d)/2, LH = (a+b-c-d)/2, HL = (a-b+c-d)/2, HH = (a-b-c+d)/2; a block of "
          "2^d values is divided by √(2^d); the first letter is the last dimension's")
      .source("Williams and Li 2018 (DWTPool), whose two-step transform this is; Li et al. 2020 (arXiv 2005.03461)")
      .pools(PoolGroup::filter, "LL: a mean, scaled to keep the energy; all: halving the size without losing anything");
}

const auto& haar1d_row = add_haar_pool<1>();
const auto& haar2d_row = add_haar_pool<2>();
const auto& haar3d_row = add_haar_pool<3>();
const bool haar_pool_named = add_layer_aliases("DWTPool", "HaarPool");

}  // namespace
}  // namespace tarn
