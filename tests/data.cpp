// Tests of data sets and the loader: parts that never overlap, orders that repeat, batches that depend on nothing but
// seed, epoch and position.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include "core/parallel.h"
#include "data/loader.h"
#include "tests/folders.h"

namespace tarn::test_data {
namespace {

Json json(const std::string& text) {
  return parse_json(text, "test.json");
}

Data load(const std::string& config, uint64_t seed = 0) {
  return make_dataset(json(config), seed, TARN_SOURCE_DIR);
}

/// Samples 0 … n - 1 whose every value is their number.
Examples numbered(int64_t n, const Shape& sample) {
  Examples examples{Tensor(Shape{n, sample[0], sample[1], sample[2]}), Tensor::arange(n)};
  for (int64_t i = 0; i < examples.x.numel(); ++i) examples.x.fill<float>()[i] = static_cast<float>(i / sample.numel());
  return examples;
}

TEST_CASE("the parts of every split are disjoint and cover all samples") {
  for (const int64_t n : {1, 2, 7, 10, 1797})
    for (const TestBy by : {TestBy::tail, TestBy::head, TestBy::seed})
      for (const double test : {0.0, 0.2, 0.5, 1.0})
        for (const double validation : {0.0, 0.1, 0.3}) {
          if (n == 1 && test > 0) continue;  // nothing would be left to train on
          const Partition p = partition(n, test, by, 0, validation, 3);
          std::vector<int64_t> all;
          for (const auto* part : {&p.train, &p.validation, &p.test}) {
            CHECK(std::is_sorted(part->begin(), part->end()));
            all.insert(all.end(), part->begin(), part->end());
          }
          std::sort(all.begin(), all.end());
          std::vector<int64_t> expected(static_cast<size_t>(n));
          std::iota(expected.begin(), expected.end(), int64_t{0});
          CHECK((all == expected));
          const auto tested = static_cast<int64_t>(test < 1 ? std::ceil(test * static_cast<double>(n)) : test);
          CHECK(static_cast<int64_t>(p.test.size()) == tested);
          if (by == TestBy::tail && tested > 0) CHECK(p.test.front() == n - tested);
          if (by == TestBy::head && tested > 0) CHECK(p.test.back() == tested - 1);
        }
}

TEST_CASE("the test part does not change with the validation share or the experiment's seed") {
  const Partition a = partition(100, 0.2, TestBy::seed, 0, 0.0, 5);
  const Partition b = partition(100, 0.2, TestBy::seed, 30, 0.5, 5);
  const Partition c = partition(100, 0.2, TestBy::seed, 0, 0.0, 6);
  CHECK((a.test == b.test));
  CHECK((a.test != c.test));
  CHECK(b.train.size() == 15);
  CHECK(b.validation.size() == 15);
}

TEST_CASE("splits that cannot be are refused") {
  CHECK_THROWS_AS(partition(0, 0, TestBy::tail, 0, 0, 0), Error);
  CHECK_THROWS_AS(partition(10, 11, TestBy::tail, 0, 0, 0), Error);
  CHECK_THROWS_AS(partition(10, 1.5, TestBy::tail, 0, 0, 0), Error);
  CHECK_THROWS_AS(partition(10, 1e300, TestBy::tail, 0, 0, 0), Error);
  CHECK_THROWS_AS(partition(10, 5, TestBy::tail, 6, 0, 0), Error);
  CHECK_THROWS_AS(partition(10, 5, TestBy::tail, 0, 5, 0), Error);
}

TEST_CASE("the embedded digits are 1,437 for training and the last 360 for the test") {
  const Data data = load(R"({"type": "Digits", "validation": 0})");
  CHECK(data.train.size() == 1437);
  CHECK(data.test.size() == 360);
  CHECK(data.validation.size() == 0);
  CHECK(data.input == Shape{1, 8, 8});
  CHECK(data.classes == 10);
  CHECK(data.class_names[9] == "9");
  CHECK(data.train.x.at(2) == 5.0 / 16);
  CHECK(data.train.y.at(1) == 1);
  const auto values = data.train.x.to_vector<float>();
  CHECK(*std::max_element(values.begin(), values.end()) == 1);
  CHECK(*std::min_element(values.begin(), values.end()) == 0);
  const Data smaller =
      load(R"({"type": "Digits", "limit": 100, "split": {"test": 20, "train": 40}, "validation": 10})");
  CHECK(smaller.train.size() == 30);
  CHECK(smaller.validation.size() == 10);
  CHECK(smaller.test.size() == 20);
}

TEST_CASE("every set that is drawn repeats with its seed, changes with another, and has all its classes") {
  for (const char* type : {"Spirals", "Moons", "Blobs", "Circles", "Xor", "SyntheticImages"}) {
    CAPTURE(type);
    const Data a = load(text(R"({"type": ")", type, R"(", "n": 60})"), 1);
    const Data b = load(text(R"({"type": ")", type, R"(", "n": 60})"), 1);
    const Data c = load(text(R"({"type": ")", type, R"(", "n": 60})"), 2);
    CHECK((a.train.x.to_vector<float>() == b.train.x.to_vector<float>()));
    CHECK((a.train.x.to_vector<float>() != c.train.x.to_vector<float>()));
    CHECK(a.train.size() + a.validation.size() + a.test.size() == 60);
    const auto labels = a.train.y.to_vector<int64_t>();
    CHECK(static_cast<int64_t>(std::set<int64_t>(labels.begin(), labels.end()).size()) == a.classes);
    for (const float v : a.train.x.to_vector<float>()) CHECK(std::isfinite(v));
  }
}

TEST_CASE("points without noise lie where their class says") {
  const Data circles = load(R"({"type": "Circles", "n": 90, "classes": 3, "noise": 0})");
  for (int64_t i = 0; i < circles.train.size(); ++i)
    CHECK(std::hypot(circles.train.x.at(2 * i), circles.train.x.at(2 * i + 1)) ==
          doctest::Approx((circles.train.y.at(i) + 1) / 3).epsilon(1e-6));
  const Data corners = load(R"({"type": "Xor", "n": 40, "noise": 0})");
  for (int64_t i = 0; i < corners.train.size(); ++i)
    CHECK((corners.train.x.at(2 * i) * corners.train.x.at(2 * i + 1) < 0) == (corners.train.y.at(i) == 1));
}

TEST_CASE("an epoch holds every sample once, in an order that belongs to its number") {
  const Examples examples = numbered(23, {1, 2, 2});
  Batching batching;
  batching.batch_size = 5;
  Loader loader(examples, batching, 7);
  CHECK(loader.batches() == 5);
  std::vector<std::vector<int64_t>> orders;
  for (const int64_t epoch : {0, 1, 0}) {
    loader.start(epoch);
    orders.emplace_back();
    for (Batch batch; loader.next(batch);) {
      for (size_t i = 0; i < batch.samples.size(); ++i) {
        CHECK(batch.x.at(static_cast<int64_t>(i) * 4) == static_cast<double>(batch.samples[i]));
        CHECK(batch.y.at(static_cast<int64_t>(i)) == static_cast<double>(batch.samples[i]));
        orders.back().push_back(batch.samples[i]);
      }
    }
  }
  CHECK((orders[0] == orders[2]));
  CHECK((orders[0] != orders[1]));
  std::sort(orders[0].begin(), orders[0].end());
  for (int64_t i = 0; i < 23; ++i) CHECK(orders[0][static_cast<size_t>(i)] == i);
}

TEST_CASE("the last batch may be smaller or left out") {
  const Examples examples = numbered(23, {1, 1, 1});
  Batching batching;
  batching.batch_size = 5;
  batching.drop_last = true;
  CHECK(Loader(examples, batching, 0).batches() == 4);
  batching.batch_size = 24;
  CHECK_THROWS_AS(Loader(examples, batching, 0), Error);
  batching.batch_size = 0;
  CHECK_THROWS_AS(Loader(examples, batching, 0), Error);
  Batch batch;
  Loader whole(examples, {.batch_size = 100, .augment = {}}, 0);
  whole.start(0);
  CHECK(whole.next(batch));
  CHECK(batch.x.shape() == Shape{23, 1, 1, 1});
  CHECK_FALSE(whole.next(batch));
  const Examples none{Tensor({0, 1, 1, 1}), Tensor({0}, Dtype::i64)};
  Loader empty = Loader::in_order(none, 4);
  empty.start(0);
  CHECK_FALSE(empty.next(batch));
}

/// All batches of some epochs, as one list of numbers.
std::vector<float> run(const Examples& examples, int64_t prefetch, int64_t epoch = 0, int64_t from = 0) {
  Batching batching;
  batching.batch_size = 16;
  batching.prefetch = prefetch;
  for (const char* augmentation :
       {R"({"type": "RandomAffine", "degrees": 30, "translate": 0.2, "scale": [0.8, 1.2], "shear": 10})",
        R"({"type": "RandomShift", "pixels": 2})", R"("RandomHorizontalFlip")", R"("RandomVerticalFlip")",
        R"({"type": "GaussianNoise", "deviation": 0.5})"})
    batching.augment.push_back(make_augmentation(json(augmentation)));
  Loader loader(examples, batching, 11);
  loader.start(epoch, from);
  std::vector<float> values;
  for (Batch batch; loader.next(batch);) {
    const auto x = batch.x.to_vector<float>();
    values.insert(values.end(), x.begin(), x.end());
  }
  return values;
}

TEST_CASE("batches do not depend on threads, prefetching or where the epoch was entered") {
  const Examples examples = numbered(150, {2, 12, 9});
  const int before = threads();
  set_threads(1);
  const std::vector<float> expected = run(examples, 0);
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    for (const int64_t prefetch : {0, 1, 3, 20}) {
      CAPTURE(n);
      CAPTURE(prefetch);
      CHECK((run(examples, prefetch) == expected));
      const std::vector<float> later = run(examples, prefetch, 0, 4);
      CHECK((later == std::vector<float>(expected.begin() + 4 * 16 * 2 * 12 * 9, expected.end())));
    }
  }
  CHECK((run(examples, 0, 1) != expected));
  set_threads(before);
}

TEST_CASE("a loader may be left or restarted while batches are being prepared") {
  const Examples examples = numbered(500, {1, 8, 8});
  Batching batching;
  batching.prefetch = 4;
  for (int i = 0; i < 20; ++i) {
    Loader loader(examples, batching, 1);
    Batch batch;
    loader.start(0);
    CHECK(loader.next(batch));
    loader.start(1, 2);
    CHECK(loader.next(batch));
    CHECK(loader.position() == 3);
  }
  Loader loader(examples, batching, 1);
  CHECK_THROWS_AS(loader.start(0, loader.batches() + 1), Error);
  CHECK_THROWS_AS(loader.start(-1), Error);
}

/// The augmentation's result for one sample.
std::vector<float> augmented(const std::string& config, const std::vector<float>& x, const Shape& shape,
                             uint64_t sample = 0) {
  std::vector<float> y(x.size(), -1);
  make_augmentation(json(config))->apply(x.data(), y.data(), shape, Stream{1, 2, 3}.child(sample));
  return y;
}

TEST_CASE("RandomAffine without freedom changes nothing, and equals a naive resampling otherwise") {
  const Shape shape{2, 7, 5};
  std::vector<float> x(70);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  CHECK((augmented(R"({"type": "RandomAffine"})", x, shape) == x));

  const std::string config =
      R"({"type": "RandomAffine", "degrees": 40, "translate": 0.3, "scale": [0.7, 1.4], "shear": 20})";
  for (uint64_t sample = 0; sample < 20; ++sample) {
    const Stream draws = Stream{1, 2, 3}.child(sample);
    const double pi = 3.14159265358979323846;
    const double angle = (-40 + 80 * draws.uniform(0)) * pi / 180;
    const double dx = (-0.3 + 0.6 * draws.uniform(1)) * 5, dy = (-0.3 + 0.6 * draws.uniform(2)) * 7;
    const double size = 0.7 + 0.7 * draws.uniform(3);
    const double shear = std::tan((-20 + 40 * draws.uniform(4)) * pi / 180);
    // Forward matrix: rotation times shear times scale; solved for the source of each pixel.
    const double a = size * std::cos(angle), b = size * (std::cos(angle) * shear - std::sin(angle));
    const double c = size * std::sin(angle), d = size * (std::sin(angle) * shear + std::cos(angle));
    const double det = a * d - b * c;
    const std::vector<float> y = augmented(config, x, shape, sample);
    for (int channel = 0; channel < 2; ++channel)
      for (int row = 0; row < 7; ++row)
        for (int col = 0; col < 5; ++col) {
          const double u = col - 2 - dx, v = row - 3 - dy;
          const double sx = (d * u - b * v) / det + 2, sy = (a * v - c * u) / det + 3;
          double expected = 0;
          for (int i = 0; i < 7; ++i)
            for (int j = 0; j < 5; ++j)
              expected += std::max(0.0, 1 - std::abs(sy - i)) * std::max(0.0, 1 - std::abs(sx - j)) *
                          static_cast<double>(x[static_cast<size_t>(35 * channel + 5 * i + j)]);
          CHECK(y[static_cast<size_t>(35 * channel + 5 * row + col)] == doctest::Approx(expected).epsilon(1e-4));
        }
  }
}

TEST_CASE("shifts move whole pixels and flips mirror") {
  const Shape shape{1, 2, 3};
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  CHECK((augmented(R"({"type": "RandomHorizontalFlip", "p": 1})", x, shape) == std::vector<float>{3, 2, 1, 6, 5, 4}));
  CHECK((augmented(R"({"type": "RandomVerticalFlip", "p": 1})", x, shape) == std::vector<float>{4, 5, 6, 1, 2, 3}));
  CHECK((augmented(R"({"type": "RandomVerticalFlip", "p": 0})", x, shape) == x));
  CHECK((augmented(R"({"type": "RandomShift", "pixels": 0})", x, shape) == x));
  std::set<std::vector<float>> seen;
  for (uint64_t sample = 0; sample < 300; ++sample)
    seen.insert(augmented(R"({"type": "RandomShift", "pixels": 1})", x, shape, sample));
  std::set<std::vector<float>> expected;
  for (int down = -1; down <= 1; ++down)
    for (int right = -1; right <= 1; ++right) {
      std::vector<float> y(6, 0);
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j) {
          const int r = i - down, c = j - right;
          if (r >= 0 && r < 2 && c >= 0 && c < 3) y[static_cast<size_t>(3 * i + j)] = x[static_cast<size_t>(3 * r + c)];
        }
      expected.insert(y);
    }
  CHECK((seen == expected));
  CHECK((augmented(R"({"type": "RandomShift", "pixels": 4000})", x, shape) == std::vector<float>(6, 0)));
}

