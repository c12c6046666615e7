// AreaResize: another size of the same picture, every new cell being the mean of what it covers.
#include "layers/pooling.h"
#include "layers/pooling/taps.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {
namespace {

template <int rank>
class AreaResize : public Module {
 public:
  struct Config {
    MaybeSizes output_size;
    void fields(Fields& f) {
      f("output_size", output_size, "size of the output: one number, or one for each dimension; null keeps the input's",
        {.lo = 0, .hi = 1 << 24, .required = true, .rank = rank});
    }
  };
  AreaResize(Config c, Build&) : config_(std::move(c)) {}
  Tensor forward(const Tensor& x, Context&) override {
    const std::string name = with_rank("area_resize", rank);
    check_planes(name, x, rank);
    return window_means(x, adaptive_windows(name.c_str(), x.shape(), rank, config_.output_size));
  }

 private:
  Config config_;
};

template <int rank>
bool add_area_resize() {
  add_layer<AreaResize<rank>>(with_rank("AreaResize", rank),
                              "The input in another size, smaller or larger: what AdaptiveAvgPool does.",
                              R"({"output_size": 4})", {spatial_sample(rank)})
      .formula("y[o] = mean of x over floor(o · I / O) … ceil((o + 1) · I / O) - 1")
      .source("torch.nn.functional.interpolate(mode = \"area\")")
      .pools(PoolGroup::adaptive, "to bring images or feature maps down to one size without aliasing");
  return true;
}

const bool area_resize_added = add_area_resize<1>() && add_area_resize<2>() && add_area_resize<3>();

}  // namespace
}  // namespace tarn
