// Tests of the metrics of each task against naive loops, and by hand.
#include <doctest/doctest.h>

#include <cmath>

#include "apps/evaluate.h"
#include "apps/metrics.h"
#include "core/parallel.h"
#include "core/random.h"
#include "tests/support/errors.h"

namespace tarn::test_tasks_metrics {
namespace {

Stream stream(uint64_t step) {
  return {17, purpose_of("tests/metrics"), step};
}

double value(const std::vector<Metric>& metrics, const std::string& name) {
  for (const Metric& m : metrics)
    if (m.name == name) return m.value;
  FAIL("there is no metric " << name);
  return 0;
}

TEST_CASE("pixel accuracy and IoU equal naive loops over pixels") {
  const int64_t n = 3, classes = 4, h = 5, w = 6;
  const Tensor scores = normal({n, classes, h, w}, stream(0));
  Tensor y({n, h, w}, Dtype::i64);
  for (int64_t i = 0; i < y.numel(); ++i)
    y.fill<int64_t>()[i] = stream(1).below(static_cast<uint64_t>(i), classes - 1);  // class 3 is only told
  Counts counts = Counts::of(Task::segmentation, classes, true);
  count(counts, Task::segmentation, scores, y, {}, {3, h, w});
  std::vector<int64_t> told;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t p = 0; p < h * w; ++p) {
      int64_t best = 0;
      for (int64_t c = 1; c < classes; ++c)
        if (scores.at((i * classes + c) * h * w + p) > scores.at((i * classes + best) * h * w + p)) best = c;
      told.push_back(best);
    }
  double sum = 0;
  int64_t right = 0;
  std::vector<int64_t> confusion(16, 0);
  for (size_t p = 0; p < told.size(); ++p) {
    right += told[p] == y.data<int64_t>()[p];
    ++confusion[static_cast<size_t>(y.data<int64_t>()[p] * classes + told[p])];
  }
  CHECK(counts.confusion == confusion);
  for (int64_t c = 0; c < classes; ++c) {
    int64_t both = 0, either = 0;
    for (size_t p = 0; p < told.size(); ++p) {
      const bool is = y.data<int64_t>()[p] == c, was = told[p] == c;
      both += is && was;
      either += is || was;
    }
    const double iou = static_cast<double>(both) / static_cast<double>(either);
    CHECK(class_iou(counts.confusion)[static_cast<size_t>(c)] == doctest::Approx(iou));
    sum += iou;
  }
  const std::vector<Metric> metrics = metrics_of(Task::segmentation, counts);
  CHECK(metrics[0].name == "mean_iou");
  CHECK(value(metrics, "mean_iou") == doctest::Approx(sum / 4));
  CHECK(value(metrics, "pixel_accuracy") == static_cast<double>(right) / static_cast<double>(n * h * w));
  CHECK(counts.total == n * h * w);
}

TEST_CASE("a class that is nowhere does not count in the mean IoU") {
  CHECK(mean_iou({3, 1, 0, 0, 4, 0, 0, 0, 0}) == doctest::Approx((3.0 / 4 + 4.0 / 5) / 2));
  CHECK(std::isnan(class_iou({3, 1, 0, 0, 4, 0, 0, 0, 0})[2]));
  CHECK(std::isnan(mean_iou({0, 0, 0, 0})));
  CHECK(mean_iou({5, 0, 0, 7}) == 1);
}

TEST_CASE("a heatmap tells the middle of its largest cell, a quarter towards the larger neighbour") {
  Tensor maps = Tensor::zeros({1, 3, 4, 5});
  float* m = maps.fill<float>();
  m[1 * 5 + 2] = 1;       // map 0: row 1, column 2, and nothing beside it
  m[20 + 2 * 5 + 3] = 1;  // map 1: row 2, column 3, with something left and below
  m[20 + 2 * 5 + 2] = 0.5f;
  m[20 + 3 * 5 + 3] = 0.5f;
  m[40] = 0.25f;  // map 2: the corner has no two neighbours
  m[41] = 0.125f;
  const std::vector<Told> told = places_of(maps, {3, 8, 20});
  CHECK(told[0].x == 2.5 * 4 - 0.5);
  CHECK(told[0].y == 1.5 * 2 - 0.5);
  CHECK(told[0].score == 1);
  CHECK(told[1].x == 3.25 * 4 - 0.5);
  CHECK(told[1].y == 2.75 * 2 - 0.5);
  CHECK(told[2].x == 0.5 * 4 - 0.5);
  CHECK(told[2].y == 0.5 * 2 - 0.5);
  CHECK(told[2].score == 0.25);
  CHECK_THROWS_AS(places_of(Tensor::zeros({3, 4, 5}), {3, 8, 20}), Error);
}

TEST_CASE("true heatmaps tell true joints, to less than a third of a cell") {
  for (const int64_t stride : {1, 2, 4}) {
    const Data data =
        make_dataset(parse_json(text(R"({"type": "Keypoints", "n": 40, "stride": )", stride, "}"), "data"), 1, ".");
    const std::vector<Told> told = places_of(data.train.y, data.input);
    const float* p = data.train.points.data<float>();
    for (size_t k = 0; k < told.size(); ++k) {
      const double dx = told[k].x - static_cast<double>(p[2 * k]), dy = told[k].y - static_cast<double>(p[2 * k + 1]);
      if (p[2 * k] < stride || p[2 * k] > 47 - stride || p[2 * k + 1] < stride || p[2 * k + 1] > 47 - stride) continue;
      CHECK(std::max(std::abs(dx), std::abs(dy)) <= 0.26 * static_cast<double>(stride));
    }
    Counts counts = Counts::of(Task::keypoints, data.classes, true);
    count(counts, Task::keypoints, data.train.y, data.train.y, data.train.points, data.input);
    CHECK(value(metrics_of(Task::keypoints, counts), "pck") == 1);
  }
}

TEST_CASE("PCK counts joints within a tenth of the figure's size, and leaves out joints that are not there") {
  // A figure of 20 x 10 pixels: 2 pixels are within. Heatmaps have the picture's size.
  const float points[] = {5, 5, 25, 5, 15, 15, NAN, NAN};
  CHECK(figure_size(points, 4, {3, 32, 32}) == 20);
  CHECK(figure_size(points, 1, {3, 30, 32}) == 32);
  Tensor maps = Tensor::zeros({1, 4, 32, 32});
  const auto put = [&](int64_t joint, int64_t x, int64_t y) { maps.fill<float>()[(joint * 32 + y) * 32 + x] = 1; };
  put(0, 7, 5);   // 2 off
  put(1, 25, 8);  // 3 off
  put(2, 14, 14);
  Counts counts = Counts::of(Task::keypoints, 4, true);
  const Tensor places({1, 4, 2}, std::span<const float>(points));
  count(counts, Task::keypoints, maps, maps, places, {3, 32, 32});
  CHECK(counts.found == std::vector<int64_t>{1, 0, 1, 0});
  CHECK(counts.asked == std::vector<int64_t>{1, 1, 1, 0});
  CHECK(value(metrics_of(Task::keypoints, counts), "pck") == 2.0 / 3);
}

TEST_CASE("nothing counted is not a number, and regression has no metrics") {
  for (const Task task : {Task::classification, Task::segmentation, Task::keypoints})
    for (const Metric& m : metrics_of(task, Counts::of(task, 3, true))) CHECK(std::isnan(m.value));
  CHECK(metrics_of(Task::regression, {}).empty());
  CHECK(Counts::of(Task::classification, 1'000'000, true).confusion.empty());
}

TEST_CASE("best_by may name the loss and the task's own metrics") {
  CHECK_NOTHROW(check_best_by("loss", Task::regression));
  CHECK_NOTHROW(check_best_by("accuracy", Task::classification));
  CHECK_NOTHROW(check_best_by("pixel_accuracy", Task::segmentation));
  CHECK_NOTHROW(check_best_by("pck", Task::keypoints));
  CHECK(test::message_of([] { check_best_by("accuracy", Task::segmentation); }) ==
        "'accuracy' is no metric of data for segmentation; expected loss or mean_iou or "
        "pixel_accuracy");
}

/// Gives back its input, which stands for scores or heatmaps.
class Echo : public Module {
 public:
  Tensor forward(const Tensor& x, Context&) override { return x; }
};

TEST_CASE("evaluation does not depend on threads, and its errors rank samples") {
  Data data;
  data.task = Task::segmentation;
  data.classes = 3;
  data.input = Shape{3, 40, 40};
  const int64_t n = 150;  // several batches
  Examples part{normal({n, 3, 40, 40}, stream(5)), Tensor({n, 40, 40}, Dtype::i64)};
  for (int64_t i = 0; i < part.y.numel(); ++i) {
    const float* x = part.x.data<float>() + i / 1600 * 4800 + i % 1600;
    const int64_t best = x[0] >= x[1600] && x[0] >= x[3200] ? 0 : x[1600] >= x[3200] ? 1 : 2;
    const int64_t wrong = i / 1600 % 10;  // tenths of the pixels of a sample
    part.y.fill<int64_t>()[i] = i % 10 < wrong ? (best + 1) % 3 : best;
  }
  data.train = part;
  Echo echo;
  const auto loss = make_loss("CrossEntropyLoss", 3);
  const int before = threads();
  set_threads(1);
  const Evaluation one = evaluate(echo, *loss, data, part);
  set_threads(3);
  const Evaluation three = evaluate(echo, *loss, data, part);
  set_threads(before);
  CHECK(one.counts.confusion == three.counts.confusion);
  CHECK(one.loss == three.loss);
  CHECK(one.errors == three.errors);
  CHECK(value(one.metrics(), "pixel_accuracy") == doctest::Approx(0.55));
  REQUIRE(one.errors.size() == static_cast<size_t>(n));
  for (size_t i = 0; i < one.errors.size(); ++i) {
    CHECK((one.errors[i] == 0) == (i % 10 == 0));
    if (i % 10 > 0) CHECK(one.errors[i] > one.errors[i - 1]);
  }
  CHECK(result_text(one).starts_with("test mean IoU 0."));
  CHECK(test::contains(result_text(one), "test pixel accuracy 0.5500 (132000 of 240000 pixels), test loss "));
}

}  // namespace
}  // namespace tarn::test_tasks_metrics