TEST_CASE("noise has the deviation it was given") {
  const std::vector<float> x(10'000, 2);
  const auto y = augmented(R"({"type": "GaussianNoise", "deviation": 0.5})", x, {100, 100});
  double sum = 0, squares = 0;
  for (const float v : y) sum += static_cast<double>(v) - 2;
  for (const float v : y) squares += (static_cast<double>(v) - 2) * (static_cast<double>(v) - 2);
  CHECK(std::abs(sum / 10'000) < 0.02);
  CHECK(std::sqrt(squares / 10'000) == doctest::Approx(0.5).epsilon(0.03));
}

TEST_CASE("wrong data configs are located errors") {
  const auto says = [](const std::string& config, const std::string& part) {
    CAPTURE(config);
    std::string found = "nothing was thrown";
    try {
      load(config);
    } catch (const Error& error) {
      found = error.what();
    }
    CAPTURE(found);
    CHECK(found.starts_with("test.json:1:"));
    CHECK(found.find(part) != std::string::npos);
  };
  says(R"({"type": "Digit"})", "did you mean 'Digits'");
  says(R"({"type": "Digits", "batchsize": 3})", "did you mean 'batch_size'");
  says(R"({"type": "Digits", "batch_size": 0})", "/batch_size");
  says(R"({"type": "Digits", "limit": 1})", "nothing is left");
  says(R"({"type": "Digits", "split": {"test": 5000}})", "split.test asks for 5000 of 1797");
  says(R"({"type": "Digits", "split": {"by": "luck"}})", "/split/by");
  says(R"({"type": "Digits", "augment": ["RandomAfine"]})", "did you mean 'RandomAffine'");
  says(R"({"type": "Digits", "augment": [{"type": "RandomAffine", "scale": [2, 1]}]})", "the smaller factor first");
  says(R"({"type": "Digits", "augment": 3})", "/augment");
  says(R"({"type": "Spirals", "augment": ["RandomShift"]})", "expected images");
  says(R"({"type": "Csv"})", "path");
  says(R"({"type": "Csv", "path": "nowhere.csv"})", "there is no such file");
  says(R"({"type": "SyntheticImages", "n": 10000000, "channels": 65536, "height": 65536, "width": 65536})", "2^46");
  says(R"({"type": "SyntheticImages", "n": 10000000})", "at most 1073741824");
}

}  // namespace
}  // namespace tarn::test_data
