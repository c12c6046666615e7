// Batch normalisation against its definition in public ops, and its corner cases.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_batch_norm {

namespace {

Tensor per_channel(const Tensor& v, const Tensor& x) {
  std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
  sizes[1] = v.numel();
  return reshape(v, sizes);
}

// The definition: (x - mean) / sqrt(variance + eps) · weight + bias.
Tensor defined(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  Dims dims{0};
  for (int i = 2; i < x.rank(); ++i) dims.push_back(i);
  const Tensor centred = x - mean(x, dims, true);
  const Tensor y = centred * rsqrt(mean(square(centred), dims, true) + eps);
  return y * per_channel(weight, x) + per_channel(bias, x);
}

double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double d = 0;
  for (int64_t i = 0; i < a.numel(); ++i) d = std::max(d, std::abs(a.at(i) - b.at(i)));
  return d;
}

}  // namespace

TEST_CASE("batch_norm equals its definition in value, gradient and the gradient of the gradient") {
  for (const Shape& shape : {Shape{6, 3}, Shape{2, 3, 70}, Shape{3, 2, 5, 9}, Shape{2, 2, 3, 2, 4}}) {
    CAPTURE(shape.text());
    const auto draw = [](const Shape& s, uint64_t purpose) { return normal(s, {1, purpose, 0}, 0.5, 2, Dtype::f64); };
    const int64_t c = shape[1];
    const Tensor inputs[] = {draw(shape, 1).requires_grad(), draw({c}, 2).requires_grad(), draw({c}, 3).requires_grad(),
                             draw(shape, 4).requires_grad()};
    const auto& [x, w, b, g] = inputs;
    std::vector<Tensor> all[2];
    for (int fused = 0; fused < 2; ++fused) {
      Tape tape;
      const Tensor y = fused ? batch_norm(x, w, b, 0.1).y : defined(x, w, b, 0.1);
      const Tensors first = tape.gradient(y, std::span(inputs, 3), {.create_graph = true, .seed = g});
      const Tensor mixed = sum(first[0] * draw(shape, 5)) + sum(first[1] * draw({c}, 6)) + sum(first[2] * draw({c}, 7));
      const Tensors second = tape.gradient(mixed, inputs, {.allow_unused = true});
      all[fused] = {y.detach(), first[0], first[1], first[2], second[0], second[1], second[3]};
    }
    for (size_t i = 0; i < all[0].size(); ++i) {
      CAPTURE(i);
      CHECK(distance(all[0][i], all[1][i]) < 1e-10);
    }
  }
}

TEST_CASE("the third derivative of batch_norm is that of its definition") {
  const auto draw = [](uint64_t purpose) { return normal({3, 2, 4}, {8, purpose, 0}, 0, 1, Dtype::f64); };
  const Tensor x = draw(1).requires_grad();
  const Tensor one = Tensor::ones({2}, Dtype::f64);
  const Tensor none = Tensor::zeros({2}, Dtype::f64);
  Tensor third[2];
  for (int fused = 0; fused < 2; ++fused) {
    Tape tape;
    const Tensor y = fused ? batch_norm(x, {}, {}, 0.3).y : defined(x, one, none, 0.3);
    const Tensor first = tape.gradient(sum(exp(y)), x, {.create_graph = true});
    const Tensor second = tape.gradient(sum(first * draw(2)), x, {.create_graph = true});
    third[fused] = tape.gradient(sum(second * draw(3)), x);
  }
  CHECK(distance(third[0], third[1]) < 1e-9);
}

TEST_CASE("one pullback alone gives the same as all three together") {
  const Tensor x = normal({4, 3, 5}, {1, 2, 3}).requires_grad();
  const Tensor w = normal({3}, {1, 2, 4}).requires_grad();
  const Tensor b = normal({3}, {1, 2, 5}).requires_grad();
  Tape tape;
  const Tensor y = sum(square(batch_norm(x, w, b).y));
  const Tensor inputs[] = {x, w, b};
  const Tensors together = tape.gradient(y, inputs, {.keep = true});
  CHECK(distance(tape.gradient(y, w, {.keep = true}), together[1]) == 0);
  CHECK(distance(tape.gradient(y, b, {.keep = true}), together[2]) == 0);
  CHECK(distance(tape.gradient(y, x, {.keep = true}), together[0]) == 0);
}

