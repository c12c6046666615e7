// Losses with margins, and of embeddings, against plain loops; ties, NaN, single samples, and what they refuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace tarn::test_loss_margin {

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor row(const std::vector<double>& values) {
  return {Shape{static_cast<int64_t>(values.size())}, values};
}
Tensor whole(const Shape& shape, const std::vector<int64_t>& values) {
  return {shape, values};
}
Tensor drawn(const Shape& shape, uint64_t purpose) {
  return normal(shape, {1, purpose, 0}, 0, 1, Dtype::f64);
}

void check_close(const Tensor& y, const std::vector<double>& want) {
  REQUIRE(y.numel() == static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK(y.at(static_cast<int64_t>(i)) == doctest::Approx(want[i]).epsilon(1e-12));
  }
}

Tensor slope(const std::function<Tensor(const Tensor&)>& loss, const Tensor& at) {
  const Tensor x = at.requires_grad();
  Tape tape;
  return tape.gradient(sum(loss(x)), x);
}

// Along rows of [N, D].
double dot_of(const Tensor& a, const Tensor& b, int64_t n) {
  double total = 0;
  for (int64_t d = 0; d < a.size(1); ++d) total += a.at(n * a.size(1) + d) * b.at(n * a.size(1) + d);
  return total;
}

}  // namespace

TEST_CASE("hinge_embedding_loss takes the distance, the rest of the margin, or both") {
  const Tensor x = row({0.5, 0.25, 3, 1, 0.5});
  const Tensor t = row({1, -1, -1, -1, 0});
  const auto loss = [&](const Tensor& v) { return hinge_embedding_loss(v, t, 1, Reduction::none); };
  check_close(loss(x), {0.5, 0.75, 0, 0, 1});
  check_close(slope(loss, x), {1, -1, 0, -1, 0});
  CHECK(hinge_embedding_loss(x, whole({5}, {1, -1, -1, -1, 0})).item() == hinge_embedding_loss(x, t).item());
  CHECK(hinge_embedding_loss(Tensor::ones({2, 3}), Tensor::ones({3}), 1, Reduction::none).shape() == Shape{2, 3});
}

TEST_CASE("margin_ranking_loss asks for a margin in the target's direction") {
  const Tensor x1 = row({1, 1, 2, 0.5});
  const Tensor x2 = row({0, 2, 2, 0});
  const Tensor t = row({1, 1, -1, -1});
  const auto loss = [&](const Tensor& v) { return margin_ranking_loss(v, x2, t, 0.5, Reduction::none); };
  check_close(loss(x1), {0, 1.5, 0.5, 1});
  check_close(slope(loss, x1), {0, -1, 1, 1});
  const auto sums = margin_ranking_loss(x1, x2, whole({4}, {1, 1, -1, -1}), 0.5, Reduction::sum);
  CHECK(sums.item() == 3);
  CHECK_THROWS_AS(margin_ranking_loss(Tensor::ones({2, 3}), Tensor::ones({2, 3}), Tensor::ones({3})), Error);
  CHECK_THROWS_AS(margin_ranking_loss(x1, x2, Tensor::ones({3}, Dtype::f64)), Error);
}

TEST_CASE("a NaN makes a hinge NaN but has no slope there, as in PyTorch") {
  const Tensor x = row({not_a_number, 0.5});
  const auto loss = [](const Tensor& v) { return hinge_embedding_loss(v, row({-1, -1}), 1, Reduction::none); };
  CHECK(std::isnan(loss(x).at(0)));
  CHECK(slope(loss, x).to_vector<double>() == std::vector<double>{0, -1});
}

TEST_CASE("the mean loss of an empty batch is NaN, its derivatives are empty") {
  const Tensor x = Tensor::zeros({0, 3}, Dtype::f64).requires_grad();
  const Tensor g = Tensor::ones({}, Dtype::f64).requires_grad();
  Tape tape;
  const Tensor loss = soft_margin_loss(x, x);
  CHECK(std::isnan(loss.item()));
  const Tensor d = tape.gradient(loss, x, {.create_graph = true, .seed = g});
  CHECK(d.shape() == Shape{0, 3});
  CHECK(tape.gradient(sum(d), g).item() == 0);
}

