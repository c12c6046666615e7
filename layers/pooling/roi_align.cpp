// RoIAlign and its position-sensitive kin: bins of boxes without rounding, read at points between the cells.
#include <cmath>

#include "layers/pooling/roi.h"

namespace tarn {

namespace {

/// One dimension of a box: where it begins, how wide it is, and how many points each of its bins has.
struct Extent {
  double start = 0, size = 0;
  int64_t bins = 1, points = 0;

  double point(int64_t bin, int64_t p) const {
    const double width = size / static_cast<double>(bins);
    return start + static_cast<double>(bin) * width +
           (static_cast<double>(p) + 0.5) * width / static_cast<double>(points);
  }
};

Extent extent(const char* name, double from, double to, int64_t bins, const RoiOptions& o) {
  const double offset = o.aligned ? 0.5 : 0;
  Extent e{from - offset, to - from, bins, o.sampling_ratio};
  if (!o.aligned) e.size = std::max(e.size, 1.0);
  if (e.points < 1)
    e.points = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(e.size / static_cast<double>(bins))));
  check(e.points * bins <= most_roi_points, name, ": a box of ", e.size, " cells in ", bins, " bins would be read at ",
        e.points * bins, " points along one dimension; allowed are up to ", most_roi_points,
        "; give a sampling_ratio, or a smaller one");
  return e;
}

/// Adds a point at coordinate p of a dimension of n cells: nothing where it lies more than a cell outside.
void add_point(RoiBin& bin, double p, double weight, int64_t n) {
  if (p < -1 || p > static_cast<double>(n)) return;
  p = std::max(p, 0.0);
  const int64_t low = std::min(static_cast<int64_t>(p), n - 1);
  const double above = low < n - 1 ? p - static_cast<double>(low) : 0;
  if (bin.weights.empty()) bin.first = low;
  if (low < bin.first) {  // a box of negative size is read backwards
    bin.weights.insert(bin.weights.begin(), static_cast<size_t>(bin.first - low), 0);
    bin.first = low;
  }
  const auto at = static_cast<size_t>(low - bin.first);
  bin.weights.resize(std::max(bin.weights.size(), at + (low < n - 1 ? 2 : 1)));
  bin.weights[at] += weight * (1 - above);
  if (low < n - 1) bin.weights[at + 1] += weight * above;
}

/// The bins of one dimension, each the mean of its points, or, where they are kept `apart`, one bin for each point.
std::vector<RoiBin> bins_along(const Extent& e, int64_t n, bool apart) {
  std::vector<RoiBin> to;
  const double share = apart || e.points == 0 ? 1 : 1 / static_cast<double>(e.points);
  for (int64_t i = 0; i < e.bins; ++i) {
    if (!apart) to.emplace_back();
    for (int64_t p = 0; p < e.points; ++p) {
      if (apart) to.emplace_back();
      add_point(to.back(), e.point(i, p), share, n);
    }
  }
  return to;
}

Tensor mean_of_points(const char* name, const Tensor& x, const Tensor& boxes, const RoiOptions& o, bool own_channels) {
  auto bins = std::make_shared<RoiBins>();
  const std::vector<Roi> rois = read_boxes(name, x, boxes, o.spatial_scale);
  bins->size = roi_output_size(name, x, o, own_channels);
  bins->position_sensitive = own_channels;
  for (const Roi& r : rois)
    bins->add(name, x, r.image, bins_along(extent(name, r.y1, r.y2, bins->size[0], o), x.size(-2), false),
              bins_along(extent(name, r.x1, r.x2, bins->size[1], o), x.size(-1), false));
  return roi_sum(name, roi_features(x), bins);
}

