// Precise RoI pooling: the integral of the bilinear surface over each bin, with derivatives by the boxes as well.
#include "layers/pooling/roi.h"

namespace tarn {

namespace {

/// ∫ of the hat function max(0, 1 - |s|) up to t.
Tensor hat_integral(const Tensor& t) {
  const Tensor u = clamp(t, -1.0, 1.0);
  const Tensor left = square(u + 1.0) * 0.5;
  const Tensor right = 1.0 - square(1.0 - u) * 0.5;
  return where(lt(u, Tensor::zeros({}, u.dtype())), left, right);
}

/// What each of n cells counts for in the bins of boxes from `start`, `size` wide: [R, bins, n].
Tensor shares(const Tensor& start, const Tensor& size, int64_t bins, int64_t n) {
  const int64_t boxes = start.numel();
  const Tensor cells = Tensor::arange(n).to(start.dtype());
  const Tensor order = reshape(Tensor::arange(bins).to(start.dtype()), Shape{1, bins, 1});
  const Tensor width = reshape(size, Shape{boxes, 1, 1}) / static_cast<double>(bins);
  const Tensor from = reshape(start, Shape{boxes, 1, 1}) + order * width;
  return hat_integral(from + width - cells) - hat_integral(from - cells);
}

}  // namespace

Tensor prroi_pool2d(const Tensor& x, const Tensor& boxes, const RoiOptions& options) {
  const char* name = "prroi_pool2d";
  const std::vector<Roi> rois = read_boxes(name, x, boxes, options.spatial_scale);
  const auto [height, width] = roi_output_size(name, x, options);
  const Tensor features = roi_features(x);
  const int64_t channels = features.size(1);
  const Tensor scaled = cast(boxes, x.dtype()) * options.spatial_scale;
  const auto side = [&](int64_t i) { return select(scaled, 1, i); };
  const Tensor box_width = clamp(side(3) - side(1), 0.0, {});
  const Tensor box_height = clamp(side(4) - side(2), 0.0, {});
  const Tensor columns = shares(side(1), box_width, width, x.size(-1));
  const Tensor rows = shares(side(2), box_height, height, x.size(-2));
  const Tensor area = box_width * box_height / static_cast<double>(height * width);
  const Tensor zero = Tensor::zeros({}, x.dtype());
  const Tensor wide = gt(area, zero);
  const Tensor factor = where(wide, reciprocal(where(wide, area, Tensor::ones({}, x.dtype()))), zero);
  Tensors parts;
  for (size_t r = 0; r < rois.size(); ++r) {
    const auto at = static_cast<int64_t>(r);
    const Tensor plane = select(features, 0, rois[r].image);
    const Tensor sums = matmul(select(rows, 0, at), matmul(plane, transpose(select(columns, 0, at), 0, 1)));
    parts.push_back(sums * select(factor, 0, at));
  }
  return parts.empty() ? Tensor::zeros({0, channels, height, width}, x.dtype()) : stack(parts, 0);
}

namespace {

struct PrRoIPool {
  static void fields(Fields&, RoiOptions&) {}
  static Tensor pool(const Tensors& x, const RoiOptions& o) { return prroi_pool2d(x[0], x[1], o); }
};

const auto& prroi_pool_row =
    add_roi_layer<PrRoIPool>("PrRoIPool2d", "The mean of the bilinear surface over each bin of a box.",
                             R"({"output_size": 2, "spatial_scale": 3.3})")
        .formula(
            "y = ∬ f / area over each bin, f = Σ x[h, w] max(0, 1 - |y - h|) max(0, 1 - |x - w|); 0 for a box "
            "without area; differentiable in the boxes, too")
        .source("Jiang et al. 2018 (arXiv 1807.11590)")
        .pools(PoolGroup::region, "where boxes are refined by the gradient of a score: localisation confidence");

}  // namespace
}  // namespace tarn