TEST_CASE("soft_margin_loss neither overflows nor loses its slope") {
  const Tensor x = row({0.5, 2000, -2000, 0});
  const Tensor t = row({-1, 1, 1, 1});
  const auto loss = [&](const Tensor& v) { return soft_margin_loss(v, t, Reduction::none); };
  check_close(loss(x), {std::log1p(std::exp(0.5)), 0, 2000, std::log(2.0)});
  check_close(slope(loss, x), {1 / (1 + std::exp(-0.5)), 0, -1, -0.5});
}

TEST_CASE("multi_margin_loss equals plain loops for both powers, with and without weights") {
  const Tensor x = drawn({6, 5}, 1);
  const std::vector<int64_t> classes{0, 4, 2, 2, 1, 3};
  const std::vector<double> uneven{0.5, 2, 1, 0, 3};
  for (const int64_t p : {1, 2})
    for (const bool weighted : {false, true})
      for (const double margin : {1.0, 0.3, -0.5}) {
        std::vector<double> want;
        for (int64_t n = 0; n < 6; ++n) {
          const int64_t t = classes[static_cast<size_t>(n)];
          double total = 0;
          for (int64_t j = 0; j < 5; ++j)
            if (j != t)
              total += std::pow(std::max(0.0, margin - x.at(n * 5 + t) + x.at(n * 5 + j)), static_cast<double>(p));
          want.push_back(total / 5 * (weighted ? uneven[static_cast<size_t>(t)] : 1));
        }
        const Tensor weight = weighted ? row(uneven) : Tensor();
        const auto loss = [&](Reduction r) { return multi_margin_loss(x, whole({6}, classes), p, margin, weight, r); };
        check_close(loss(Reduction::none), want);
        CHECK(loss(Reduction::mean).item() == doctest::Approx(sum(row(want)).item() / 6));
      }
}

TEST_CASE("multi_margin_loss has no slope where the margin is met exactly, and passes over NaN, as PyTorch does") {
  const Tensor x({2, 3}, std::vector<double>{2, 1, 0, 0, not_a_number, 0.5});
  const auto loss = [](const Tensor& v) { return multi_margin_loss(v, whole({2}, {0, 0}), 1, 1, {}, Reduction::none); };
  check_close(loss(x), {0, 0.5});
  const std::vector<double> d = slope(loss, x).to_vector<double>();
  CHECK(d == std::vector<double>{0, 0, 0, -1.0 / 3, 0, 1.0 / 3});
}

TEST_CASE("losses over classes with margins take one sample, and refuse what is no class") {
  const Tensor x = drawn({3}, 1);
  CHECK(multi_margin_loss(x, whole({}, {2}), 1, 1, {}, Reduction::none).shape() == Shape{});
  CHECK(multi_margin_loss(x, whole({1}, {2}), 1, 1, {}, Reduction::none).shape() == Shape{1});
  CHECK(multilabel_margin_loss(x, whole({3}, {2, 0, -1}), Reduction::none).shape() == Shape{});
  CHECK(std::isnan(multi_margin_loss(Tensor::zeros({0, 3}), whole({0}, {})).item()));
  CHECK(multi_margin_loss(Tensor::zeros({0, 3}), whole({0}, {}), 1, 1, {}, Reduction::none).shape() == Shape{0});
  CHECK(multilabel_margin_loss(Tensor::zeros({0, 3}), whole({0, 3}, {}), Reduction::sum).item() == 0);
  const Tensor rows = drawn({2, 3}, 2);
  CHECK_THROWS_AS(multi_margin_loss(rows, whole({2}, {0, 3})), Error);
  CHECK_THROWS_AS(multi_margin_loss(rows, whole({2}, {0, -1})), Error);
  CHECK_THROWS_AS(multi_margin_loss(rows, whole({3}, {0, 1, 2})), Error);
  CHECK_THROWS_AS(multi_margin_loss(rows, whole({2}, {0, 1}), 3), Error);
  CHECK_THROWS_AS(multi_margin_loss(rows, whole({2}, {0, 1}), 1, 1, Tensor::ones({2}, Dtype::f64)), Error);
  CHECK_THROWS_AS(multi_margin_loss(rows, Tensor::ones({2}, Dtype::f64)), Error);
  CHECK_THROWS_AS(multi_margin_loss(drawn({2, 3, 4}, 1), whole({2}, {0, 1})), Error);
  CHECK_THROWS_AS(multi_margin_loss(Tensor::zeros({2, 0}), whole({2}, {0, 0})), Error);
  CHECK_THROWS_AS(multilabel_margin_loss(rows, whole({2, 3}, {0, -1, -2, 0, 0, 0})), Error);
  CHECK_THROWS_AS(multilabel_margin_loss(rows, whole({2, 2}, {0, 1, 0, 1})), Error);
  CHECK_THROWS_AS(multilabel_margin_loss(rows, rows), Error);
}

