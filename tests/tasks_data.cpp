// Tests of the drawn data sets for segmentation and keypoints, of checking targets, and of moving masks with pictures.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/parallel.h"
#include "data/dataset.h"
#include "data/figure.h"
#include "data/loader.h"
#include "tests/support/errors.h"

namespace tarn::test_tasks_data {
namespace {

using test::contains;
using test::message_of;

Data load(const std::string& config, uint64_t seed = 3) {
  return make_dataset(parse_json(config, "data.json"), seed, ".");
}

bool same(const Examples& a, const Examples& b) {
  const auto equal = [](const Tensor& s, const Tensor& t) {
    if (!s.defined() || !t.defined()) return s.defined() == t.defined();
    if (s.shape() != t.shape() || s.dtype() != t.dtype()) return false;
    return dispatch(s.dtype(),
                    [&](auto zero) { return s.to_vector<decltype(zero)>() == t.to_vector<decltype(zero)>(); });
  };
  return equal(a.x, b.x) && equal(a.y, b.y) && equal(a.points, b.points);
}

TEST_CASE("drawn pictures are the same for the same seed, whatever the threads, and others for another") {
  const int before = threads();
  for (const char* config : {R"({"type": "Shapes", "n": 40, "height": 16, "width": 24})",
                             R"({"type": "Keypoints", "n": 40, "height": 24, "width": 20})",
                             R"({"type": "Keypoints", "n": 40, "height": 24, "width": 20, "target": "pose"})"}) {
    CAPTURE(config);
    set_threads(1);
    const Data one = load(config);
    set_threads(4);
    const Data four = load(config);
    CHECK(same(one.train, four.train));
    CHECK(same(one.test, four.test));
    CHECK_FALSE(same(one.train, load(config, 4).train));
    CHECK(*std::min_element(one.train.x.data<float>(), one.train.x.data<float>() + one.train.x.numel()) >= 0);
    CHECK(*std::max_element(one.train.x.data<float>(), one.train.x.data<float>() + one.train.x.numel()) <= 1);
  }
  set_threads(before);
}

TEST_CASE("Shapes labels every pixel with a kind, all kinds occur, and every picture shows one") {
  const Data data = load(R"({"type": "Shapes", "n": 300, "kinds": 4, "validation": 0, "split": {"test": 0}})");
  CHECK(data.task == Task::segmentation);
  CHECK(data.classes == 5);
  CHECK(data.class_names.front() == "background");
  CHECK(data.train.y.shape() == Shape{300, 48, 48});
  std::vector<int64_t> pixels(5, 0);
  for (int64_t i = 0; i < 300; ++i) {
    int64_t shown = 0;
    for (int64_t k = 0; k < 48 * 48; ++k) {
      const int64_t c = data.train.y.data<int64_t>()[i * 48 * 48 + k];
      REQUIRE(c >= 0);
      REQUIRE(c < 5);
      ++pixels[static_cast<size_t>(c)];
      shown += c > 0;
    }
    CHECK(shown > 20);
  }
  for (const int64_t n : pixels) CHECK(n > 300 * 48 * 48 / 100);
}

TEST_CASE("without noise a single shape of Shapes is exactly the pixels of one flat colour") {
  const Data data =
      load(R"({"type": "Shapes", "n": 60, "most": 1, "noise": 0, "validation": 0, "split": {"test": 0}})");
  const int64_t plane = 48 * 48;
  for (int64_t i = 0; i < 60; ++i) {
    const float* x = data.train.x.data<float>() + i * 3 * plane;
    const int64_t* y = data.train.y.data<int64_t>() + i * plane;
    const int64_t first = std::find_if(y, y + plane, [](int64_t c) { return c > 0; }) - y;
    REQUIRE(first < plane);
    int64_t alike = 0;
    for (int64_t k = 0; k < plane; ++k) {
      bool equal = true;
      for (int64_t c = 0; c < 3; ++c) equal = equal && std::abs(x[c * plane + k] - x[c * plane + first]) < 1e-5f;
      if (y[k] > 0) {
        CHECK(equal);
        CHECK(y[k] == y[first]);
      }
      alike += equal && y[k] == 0;
    }
    CHECK(alike <= 2);  // a wave may happen to have the colour somewhere
  }
}

TEST_CASE("the colour of a shape does not give its kind away") {
  const Data data = load(R"({"type": "Shapes", "n": 2000, "most": 1, "noise": 0, "height": 24, "width": 24, "kinds": 2,
               "validation": 0, "split": {"test": 0}})");
  // Means of each channel over shapes of either kind: uniform levels have deviation 0.29 a shape.
  double sum[2][3] = {};
  double count[2] = {};
  for (int64_t i = 0; i < 2000; ++i) {
    const int64_t* y = data.train.y.data<int64_t>() + i * 576;
    const int64_t at = std::find_if(y, y + 576, [](int64_t c) { return c > 0; }) - y;
    if (at == 576) continue;
    ++count[y[at] - 1];
    for (int64_t c = 0; c < 3; ++c)
      sum[y[at] - 1][c] += static_cast<double>(data.train.x.data<float>()[(3 * i + c) * 576 + at]);
  }
  CHECK(count[0] + count[1] > 1990);
  for (int c = 0; c < 3; ++c)
    CHECK(std::abs(sum[0][c] / count[0] - sum[1][c] / count[1]) < 0.29 * std::sqrt(0.002) * 5);
}

TEST_CASE("joints are inside the picture, and the maximum of a heatmap is the cell of its joint") {
  for (const int64_t stride : {1, 2, 4}) {
    const Data data = load(text(R"({"type": "Keypoints", "n": 50, "height": 32, "width": 48, "stride": )", stride,
                                R"(, "sigma": 1, "validation": 0, "split": {"test": 0}})"));
    CHECK(data.task == Task::keypoints);
    CHECK(data.classes == joint_count);
    CHECK(data.class_names.size() == static_cast<size_t>(joint_count));
    const int64_t h = 32 / stride, w = 48 / stride;
    REQUIRE(data.train.y.shape() == Shape{50, joint_count, h, w});
    REQUIRE(data.train.points.shape() == Shape{50, joint_count, 2});
    for (int64_t k = 0; k < 50 * joint_count; ++k) {
      const float x = data.train.points.data<float>()[2 * k], y = data.train.points.data<float>()[2 * k + 1];
      REQUIRE(x >= 0);
      REQUIRE(x <= 47);
      REQUIRE(y >= 0);
      REQUIRE(y <= 31);
      const float* map = data.train.y.data<float>() + k * h * w;
      const int64_t best = std::max_element(map, map + h * w) - map;
      CHECK(best % w == std::clamp<int64_t>(static_cast<int64_t>(x + 0.5f) / stride, 0, w - 1));
      CHECK(best / w == std::clamp<int64_t>(static_cast<int64_t>(y + 0.5f) / stride, 0, h - 1));
      CHECK(map[best] > 0.75f);  // exp(-1/4): at most half a cell off along each axis
    }
  }
}

TEST_CASE("left limbs are warm and right ones cold, and either is on either side") {
  const Data data = load(R"({"type": "Keypoints", "n": 200, "noise": 0, "clutter": 0, "validation": 0,
                             "split": {"test": 0}})");
  int right, left_first = 0, told = 0;
  for (int64_t i = 0; i < 200; ++i) {
    const float* p = data.train.points.data<float>() + i * joint_count * 2;
    const auto red_over_blue = [&](int64_t joint) {
      const int64_t at = std::lround(p[2 * joint + 1]) * 48 + std::lround(p[2 * joint]);
      const float* x = data.train.x.data<float>() + i * 3 * 48 * 48 + at;
      return x[0] - x[2 * 48 * 48];
    };
    right = red_over_blue(6) > 0.1f && red_over_blue(10) < -0.1f;  // the feet
    told += right;
    left_first += p[2 * 6] < p[2 * 10];
  }
  CHECK(told > 190);  // feet may stand one before the other
  CHECK(left_first > 60);
  CHECK(left_first < 140);
}

