// RoIPool and its position-sensitive kin: bins of boxes with edges rounded to whole cells.
#include <cmath>

#include "core/decisions.h"
#include "core/parallel.h"
#include "layers/pooling/roi.h"

namespace tarn {

namespace {

/// The cells [⌊i·size/bins⌋, ⌈(i+1)·size/bins⌉) after `start`, clipped to [0, limit).
RoiBin rounded_bin(int64_t start, int64_t size, int64_t i, int64_t bins, int64_t limit) {
  const int64_t from = std::clamp<int64_t>(start + i * size / bins, 0, limit);
  const int64_t to = std::clamp<int64_t>(start + ((i + 1) * size + bins - 1) / bins, 0, limit);
  const auto cells = static_cast<size_t>(std::max<int64_t>(to - from, 0));
  return {from, std::vector<double>(cells, cells > 0 ? 1 / static_cast<double>(cells) : 0)};
}

/// Edges are rounded half away from zero; a box has at least one cell. `beyond` is 1 where its last cell counts.
RoiBins rounded_bins(const char* name, const Tensor& x, const Tensor& boxes, const RoiOptions& o, int64_t beyond,
                     bool own_channels) {
  RoiBins bins;
  const std::vector<Roi> rois = read_boxes(name, x, boxes, o.spatial_scale);
  bins.size = roi_output_size(name, x, o, own_channels);
  bins.position_sensitive = own_channels;
  const int64_t unread = o.torchvision_compat && own_channels ? 1 : 0;
  const auto along = [&](double from, double until, int64_t count, int64_t limit) {
    std::vector<RoiBin> out;
    const auto start = static_cast<int64_t>(std::round(from));
    const int64_t size = std::max<int64_t>(static_cast<int64_t>(std::round(until)) - start + beyond, 1);
    for (int64_t i = 0; i < count; ++i) out.push_back(rounded_bin(start, size, i, count, limit));
    return out;
  };
  for (const Roi& r : rois)
    bins.add(name, x, r.image, along(r.y1, r.y2, bins.size[0], x.size(-2) - unread),
             along(r.x1, r.x2, bins.size[1], x.size(-1) - unread));
  return bins;
}

/// Where in its plane the largest of the values at `cells` stands: the first of equals, the last NaN; -1 without cells.
template <class T>
int64_t winner(const T* plane, const std::vector<int64_t>& cells) {
  int64_t best = -1;
  for (const int64_t at : cells)
    if (best < 0 || plane[at] > plane[best] || plane[at] != plane[at]) best = at;
  return best;
}

/// The winners of all bins as positions in x, taken as one row; -1 where a bin is empty.
Tensor winners(const Tensor& x, const RoiBins& bins) {
  const int64_t channels = x.size(1);
  const int64_t plane = x.size(2) * x.size(3);
  const auto boxes = static_cast<int64_t>(bins.boxes.size());
  for (const RoiBox& box : bins.boxes) box.bins.check_input("roi_pool2d", x.shape());
  const auto [height, width] = bins.size;
  Tensor found(Shape{boxes, channels, height, width}, Dtype::i64);
  dispatch_floating(x.dtype(), "roi_pool2d", [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    int64_t* to = found.fill<int64_t>();
    parallel_range(boxes, channels * plane, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const RoiBox& box = bins.boxes[static_cast<size_t>(r)];
        for (int64_t q = 0; q < height * width; ++q) {
          const std::vector<int64_t> cells = box.bins.cells(q);
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t start = (box.image * channels + c) * plane;
            const int64_t at = winner(from + start, cells);
            to[(r * channels + c) * height * width + q] = at < 0 ? -1 : start + at;
          }
        }
      }
    });
  });
  return found;
}

}  // namespace

Tensor roi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options) {
  const RoiBins bins = rounded_bins("roi_pool2d", x, boxes, options, 1, false);
  const Tensor features = roi_features(x);
  Tensor found = winners(features, bins);
  if (found.numel() == 0) return take(features, found);
  if (Decisions* watch = Decisions::current()) found = watch->choose("roi_pool2d", found);
  const Tensor none = Tensor::zeros({}, Dtype::i64);
  const Tensor filled = ge(found, none);
  return where(filled, take(features, where(filled, found, none)), Tensor::zeros({}, x.dtype()));
}

Tensor ps_roi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options) {
  const RoiBins bins = rounded_bins("ps_roi_pool2d", x, boxes, options, 0, true);
  return roi_sum("ps_roi_pool2d", roi_features(x), std::make_shared<const RoiBins>(bins));
}

namespace {

struct RoIPool {
  static void fields(Fields&, RoiOptions&) {}
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return roi_pool2d(x[0], x[1], o); }
};

struct PSRoIPool {
  static void fields(Fields& f, RoiOptions& o) {
    f("torchvision_compat", o.torchvision_compat,
      "leave out the last row and column of the features, as torchvision does");
  }
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return ps_roi_pool2d(x[0], x[1], o); }
};

const auto& roi_pool_row =
    add_roi_layer<RoIPool>("RoIPool2d", "The largest features in each of a grid of bins over boxes.",
                           R"({"output_size": 2, "spatial_scale": 3.3})")
        .formula(
            "y[r, c, i, j] = max of x over rows ys + ⌊i h/PH⌋ … ys + ⌈(i + 1) h/PH⌉ - 1 and columns alike; 0 where "
            "that is empty; ys = round(y1 scale), h = round(y2 scale) - ys + 1, at least 1")
        .source("torchvision.ops.roi_pool; Girshick 2015 (arXiv 1504.08083); ONNX MaxRoiPool")
        .pools(PoolGroup::region, "to cut objects out of features, where rounding to whole cells does no harm")
        .samples_from(Domain::away_from_ties);

const auto& ps_roi_pool_row =
    add_roi_layer<PSRoIPool>("PSRoIPool2d", "The mean of each bin over boxes, every bin reading channels of its own.",
                             R"({"output_size": 2, "spatial_scale": 3.3})", 8)
        .formula(
            "y[r, c, i, j] = mean of channel (c PH + i) PW + j over rows ys + ⌊i h/PH⌋ … ys + ⌈(i + 1) h/PH⌉ - 1 and "
            "columns alike; 0 where that is empty; h = round(y2 scale) - ys, at least 1")
        .source(
            "Dai, Li, He, Sun 2016 (arXiv 1605.06409); torchvision.ops.ps_roi_pool, which leaves out the last row and "
            "column")
        .pools(PoolGroup::region,
               "in detectors without layers after the cut (R-FCN): scores of the parts of an object");

}  // namespace
}  // namespace tarn
