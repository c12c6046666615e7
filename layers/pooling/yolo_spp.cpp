// The pyramids of the YOLO detectors: maxima over windows of several sizes, all of the input's size.
#include <algorithm>

#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

namespace {

/// The largest value around each cell.
Tensor max_around(const char* name, const Tensor& x, int64_t kernel) {
  check(kernel > 0 && kernel % 2 == 1, name, ": kernel size ", kernel,
        " does not keep the size of the planes; expected odd numbers from 1 up");
  return max_pool(
      x, sliding_windows(name, x.shape(), 2, {.kernel_size = {kernel}, .stride = {1}, .padding = {kernel / 2}}));
}

}  // namespace

Tensor yolo_spp(const Tensor& x, const std::vector<int64_t>& kernels, bool input_first) {
  check_planes("yolo_spp", x, 2);
  Tensors parts{x};
  for (const int64_t kernel : kernels) parts.push_back(max_around("yolo_spp", x, kernel));
  if (!input_first) std::reverse(parts.begin(), parts.end());
  return cat(parts, x.rank() - 3);
}

Tensor sppf(const Tensor& x, int64_t kernel) {
  check_planes("sppf", x, 2);
  Tensors parts{x};
  for (int i = 0; i < 3; ++i) parts.push_back(max_around("sppf", parts.back(), kernel));
  return cat(parts, x.rank() - 3);
}

namespace {

struct YoloSPP {
  Sizes kernels{5, 9, 13};
  std::string order = "input_first";
  void fields(Fields& f) {
    f("kernels", kernels, "odd sizes of the windows", {.lo = 1, .hi = 1 << 24});
    f("order", order, "\"input_first\": the input, then the windows as listed; \"darknet\": the other way round",
      {.choices = {"input_first", "darknet"}});
  }
  Tensor pool(const Tensor& x) const { return yolo_spp(x, kernels, order == "input_first"); }
};

struct SPPF {
  int64_t kernel_size = 5;
  void fields(Fields& f) {
    f("kernel_size", kernel_size, "odd size of the window, which is applied three times", {.lo = 1, .hi = 1 << 24});
  }
  Tensor pool(const Tensor& x) const { return sppf(x, kernel_size); }
};

const auto& yolo_spp_row =
    add_layer<PlainPool<YoloSPP>>("YoloSPP", "The input and its maxima over windows of several sizes, as channels.",
                                  R"({"kernels": [3, 5]})", {spatial_sample(2)})
        .formula("y = concat(x, max_5, max_9, max_13) along the channels, each with stride 1 and padding k/2")
        .source("Redmon, Farhadi 2018 (arXiv 1804.02767), YOLOv3-SPP of Darknet; He et al. 2014 (arXiv 1406.4729)")
        .pools(PoolGroup::region, "before the head of a detector, to see objects of several sizes")
        .samples_from(Domain::away_from_ties);

const auto& sppf_row =
    add_layer<PlainPool<SPPF>>("SPPF", "The input and one, two and three maxima in a row, as channels.",
                               R"({"kernel_size": 3})", {spatial_sample(2)})
        .formula("y = concat(x, m(x), m(m(x)), m(m(m(x)))) along the channels, m = max over k × k, stride 1")
        .source("ultralytics YOLOv5; the values of YoloSPP with windows of k, 2k - 1 and 3k - 2")
        .pools(PoolGroup::region, "instead of YoloSPP: the same values from smaller windows")
        .samples_from(Domain::away_from_ties);

}  // namespace
}  // namespace tarn