TEST_CASE("poses are nine classes of the same pictures, and say where hands and knees are") {
  const std::string rest = R"("n": 300, "validation": 0, "split": {"test": 0}})";
  const Data pose = load(R"({"type": "Keypoints", "target": "pose", )" + rest);
  const Data maps = load(R"({"type": "Keypoints", )" + rest);
  CHECK(pose.task == Task::classification);
  CHECK(pose.classes == pose_count);
  CHECK(pose.train.x.to_vector<float>() == maps.train.x.to_vector<float>());
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 300; ++i) {
    const int64_t c = pose.train.y.data<int64_t>()[i];
    seen.insert(c);
    const float* p = maps.train.points.data<float>() + i * joint_count * 2;
    const float neck = p[2 * 1 + 1], pelvis = p[2 * 2 + 1];
    for (const int64_t hand : {4, 8}) {
      if (c / 3 == 2) CHECK(p[2 * hand + 1] < neck);
      if (c / 3 == 0) CHECK(p[2 * hand + 1] > neck + 0.3f * (pelvis - neck));
    }
    const float torso = std::hypot(p[2 * 1] - p[2 * 2], neck - pelvis);
    const float feet = std::hypot(p[2 * 6] - p[2 * 10], p[2 * 6 + 1] - p[2 * 10 + 1]);
    const float knees = std::hypot(p[2 * 5] - p[2 * 9], p[2 * 5 + 1] - p[2 * 9 + 1]);
    if (c % 3 == 0) CHECK(feet < torso);
    if (c % 3 == 1) CHECK(feet > 0.9f * torso);
    if (c % 3 == 2) CHECK(knees > 0.9f * torso);
  }
  CHECK(seen.size() == static_cast<size_t>(pose_count));
}