/// Box by box, as each may have other numbers of points.
Tensor max_of_points(const char* name, const Tensor& x, const Tensor& boxes, const RoiOptions& o) {
  const Tensor features = roi_features(x);
  const int64_t channels = features.size(1);
  const std::vector<Roi> rois = read_boxes(name, x, boxes, o.spatial_scale);
  const auto [height, width] = roi_output_size(name, x, o);
  Tensors all{slice(features, 0, 0, 0)};
  all[0] = reshape(all[0], Shape{0, channels, height * x.size(-2), width * x.size(-1)});
  all[0] = slice(slice(all[0], 2, 0, height), 3, 0, width);
  for (const Roi& r : rois) {
    const Extent rows = extent(name, r.y1, r.y2, height, o);
    const Extent columns = extent(name, r.x1, r.x2, width, o);
    if (rows.points * columns.points == 0) {
      all.push_back(Tensor::zeros({1, channels, height, width}, x.dtype()));
      continue;
    }
    auto bins = std::make_shared<RoiBins>();
    bins->size = {height * rows.points, width * columns.points};
    check(bins->size[0] <= most_roi_points / bins->size[1], name, ": a box would be read at ", bins->size[0], " × ",
          bins->size[1], " points; allowed are ", most_roi_points, " in all; give a sampling_ratio, or a smaller one");
    bins->add(name, x, r.image, bins_along(rows, x.size(-2), true), bins_along(columns, x.size(-1), true));
    const Tensor points =
        reshape(roi_sum(name, features, bins), Shape{channels, height, rows.points, width, columns.points});
    const Tensor together = flatten(permute(points, {0, 1, 3, 2, 4}), 3);
    all.push_back(unsqueeze(max(together, -1).values, 0));
  }
  return cat(all, 0);
}

}  // namespace

Tensor roi_align2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options) {
  const char* name = "roi_align2d";
  check(options.mode == "avg" || options.mode == "max", name, ": mode is \"", options.mode,
        "\"; expected \"avg\" or \"max\"");
  return options.mode == "avg" ? mean_of_points(name, x, boxes, options, false)
                               : max_of_points(name, x, boxes, options);
}

Tensor ps_roi_align2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options) {
  RoiOptions aligned = options;
  aligned.aligned = true;
  return mean_of_points("ps_roi_align2d", x, boxes, aligned, true);
}

namespace {

struct RoIAlign {
  static void fields(Fields& f, RoiOptions& o) {
    sampling_field(f, o);
    f("aligned", o.aligned,
      "move boxes by half a cell, so that centres of cells lie at whole coordinates; otherwise they are at least one "
      "cell wide");
    f("mode", o.mode, "what is kept of the points of a bin", {.choices = {"avg", "max"}});
  }
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return roi_align2d(x[0], x[1], o); }
};

struct PSRoIAlign {
  static void fields(Fields& f, RoiOptions& o) { sampling_field(f, o); }
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return ps_roi_align2d(x[0], x[1], o); }
};

const auto& roi_align_row =
    add_roi_layer<RoIAlign>("RoIAlign2d", "The features of boxes in equal bins, read between the cells.",
                            R"({"output_size": [2, 3], "spatial_scale": 3.3, "sampling_ratio": 2, "aligned": true})")
        .formula(
            "y[r, c, i, j] = mean of x, interpolated, at sampling_ratio² points of bin (i, j) of box r; 0 more than "
            "a cell outside")
        .source("torchvision.ops.roi_align; He, Gkioxari, Dollár, Girshick 2017 (arXiv 1703.06870); ONNX RoiAlign")
        .pools(PoolGroup::region,
               "to cut objects out of features where a fraction of a cell matters: masks, key points");

const auto& ps_roi_align_row =
    add_roi_layer<PSRoIAlign>("PSRoIAlign2d", "RoIAlign where every bin reads channels of its own.",
                              R"({"output_size": 2, "spatial_scale": 3.3, "sampling_ratio": 2})", 8)
        .formula("y[r, c, i, j] = RoIAlign, aligned, of channel (c PH + i) PW + j at bin (i, j)")
        .source("torchvision.ops.ps_roi_align; Li et al. 2017 (arXiv 1711.07264); Dai et al. 2016 (arXiv 1605.06409)")
        .pools(PoolGroup::region, "in detectors without layers after the cut, as PSRoIPool2d, without rounding");

}  // namespace
}  // namespace tarn