TEST_CASE("mean and variance are those of the batch, also far from zero and in float32") {
  const Tensor x = normal({16, 2, 40, 40}, {9, 9, 9}, 1000, 0.01, Dtype::f64).to(Dtype::f32);
  const NormResult r = batch_norm(x, {}, {});
  const Tensor wide = x.to(Dtype::f64);
  for (int64_t c = 0; c < 2; ++c) {
    double total = 0;
    double squares = 0;
    for (int64_t n = 0; n < 16; ++n)
      for (int64_t i = 0; i < 1600; ++i) total += wide.at((n * 2 + c) * 1600 + i);
    total /= 16 * 1600;
    for (int64_t n = 0; n < 16; ++n)
      for (int64_t i = 0; i < 1600; ++i) squares += std::pow(wide.at((n * 2 + c) * 1600 + i) - total, 2);
    CHECK(r.mean.at(c) == doctest::Approx(total).epsilon(1e-7));
    CHECK(r.variance.at(c) == doctest::Approx(squares / (16 * 1600)).epsilon(1e-5));
  }
}

TEST_CASE("batch_norm_with given statistics equals its definition") {
  const Tensor x = normal({3, 2, 5}, {1, 1, 1}, 0, 1, Dtype::f64);
  const Tensor mean({2}, std::vector<double>{0.5, -1});
  const Tensor variance({2}, std::vector<double>{2, 0.25});
  const Tensor weight({2}, std::vector<double>{1.5, -3});
  const Tensor bias({2}, std::vector<double>{0.1, 7});
  const Tensor expected = (x - per_channel(mean, x)) / sqrt(per_channel(variance, x) + 1e-3) * per_channel(weight, x) +
                          per_channel(bias, x);
  CHECK(distance(batch_norm_with(x, mean, variance, weight, bias, 1e-3), expected) < 1e-12);
  CHECK(batch_norm_with(Tensor::zeros({0, 2, 5}, Dtype::f64), mean, variance, {}, {}).shape() == Shape{0, 2, 5});
}

TEST_CASE("batch_norm gives the same bits for one, two and four threads") {
  const Tensor x = normal({8, 24, 30, 31}, {3, 3, 3}).requires_grad();
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    Tape tape;
    const Tensor y = batch_norm(x, {}, {}).y;
    seen.push_back(y.to_vector<float>());
    seen.push_back(tape.gradient(sum(square(y) * y), x).to_vector<float>());
  }
  set_threads(processors());
  CHECK(seen[0] == seen[2]);
  CHECK(seen[0] == seen[4]);
  CHECK(seen[1] == seen[3]);
  CHECK(seen[1] == seen[5]);
}

TEST_CASE("batch_norm refuses single values, wrong ranks and weights of another size") {
  CHECK_THROWS_WITH_AS(batch_norm(Tensor::ones({1, 3}), {}, {}),
                       "batch_norm: input [1,3] has 1 values per channel; training needs more than 1", Error);
  CHECK_THROWS_AS(batch_norm(Tensor::ones({3}), {}, {}), Error);
  CHECK_THROWS_AS(batch_norm(Tensor::ones({2, 3, 2}), Tensor::ones({4}), Tensor::ones({3})), Error);
  CHECK_THROWS_AS(batch_norm(Tensor::ones({2, 3, 2}), {}, Tensor::ones({3}, Dtype::f64)), Error);
  CHECK_THROWS_AS(batch_norm(Tensor::ones({2, 3, 2}, Dtype::i64), {}, {}), Error);
}

}  // namespace tarn::test_batch_norm