TEST_CASE("impossible sizes are refused before memory is taken") {
  const auto refused = [](const std::string& config) { return message_of([&] { load(config); }); };
  CHECK(contains(refused(R"({"type": "Shapes", "n": 10000000})"), "use fewer or smaller pictures"));
  CHECK(contains(refused(R"({"type": "Shapes", "kinds": 6})"), "outside"));
  CHECK(contains(refused(R"({"type": "Keypoints", "n": 10000000})"), "use fewer or smaller pictures"));
  CHECK(contains(refused(R"({"type": "Keypoints", "n": 30000, "height": 48, "width": 48, "stride": 1})"), "larger"));
  CHECK(contains(refused(R"({"type": "Keypoints", "height": 50, "stride": 4})"), "cells of 4"));
  CHECK(contains(refused(R"({"type": "Keypoints", "stride": 3})"), "expected 1, 2 or 4"));
  CHECK(contains(refused(R"({"type": "Keypoints", "target": "poses"})"), "data.json:1"));
}

TEST_CASE("targets that are not what their task wants are refused, with sample and place") {
  const Tensor x = Tensor::zeros({2, 3, 4, 5});
  const auto refused = [](const Examples& e, Task task, int64_t classes) {
    return message_of([&] { check_examples(e, task, classes); });
  };
  Tensor mask = Tensor::zeros({2, 4, 5}, Dtype::i64);
  CHECK(refused({x, mask}, Task::segmentation, 3) == "");
  mask.fill<int64_t>()[20 + 7] = 3;
  CHECK(refused({x, mask}, Task::segmentation, 3) ==
        "sample 1: class 3 at row 1, column 2 of its mask is not one of 3");
  mask.fill<int64_t>()[20 + 7] = -1;
  CHECK(contains(refused({x, mask}, Task::segmentation, 3), "class -1"));
  CHECK(contains(refused({x, Tensor::zeros({2, 5, 4}, Dtype::i64)}, Task::segmentation, 3), "expected a class"));
  CHECK(contains(refused({x, Tensor::zeros({2, 4, 5})}, Task::segmentation, 3), "are int64, found float32"));
  CHECK(contains(refused({x, Tensor::zeros({3}, Dtype::i64)}, Task::classification, 3), "there are 2 samples"));
  CHECK(contains(refused({x, Tensor()}, Task::classification, 3), "missing"));
  CHECK(contains(refused({x, Tensor::zeros({2, 1}, Dtype::i64)}, Task::classification, 3), "one class a sample"));
  const Tensor maps = Tensor::zeros({2, 6, 4, 5});
  CHECK(refused({x, maps, Tensor::zeros({2, 6, 2})}, Task::keypoints, 6) == "");
  CHECK(contains(refused({x, maps, {}}, Task::keypoints, 6), "without the places"));
  CHECK(contains(refused({x, maps, Tensor::zeros({2, 5, 2})}, Task::keypoints, 6), "expected [2, 6, 2]"));
  CHECK(contains(refused({x, maps, Tensor::zeros({2, 6, 2})}, Task::keypoints, 5), "heatmaps are [2,6,4,5]"));
  CHECK(refused({x, Tensor::zeros({2, 3})}, Task::regression, 0) == "");
  CHECK(contains(refused({x, Tensor::full({2, 3}, NAN)}, Task::regression, 0), "sample 0: its target is nan"));
}

