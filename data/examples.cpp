// Copying samples with their targets, and checking that targets are what their task wants.
#include "data/examples.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tarn {
namespace {

void check_type(const Tensor& y, Dtype wanted, Task task) {
  check(y.dtype() == wanted, "targets for ", name_of(task), " are ", wanted, ", found ", y.dtype());
}

void check_classes(const Tensor& y, int64_t classes) {
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t c = y.data<int64_t>()[i];
    check(c >= 0 && c < classes, "sample ", i, ": class ", c, " is not one of ", classes);
  }
}

void check_masks(const Tensor& x, const Tensor& y, int64_t classes) {
  const int rank = x.rank();
  check(rank == 3 || rank == 4, "samples with masks are pictures, [C, H, W] or [H, W], found ", row_shape(x));
  const Shape wanted{x.size(0), x.size(-2), x.size(-1)};
  check(y.shape() == wanted, "masks are ", y.shape(), ", expected a class for each pixel of the pictures: ", wanted);
  const int64_t plane = y.size(1) * y.size(2);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t c = y.data<int64_t>()[i];
    check(c >= 0 && c < classes, "sample ", i / plane, ": class ", c, " at row ", i % plane / y.size(2), ", column ",
          i % y.size(2), " of its mask is not one of ", classes);
  }
}

void check_heatmaps(const Examples& e, int64_t joints) {
  const int64_t n = e.size();
  check(e.x.rank() == 4, "samples with keypoints are pictures [C, H, W], found ", row_shape(e.x));
  check(e.y.rank() == 4 && e.y.size(1) == joints && e.y.size(2) > 0 && e.y.size(3) > 0, "heatmaps are ", e.y.shape(),
        ", expected [", n, ", ", joints, ", height, width]: one a joint");
  check(e.points.defined() && e.points.dtype() == Dtype::f32, "keypoints come without the places of joints");
  check(e.points.shape() == Shape{n, joints, 2}, "places of joints are ", e.points.shape(), ", expected [", n, ", ",
        joints, ", 2]");
}

void check_finite(const Tensor& y) {
  const int64_t each = row_shape(y).numel();
  for (int64_t i = 0; i < y.numel(); ++i)
    check(std::isfinite(y.data<float>()[i]), "sample ", i / each, ": its target is ", y.data<float>()[i],
          " at position ", i % each, ", expected finite numbers");
}

}  // namespace

const char* name_of(Task task) {
  constexpr const char* names[] = {"classification", "segmentation", "keypoints", "regression"};
  return names[static_cast<size_t>(task)];
}

Shape row_shape(const Tensor& x) {
  return Shape(x.shape().span().subspan(1));
}

Shape rows_shape(int64_t n, const Shape& row) {
  std::vector<int64_t> sizes{n};
  sizes.insert(sizes.end(), row.begin(), row.end());
  return Shape(std::span<const int64_t>(sizes));
}

void copy_row(const Tensor& from, int64_t i, Tensor& to, int64_t j) {
  const int64_t each = from.shape().product(1, from.rank());
  dispatch(from.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::copy_n(from.data<T>() + i * each, each, to.fill<T>() + j * each);
  });
}

Examples Examples::take(std::span<const int64_t> samples) const {
  const int64_t n = static_cast<int64_t>(samples.size());
  for (const int64_t from : samples)
    check(from >= 0 && from < size(), "examples: there is no sample ", from, " among ", size());
  const auto taken = [&](const Tensor& rows) {
    if (!rows.defined()) return Tensor();
    Tensor out(rows.shape().with(0, n), rows.dtype());
    for (int64_t i = 0; i < n; ++i) copy_row(rows, samples[static_cast<size_t>(i)], out, i);
    return out;
  };
  return {taken(x), taken(y), taken(points)};
}

void check_examples(const Examples& examples, Task task, int64_t classes) {
  const int64_t n = examples.size();
  if (n == 0) return;
  const Tensor& y = examples.y;
  check(y.defined() && y.rank() > 0 && y.size(0) == n, "there are ", n, " samples, but targets ",
        y.defined() ? y.shape().text() : "are missing");
  check_type(y, task == Task::classification || task == Task::segmentation ? Dtype::i64 : Dtype::f32, task);
  switch (task) {
    case Task::classification:
      check(y.rank() == 1, "targets for classification are ", y.shape(), ", expected one class a sample: [", n, "]");
      return check_classes(y, classes);
    case Task::segmentation:
      return check_masks(examples.x, y, classes);
    case Task::keypoints:
      check_heatmaps(examples, classes);
      return check_finite(y);
    case Task::regression:
      return check_finite(y);
  }
}

}  // namespace tarn
