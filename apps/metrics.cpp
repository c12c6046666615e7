// Counting, and what follows from counts.
#include "apps/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/parallel.h"

namespace tarn {

namespace {

constexpr int64_t most_confused = 2048;

double share_of(int64_t part, int64_t all) {
  return all ? static_cast<double>(part) / static_cast<double>(all) : no_value;
}

void count_classes(Counts& counts, const Tensor& scores, const Tensor& y) {
  const Tensor told = argmax(scores, 1);
  const int64_t classes = scores.size(1);
  const int64_t* t = y.data<int64_t>();
  const int64_t* g = told.data<int64_t>();
  const bool detailed = static_cast<int64_t>(counts.confusion.size()) == classes * classes;
  for (int64_t i = 0; i < y.numel(); ++i) {
    if (t[i] < 0) continue;
    ++counts.total;
    counts.right += t[i] == g[i];
    if (detailed && t[i] < classes) ++counts.confusion[static_cast<size_t>(t[i] * classes + g[i])];
  }
}

void count_joints(Counts& counts, const Tensor& heatmaps, const Tensor& points, const Shape& picture) {
  const std::vector<Told> told = places_of(heatmaps, picture);
  const int64_t joints = points.size(1);
  for (int64_t n = 0; n < points.size(0); ++n) {
    const float* p = points.data<float>() + n * joints * 2;
    const double within = pck_share * figure_size(p, joints, picture);
    for (int64_t k = 0; k < joints; ++k) {
      const auto x = static_cast<double>(p[2 * k]), y = static_cast<double>(p[2 * k + 1]);
      if (!std::isfinite(x) || !std::isfinite(y)) continue;
      const Told& t = told[static_cast<size_t>(n * joints + k)];
      const bool found = std::hypot(t.x - x, t.y - y) <= within;
      ++counts.total;
      counts.right += found;
      ++counts.asked[static_cast<size_t>(k)];
      counts.found[static_cast<size_t>(k)] += found;
    }
  }
}

/// A quarter of a cell towards the larger neighbour at at - step and at + step; 0 at the edge.
double quarter(const float* map, int64_t at, int64_t step, bool inner) {
  if (!inner || map[at - step] == map[at + step]) return 0;
  return map[at + step] > map[at - step] ? 0.25 : -0.25;
}

}  // namespace

std::vector<std::string> metric_names(Task task) {
  switch (task) {
    case Task::classification:
      return {"accuracy"};
    case Task::segmentation:
      return {"mean_iou", "pixel_accuracy"};
    case Task::keypoints:
      return {"pck"};
    default:
      return {};
  }
}

std::string spoken(const std::string& metric) {
  if (metric == "mean_iou") return "mean IoU";
  if (metric == "pixel_accuracy") return "pixel accuracy";
  return metric == "pck" ? "PCK@0.1" : metric;
}

void check_best_by(const std::string& best_by, Task task) {
  const std::vector<std::string> names = metric_names(task);
  std::string known = "loss";
  for (const std::string& name : names) known += " or " + name;
  check(best_by == "loss" || std::find(names.begin(), names.end(), best_by) != names.end(), "'", best_by,
        "' is no metric of data for ", name_of(task), "; expected ", known);
}

Counts Counts::of(Task task, int64_t classes, bool detailed) {
  Counts counts;
  const auto n = static_cast<size_t>(std::max<int64_t>(classes, 0));
  const bool confusion = task == Task::segmentation || (task == Task::classification && detailed);
  if (confusion && classes <= most_confused) counts.confusion.assign(n * n, 0);
  if (task == Task::keypoints) {
    counts.found.assign(n, 0);
    counts.asked.assign(n, 0);
  }
  return counts;
}

void count(Counts& counts, Task task, const Tensor& scores, const Tensor& y, const Tensor& points,
           const Shape& picture) {
  const bool planes = scores.rank() == 4;
  if (task == Task::classification && scores.rank() == 2) count_classes(counts, scores, y);
  if (task == Task::segmentation && planes && y.shape() == Shape{scores.size(0), scores.size(2), scores.size(3)})
    count_classes(counts, scores, y);
  if (task == Task::keypoints && planes && points.defined() && points.size(1) == scores.size(1) &&
      counts.asked.size() == static_cast<size_t>(scores.size(1)))
    count_joints(counts, scores, points, picture);
}

std::vector<Metric> metrics_of(Task task, const Counts& counts) {
  std::vector<Metric> metrics;
  for (const std::string& name : metric_names(task))
    metrics.push_back({name, name == "mean_iou" ? mean_iou(counts.confusion) : share_of(counts.right, counts.total)});
  return metrics;
}

std::vector<double> class_iou(const std::vector<int64_t>& confusion) {
  const auto classes = static_cast<size_t>(std::llround(std::sqrt(static_cast<double>(confusion.size()))));
  std::vector<double> iou;
  for (size_t c = 0; c < classes; ++c) {
    int64_t either = -confusion[c * classes + c];  // counted twice below
    for (size_t k = 0; k < classes; ++k) either += confusion[c * classes + k] + confusion[k * classes + c];
    iou.push_back(share_of(confusion[c * classes + c], either));
  }
  return iou;
}

double mean_iou(const std::vector<int64_t>& confusion) {
  double sum = 0;
  int64_t classes = 0;
  for (const double iou : class_iou(confusion)) {
    if (std::isnan(iou)) continue;
    sum += iou;
    ++classes;
  }
  return classes ? sum / static_cast<double>(classes) : no_value;
}

std::vector<Told> places_of(const Tensor& heatmaps, const Shape& picture) {
  check(heatmaps.rank() == 4, "heatmaps have shape ", heatmaps.shape(), "; expected [examples, joints, height, width]");
  const int64_t h = heatmaps.size(2), w = heatmaps.size(3);
  const int rank = picture.rank();
  check(rank >= 2 && h > 0 && w > 0, "heatmaps of ", heatmaps.shape(), " do not tell places in ", picture);
  const double down = static_cast<double>(picture[rank - 2]) / static_cast<double>(h);
  const double right = static_cast<double>(picture[rank - 1]) / static_cast<double>(w);
  const int64_t maps = heatmaps.size(0) * heatmaps.size(1);
  std::vector<Told> told(static_cast<size_t>(maps));
  parallel_range(maps, 8 * h * w, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* map = heatmaps.data<float>() + i * h * w;
      const int64_t best = std::max_element(map, map + h * w) - map;
      const int64_t row = best / w, column = best % w;
      const double x = static_cast<double>(column) + quarter(map, best, 1, column > 0 && column + 1 < w);
      const double y = static_cast<double>(row) + quarter(map, best, w, row > 0 && row + 1 < h);
      told[static_cast<size_t>(i)] = {(x + 0.5) * right - 0.5, (y + 0.5) * down - 0.5, static_cast<double>(map[best])};
    }
  });
  return told;
}

double figure_size(const float* points, int64_t joints, const Shape& picture) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float low[2] = {infinity, infinity}, high[2] = {-infinity, -infinity};
  for (int64_t k = 0; k < joints; ++k) {
    if (!std::isfinite(points[2 * k]) || !std::isfinite(points[2 * k + 1])) continue;
    for (int64_t axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], points[2 * k + axis]);
      high[axis] = std::max(high[axis], points[2 * k + axis]);
    }
  }
  const double size = static_cast<double>(std::max(high[0] - low[0], high[1] - low[1]));
  const int rank = picture.rank();
  return size > 0 ? size : static_cast<double>(std::max(picture[rank - 2], picture[rank - 1]));
}

}  // namespace tarn
