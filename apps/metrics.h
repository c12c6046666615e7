// Metrics of each task: what is counted, in whole numbers, so that neither order nor threads matter, and what follows.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "data/dataset.h"

namespace tarn {

/// What a metric or a loss is where there was nothing to measure.
constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// A number that tells how good a model is, from 0 to 1.
struct Metric {
  std::string name;
  double value;
};

/// The names of a task's metrics, the most telling one first: accuracy; mean_iou and pixel_accuracy; pck; none.
std::vector<std::string> metric_names(Task task);

/// A metric's name as people say it: "accuracy", "mean IoU", "pixel accuracy", "PCK@0.1".
std::string spoken(const std::string& metric);

/// Throws where train.best_by is neither "loss" nor a metric of the data's task.
void check_best_by(const std::string& best_by, Task task);

/// What is counted over samples.
struct Counts {
  int64_t right = 0, total = 0;       ///< classes of samples or pixels that were told right, or joints that were found
  std::vector<int64_t> confusion;     ///< [true class, told class] of samples or pixels; empty: not counted
  std::vector<int64_t> found, asked;  ///< keypoints: of each joint, how often it was found and how often it was there

  /// Nothing counted yet. Segmentation needs `confusion`; for classification `detailed` asks for it, and there is none
  /// with more than 2048 classes.
  static Counts of(Task task, int64_t classes, bool detailed);
};

/// Adds what a model said of a batch. Classification: scores [N, C] against classes [N]. Segmentation: scores
/// [N, C, H, W] against masks [N, H, W]. Keypoints: heatmaps [N, K, h, w] against the places of joints in pixels
/// [N, K, 2] of pictures of `picture` = [.., H, W]. Other shapes, and regression, count nothing.
void count(Counts& counts, Task task, const Tensor& scores, const Tensor& y, const Tensor& points,
           const Shape& picture);

/// The values of `metric_names`; NaN where nothing was counted.
std::vector<Metric> metrics_of(Task task, const Counts& counts);

/// For each class |told and true| / |told or true| over all pixels (intersection over union, Jaccard's index); NaN for
/// a class that neither is anywhere nor was told anywhere.
std::vector<double> class_iou(const std::vector<int64_t>& confusion);
/// Their mean over the classes that have one.
double mean_iou(const std::vector<int64_t>& confusion);

/// A joint as heatmaps tell it: its place in pixels of the picture, and the largest value of its map.
struct Told {
  double x, y, score;
};
/// The places [N · K] that heatmaps [N, K, h, w] of pictures of `picture` = [.., H, W] tell: the largest cell (the
/// first at a tie), moved by a quarter of a cell towards the larger one of its two neighbours along each axis, then
/// (cell + 1/2) · H / h - 1/2, since a cell covers H / h pixels. The quarter is that of stacked hourglass networks
/// (Newell et al. 2016).
std::vector<Told> places_of(const Tensor& heatmaps, const Shape& picture);

/// How large a figure is: the longer side of the box around its true joints [K, 2]; where that is 0, the picture's.
/// Joints with places that are not finite are not there.
double figure_size(const float* points, int64_t joints, const Shape& picture);
/// A joint is found where it is told within this share of the figure's size: PCK@0.1.
constexpr double pck_share = 0.1;

}  // namespace tarn