TEST_CASE("multilabel_margin_loss compares every class of a sample with all that are none") {
  const Tensor x = drawn({3, 4}, 1);
  const std::vector<int64_t> labels{1, 2, -1, 0, -1, 3, 3, 3, 0, 1, 2, 3};
  const auto loss = [&](const Tensor& v) { return multilabel_margin_loss(v, whole({3, 4}, labels), Reduction::none); };
  std::vector<double> want;
  for (int64_t n = 0; n < 3; ++n) {
    const std::vector<int64_t> own(labels.begin() + n * 4,
                                   std::find(labels.begin() + n * 4, labels.begin() + n * 4 + 4, -1));
    double total = 0;
    for (const int64_t t : own)
      for (int64_t j = 0; j < 4; ++j)
        if (std::find(own.begin(), own.end(), j) == own.end())
          total += std::max(0.0, 1 - x.at(n * 4 + t) + x.at(n * 4 + j));
    want.push_back(total / 4);
  }
  check_close(loss(x), want);
  CHECK(want[0] > 0);
  CHECK(want[1] == 0);
  CHECK(want[2] == 0);
}

TEST_CASE("multilabel_soft_margin_loss is the mean binary cross entropy of a sample's classes") {
  const Tensor x = drawn({4, 3}, 1);
  const Tensor t = whole({4, 3}, {0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1});
  const Tensor each = binary_cross_entropy_with_logits(x, t.to(Dtype::f64), {}, Reduction::none);
  CHECK(multilabel_soft_margin_loss(x, t).item() == doctest::Approx(mean(each).item()));
  const Tensor weight = row({1, 0.5, 2});
  const Tensor lines = multilabel_soft_margin_loss(x, t, weight, Reduction::none);
  CHECK(lines.shape() == Shape{4});
  CHECK(lines.at(2) == doctest::Approx((each.at(6) + 0.5 * each.at(7) + 2 * each.at(8)) / 3));
  CHECK(multilabel_soft_margin_loss(row({1, 2}), row({1, 0}), {}, Reduction::none).shape() == Shape{});
  CHECK_THROWS_AS(multilabel_soft_margin_loss(Tensor::ones({}), Tensor::ones({})), Error);
}

TEST_CASE("cosine_embedding_loss equals plain loops, and is finite for vectors of zeros") {
  const Tensor a = drawn({4, 3}, 1);
  const Tensor b = drawn({4, 3}, 2);
  const std::vector<int64_t> t{1, -1, -1, 0};
  std::vector<double> want;
  for (int64_t n = 0; n < 4; ++n) {
    const double cosine = dot_of(a, b, n) / std::sqrt((dot_of(a, a, n) + 1e-12) * (dot_of(b, b, n) + 1e-12));
    const int64_t target = t[static_cast<size_t>(n)];
    want.push_back(target == 1 ? 1 - cosine : target == -1 ? std::max(0.0, cosine + 0.4) : 0);
  }
  check_close(cosine_embedding_loss(a, b, whole({4}, t), -0.4, Reduction::none), want);
  CHECK(cosine_embedding_loss(row({1, 2}), row({2, 4}), whole({}, {1}), 0, Reduction::none).item() < 1e-9);
  const Tensor d = slope([&](const Tensor& v) { return cosine_embedding_loss(v, b, whole({4}, t)); },
                         Tensor::zeros({4, 3}, Dtype::f64));
  for (int64_t i = 0; i < d.numel(); ++i) CHECK(std::isfinite(d.at(i)));
  CHECK_THROWS_AS(cosine_embedding_loss(a, b, whole({3}, {1, 1, 1})), Error);
  CHECK_THROWS_AS(cosine_embedding_loss(a, b, whole({}, {1})), Error);
  CHECK_THROWS_AS(cosine_embedding_loss(a, b, whole({4, 1}, t)), Error);
}

