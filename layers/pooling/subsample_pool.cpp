// SubsamplePool: every s-th value, without a look at the others.
#include "core/ops.h"
#include "layers/pooling.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

template <int rank>
class SubsamplePool : public Module {
 public:
  struct Config {
    Sizes stride;
    Sizes offset{0};
    void fields(Fields& f) {
      f("stride", stride, "steps between the values that are kept", size_rule(rank, 1, true));
      f("offset", offset, "the first value that is kept; below the stride", size_rule(rank, 0));
    }
  };
  SubsamplePool(const Config& c, Build&)
      : stride_(per_dimension(c.stride, rank)), offset_(per_dimension(c.offset, rank)) {
    for (size_t i = 0; i < rank; ++i)
      check(offset_[i] < stride_[i], name(), ": offset is ", offset_[i], "; allowed are 0 to ", stride_[i] - 1,
            ", below the stride");
  }
  Tensor forward(const Tensor& x, Context&) override {
    check_planes(name(), x, rank);
    Tensor y = x;
    for (int i = 0; i < rank; ++i) {
      const auto at = static_cast<size_t>(i);
      const int64_t size = x.size(i - rank);
      check(offset_[at] < size, name(), ": offset is ", offset_[at], ", but the input ", batch_text(x.shape()), " has ",
            size, " cells there; nothing would be left");
      y = slice(y, i - rank, offset_[at], size, stride_[at]);
    }
    return y;
  }

 private:
  static std::string name() { return with_rank("subsample_pool", rank); }
  std::array<int64_t, 3> stride_, offset_;
};

template <int rank>
bool add_subsample_pool() {
  add_layer<SubsamplePool<rank>>(with_rank("SubsamplePool", rank), "Every stride-th value.",
                                 R"({"stride": 2, "offset": 1})", {spatial_sample(rank)})
      .formula("y[o] = x[o · stride + offset], ⌈(I - offset) / stride⌉ values")
      .source("the stride of a convolution without its filter")
      .pools(PoolGroup::filter,
             "behind a filter of its own that takes out what would alias, or as the baseline that has none");
  return true;
}

const bool subsample_pool_added = add_subsample_pool<1>() && add_subsample_pool<2>() && add_subsample_pool<3>();

}  // namespace
}  // namespace tarn