TEST_CASE("augmentations that would leave targets behind are refused, and those that do not are not") {
  const auto with = [](const std::string& type, const std::string& augment) {
    return message_of([&] { load(R"({"type": ")" + type + R"(", "n": 20, "augment": [)" + augment + "]}"); });
  };
  for (const char* mirror : {R"("RandomHorizontalFlip")", R"("RandomVerticalFlip")", R"("RandomShift")"}) {
    CHECK(with("Shapes", mirror) == "");
    CHECK(contains(with("Keypoints", mirror), "cannot move the targets for keypoints"));
  }
  CHECK(with("Shapes", R"("GaussianNoise")") == "");
  CHECK(with("Keypoints", R"("GaussianNoise")") == "");
  const std::string affine = with("Shapes", R"({"type": "RandomAffine", "degrees": 10})");
  CHECK(contains(affine, "data.json:1"));
  CHECK(contains(affine, "RandomAffine moves pixels, but cannot move the targets for segmentation"));
  CHECK(with("Keypoints\", \"target\": \"pose", R"("RandomAffine")") == "");
}

TEST_CASE("a mask moves with its picture, pixel by pixel") {
  // The first plane of a sample is its mask plus one, so that 0 is what came in from outside.
  Examples examples{Tensor({40, 2, 9, 7}), Tensor({40, 9, 7}, Dtype::i64)};
  for (int64_t i = 0; i < 40 * 63; ++i) {
    const int64_t c = 1 + i * 7919 % 5;
    examples.y.fill<int64_t>()[i] = c;
    examples.x.fill<float>()[i / 63 * 126 + i % 63] = static_cast<float>(c);
    examples.x.fill<float>()[i / 63 * 126 + 63 + i % 63] = 2;
  }
  Batching batching;
  for (const char* name : {R"("RandomHorizontalFlip")", R"({"type": "GaussianNoise", "deviation": 0})",
                           R"({"type": "RandomShift", "pixels": 3})", R"("RandomVerticalFlip")"})
    batching.augment.push_back(make_augmentation(parse_json(name, "augment")));
  Loader loader(examples, batching, 5);
  loader.start(1);
  int64_t moved = 0;
  for (Batch batch; loader.next(batch);) {
    const auto n = static_cast<int64_t>(batch.samples.size());
    REQUIRE(batch.y.shape() == Shape{n, 9, 7});
    for (int64_t i = 0; i < n * 63; ++i) {
      const auto pixel = static_cast<int64_t>(batch.x.data<float>()[i / 63 * 126 + i % 63]);
      CHECK(batch.y.data<int64_t>()[i] == pixel);
      moved += pixel != examples.y.data<int64_t>()[batch.samples[static_cast<size_t>(i / 63)] * 63 + i % 63];
    }
  }
  CHECK(moved > 40 * 63 / 3);
}

TEST_CASE("batches carry heatmaps and places of the samples that they name") {
  const Data data = load(R"({"type": "Keypoints", "n": 30, "height": 16, "width": 16, "stride": 4, "validation": 0,
                             "split": {"test": 0}, "augment": ["GaussianNoise"]})");
  Loader loader(data.train, data.batching, 1);
  loader.start(0);
  for (Batch batch; loader.next(batch);) {
    const Examples expected = data.train.take(batch.samples);
    CHECK(batch.y.to_vector<float>() == expected.y.to_vector<float>());
    CHECK(batch.points.to_vector<float>() == expected.points.to_vector<float>());
  }
}

}  // namespace
}  // namespace tarn::test_tasks_data
