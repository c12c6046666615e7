// Regions of interest: boxes as bins along each dimension, and the weighted sums over them that are linear in x.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ops/window.h"
#include "layers/pooling/functions.h"
#include "layers/pooling/whole_plane.h"

namespace tarn {

/// One bin of one box along one dimension: it reads cells first … first + weights.size() - 1, each by its weight.
struct RoiBin {
  int64_t first = 0;
  std::vector<double> weights;
};

/// How many points of a box are read at most, so that absurd boxes do not eat all memory.
constexpr int64_t most_roi_points = 1 << 24;

/// A box in the coordinates of the features.
struct Roi {
  int64_t image = 0;
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
};

/// The bins of one box: windows on a plane of the features, and what the cells in them count for, which is the product
/// of the weights of their row and their column.
struct RoiBox {
  int64_t image = 0;
  Windows bins;                                    ///< PH x PW; a bin may be empty
  std::vector<std::vector<double>> rows, columns;  ///< a weight for each tap of each span
};

/// The geometry of regions of interest: windows that every box has its own of.
struct RoiBins {
  std::array<int64_t, 2> size{1, 1};  ///< PH, PW
  bool position_sensitive = false;    ///< output channel c of bin q reads input channel c · PH · PW + q
  std::vector<RoiBox> boxes;

  /// Adds a box on planes of x's size; PH rows and PW columns.
  void add(const char* name, const Tensor& x, int64_t image, std::vector<RoiBin> rows, std::vector<RoiBin> columns);
};

/// Throws with the pooling's name unless x is [N, C, H, W] or [C, H, W] and the boxes, of its dtype or int64, are
/// [R, 5], finite, and of images that there are. `scale` multiplies the coordinates in the boxes' own dtype.
std::vector<Roi> read_boxes(const char* name, const Tensor& x, const Tensor& boxes, double scale);
/// The two output sizes; throws where one is below 1 or x's channels do not give `position_sensitive` ones.
std::array<int64_t, 2> roi_output_size(const char* name, const Tensor& x, const RoiOptions& options,
                                       bool position_sensitive = false);
/// Σ of x over each bin by its weights: [R, channels, PH, PW]. Recorded; derivatives of any order by x.
Tensor roi_sum(const char* name, const Tensor& x, std::shared_ptr<const RoiBins> bins);
/// x with a batch of one where it has none.
inline Tensor roi_features(const Tensor& x) {
  return x.rank() == 3 ? unsqueeze(x, 0) : x;
}

/// A layer of features and boxes. S has a constant `name`, `void fields(Fields&, RoiOptions&)` and
/// `Tensor pool(const Tensors&, const RoiOptions&)`.
template <class S>
class RoiLayer : public Module {
 public:
  struct Config {
    RoiOptions options;
    void fields(Fields& f) {
      f("output_size", options.output_size, "bins for height and width: one number or two",
        {.lo = 1, .hi = 1 << 16, .required = true, .rank = 2});
      f("spatial_scale", options.spatial_scale, "cells of the features for each unit of the boxes",
        {.lo = 0, .lo_open = true});
      S::fields(f, options);
    }
  };
  RoiLayer(Config c, Build&) : options_(std::move(c.options)) {}
  Tensors apply(const Tensors& x, Context&) override { return {S::pool(x, options_)}; }

 private:
  RoiOptions options_;
};

inline void sampling_field(Fields& f, RoiOptions& o) {
  f("sampling_ratio", o.sampling_ratio,
    "points for each dimension of a bin; below 1: as many as the bin is wide in cells, rounded up", {.hi = 1 << 12});
}

/// Registers the layer of features [2, channels, 5, 6] and three boxes.
template <class S>
LayerInfo& add_roi_layer(const char* name, const char* doc, const char* sample, int64_t channels = 2) {
  return add_layer<RoiLayer<S>>(name, doc, sample, {{2, channels, 5, 6}, {3, 5}})
      .takes(2, 2)
      .reads_labels(1, {0, 1})
      .shown_with(R"({"output_size": 2})", "[null, [[0, 0.5, 0.8, 4.1, 3.6]]]");
}

}  // namespace tarn
