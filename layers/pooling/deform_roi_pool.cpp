// Deformable RoI pooling: RoIAlign with every bin moved by an offset of its own.
#include <cmath>

#include "layers/pooling/roi.h"

namespace tarn {

namespace {

/// The points of one box along one dimension, so many in each bin.
struct Points {
  double start, size;
  int64_t bins, points;
};

/// The two cells that each coordinate lies between, how far it is to the second, and whether it is near the plane.
struct Between {
  Tensor low, high;  ///< int64
  Tensor above;      ///< recorded: follows the coordinate
  Tensor inside;     ///< 1 or 0
};

Between between(const Tensor& p, int64_t n) {
  const Tensor none = Tensor::zeros({}, Dtype::f64);
  const Tensor all = Tensor::ones({}, Dtype::f64);
  const Tensor given = p.detach().to(Dtype::f64);
  const Tensor bare = where(isnan(given), none, given);  // NaN has no cell, but its weights are NaN
  const Tensor before = lt(bare, Tensor::full({}, -1, Dtype::f64));
  const Tensor behind = gt(bare, Tensor::full({}, static_cast<double>(n), Dtype::f64));
  const Tensor low = floor(clamp(bare, 0.0, static_cast<double>(std::max<int64_t>(n - 2, 0))));
  const Tensor inner = clamp(p, 0.0, static_cast<double>(n - 1));
  return {low.to(Dtype::i64), clamp(low + 1.0, 0.0, static_cast<double>(n - 1)).to(Dtype::i64),
          inner - low.to(p.dtype()), where(before, none, where(behind, none, all))};
}

/// Coordinates of the points of all bins of a box, before they are moved. `across`: the dimension varies fastest.
Tensor point_grid(const Points& p, const Points& other, bool across, Dtype dtype) {
  std::vector<double> at;
  const int64_t rows = across ? other.bins : p.bins;
  const int64_t columns = across ? p.bins : other.bins;
  const int64_t inner_rows = across ? other.points : p.points;
  const int64_t inner_columns = across ? p.points : other.points;
  const double width = p.size / static_cast<double>(p.bins);
  for (int64_t i = 0; i < rows * columns; ++i)
    for (int64_t k = 0; k < inner_rows * inner_columns; ++k) {
      const int64_t bin = across ? i % columns : i / columns;
      const int64_t point = across ? k % inner_columns : k / inner_columns;
      at.push_back(p.start + width * (static_cast<double>(bin) +
                                      (static_cast<double>(point) + 0.5) / static_cast<double>(p.points)));
    }
  return Tensor(Shape{rows * columns, inner_rows * inner_columns}, at).to(dtype);
}

/// The bilinear surface over planes [C, H, W] at points [bins, points]: [C, bins, points].
Tensor read_points(const Tensor& planes, const Tensor& y, const Tensor& x) {
  const int64_t width = planes.size(2);
  const Between v = between(y, planes.size(1));
  const Between h = between(x, width);
  const Tensor flat = flatten(planes, 1);
  Tensor total;
  for (int corner = 0; corner < 4; ++corner) {
    const bool down = corner / 2 == 1;
    const bool right = corner % 2 == 1;
    std::vector<int64_t> at = (down ? v.high : v.low).to_vector<int64_t>();
    const int64_t* column = (right ? h.high : h.low).data<int64_t>();
    for (size_t i = 0; i < at.size(); ++i) at[i] = at[i] * width + column[i];
    const Tensor cells = index_select(flat, 1, Tensor(Shape{static_cast<int64_t>(at.size())}, at));
    const Tensor weight = (down ? v.above : 1.0 - v.above) * (right ? h.above : 1.0 - h.above);
    const Tensor part = reshape(cells, Shape{planes.size(0), y.size(0), y.size(1)}) * weight;
    total = total.defined() ? total + part : part;
  }
  const Tensor zero = Tensor::zeros({}, planes.dtype());
  return where(v.inside, where(h.inside, total, zero), zero);
}

}  // namespace

Tensor deform_roi_pool2d(const Tensor& x, const Tensor& boxes, const Tensor& offsets, const RoiOptions& options) {
  const char* name = "deformable_roi_pool2d";
  const std::vector<Roi> rois = read_boxes(name, x, boxes, options.spatial_scale);
  const auto [height, width] = roi_output_size(name, x, options);
  const auto count = static_cast<int64_t>(rois.size());
  const Shape wanted{count, 2, height, width};
  check(offsets.shape() == wanted && offsets.dtype() == x.dtype(), name, ": the offsets are ", offsets.dtype(), ' ',
        offsets.shape(), "; expected ", x.dtype(), ' ', wanted);
  const Tensor features = roi_features(x);
  Tensors parts;
  for (size_t r = 0; r < rois.size(); ++r) {
    const Roi& box = rois[r];
    const auto points = [&](double from, double to, int64_t bins) {
      const auto fit = static_cast<int64_t>(std::ceil((to - from) / static_cast<double>(bins)));
      return Points{from - 0.5, to - from, bins, options.sampling_ratio > 0 ? options.sampling_ratio : fit};
    };
    const Points down = points(box.y1, box.y2, height);
    const Points across = points(box.x1, box.x2, width);
    if (down.points < 1 || across.points < 1) {
      parts.push_back(Tensor::zeros({features.size(1), height, width}, x.dtype()));
      continue;
    }
    const int64_t rows = down.points * height;
    const int64_t columns = across.points * width;
    check(rows <= most_roi_points / columns, name, ": box ", r, " would be read at ", rows, " × ", columns,
          " points; allowed are ", most_roi_points, " in all; give a sampling_ratio, or a smaller one");
    const Tensor moves = reshape(select(offsets, 0, static_cast<int64_t>(r)), Shape{2, height * width, 1});
    const Tensor at_x = point_grid(across, down, true, x.dtype()) + select(moves, 0, 0) * (options.gamma * across.size);
    const Tensor at_y = point_grid(down, across, false, x.dtype()) + select(moves, 0, 1) * (options.gamma * down.size);
    const Tensor values = mean(read_points(select(features, 0, box.image), at_y, at_x), {-1});
    parts.push_back(reshape(values, Shape{features.size(1), height, width}));
  }
  return parts.empty() ? Tensor::zeros({0, features.size(1), height, width}, x.dtype()) : stack(parts, 0);
}

namespace {

struct DeformableRoIPool {
  static void fields(Fields& f, RoiOptions& o) {
    sampling_field(f, o);
    f("gamma", o.gamma, "the share of the box that an offset of 1 moves a bin by");
  }
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return deform_roi_pool2d(x[0], x[1], x[2], o); }
};

const auto& deform_roi_pool_row =
    add_layer<RoiLayer<DeformableRoIPool>>(
        "DeformableRoIPool2d", "RoIAlign with every bin moved by an offset, the third input.",
        R"({"output_size": 2, "spatial_scale": 3.3, "sampling_ratio": 2})", {{2, 2, 5, 6}, {3, 5}, {3, 2, 2, 2}})
        .takes(3, 3)
        .reads_labels(1, {0, 1})
        .shown_with(R"({"output_size": 2, "sampling_ratio": 2})",
                    "[null, [[0, 0.5, 0.8, 4.1, 3.6]], [[[[0, 1], [0, -1]], [[-1, 0.5], [1, 0]]]]]")
        .formula(
            "y[r, c, i, j] = RoIAlign, aligned, of bin (i, j) moved by gamma · (w Δ[r, 0, i, j], h Δ[r, 1, i, j]), w "
            "and h the size of box r")
        .source("Dai et al. 2017 (arXiv 1703.06211)")
        .pools(PoolGroup::region, "for objects that bend: a layer before it learns where their parts went")
        .samples_from(Domain::unit);

}  // namespace
}  // namespace tarn