TEST_CASE("triplet_margin_loss equals plain loops for every norm, and may swap anchor and positive") {
  const Tensor a = drawn({5, 3}, 1);
  const Tensor b = drawn({5, 3}, 2);
  const Tensor c = drawn({5, 3}, 3);
  const auto distance = [](const Tensor& x, const Tensor& y, int64_t n, double p) {
    double total = 0;
    for (int64_t i = n * 3; i < n * 3 + 3; ++i) {
      const double d = std::abs(x.at(i) - y.at(i) + 1e-3);
      total = std::isinf(p) ? std::max(total, d) : total + std::pow(d, p);
    }
    return std::isinf(p) ? total : std::pow(total, 1 / p);
  };
  for (const double p : {1.0, 2.0, 3.0, 0.5, std::numeric_limits<double>::infinity()})
    for (const bool swap : {false, true}) {
      std::vector<double> want;
      for (int64_t n = 0; n < 5; ++n) {
        double far = distance(a, c, n, p);
        if (swap) far = std::min(far, distance(b, c, n, p));
        want.push_back(std::max(0.0, 0.8 + distance(a, b, n, p) - far));
      }
      check_close(triplet_margin_loss(a, b, c, 0.8, p, 1e-3, swap, Reduction::none), want);
    }
  const auto cosine = [](const Tensor& x, const Tensor& y) { return 1 - cosine_similarity(x, y); };
  check_close(triplet_margin_with_distance_loss(a, b, c, cosine, 3, false, Reduction::none),
              (3 + cosine(a, b) - cosine(a, c)).to_vector<double>());
  CHECK(triplet_margin_with_distance_loss(a, b, c).item() == triplet_margin_loss(a, b, c).item());
  CHECK(triplet_margin_loss(row({1, 2}), row({1, 2}), row({5, 5}), 1, 2, 1e-6, false, Reduction::none).shape() ==
        Shape{});
  CHECK_THROWS_AS(triplet_margin_loss(a, b, row({1, 2, 3})), Error);
  CHECK_THROWS_AS(triplet_margin_loss(a, drawn({5, 4}, 1), c), Error);
}

TEST_CASE("configs choose the settings of margin losses, and losses of three inputs are layers") {
  const Tensor x = normal({4, 3}, {1, 2, 3});
  const Tensor classes = whole({4}, {0, 2, 1, 1});
  const auto loss = [](const char* config) { return make_loss(parse_json(config, "l.json"), 3); };
  const Tensor weight({3}, std::vector<float>{1, 2, 0.5f});
  CHECK(
      loss(R"({"type": "MultiMarginLoss", "p": 2, "margin": 0.5, "weight": [1, 2, 0.5]})")->value(x, classes).item() ==
      multi_margin_loss(x, classes, 2, 0.5, weight).item());
  CHECK_THROWS_WITH_AS(loss(R"({"type": "MultiMarginLoss", "weight": [1, 2]})"),
                       doctest::Contains("weight has 2 numbers, but the data has 3 classes"), Error);
  CHECK_THROWS_AS(loss(R"({"type": "MultiMarginLoss", "p": 3})"), Error);
  const Tensor labels({4, 3}, std::vector<float>{0, 1, -1, -1, -1, -1, 2, -1, 0, 1, 1, 1});
  CHECK(loss("\"MultiLabelMarginLoss\"")->value(x, labels).item() ==
        multilabel_margin_loss(x, labels.to(Dtype::i64)).item());
  Build build{.inputs = {{4, 3}, {4, 3}, {4, 3}}};
  const auto layer =
      make_layer(parse_json(R"({"type": "TripletMarginLoss", "p": "inf", "swap": true})", "l.json"), build);
  const Tensors inputs{x, normal({4, 3}, {1, 2, 4}), normal({4, 3}, {1, 2, 5})};
  Context context;
  CHECK(layer->apply(inputs, context)[0].item() ==
        triplet_margin_loss(inputs[0], inputs[1], inputs[2], 1, std::numeric_limits<double>::infinity(), 1e-6, true)
            .item());
}

}  // namespace tarn::test_loss_margin
