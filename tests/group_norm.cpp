// Layer, group, instance and local response normalisation against their definitions, and their corner cases.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/module.h"

namespace tarn::test_group_norm {

namespace {

Tensor drawn(const Shape& shape, uint64_t purpose) {
  return normal(shape, {1, purpose, 0}, 0.5, 2, Dtype::f64);
}

double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double d = 0;
  for (int64_t i = 0; i < a.numel(); ++i) d = std::max(d, std::abs(a.at(i) - b.at(i)));
  return d;
}

Tensor normalised(const Tensor& x, const Dims& dims, double eps) {
  const Tensor centred = x - mean(x, dims, true);
  return centred * rsqrt(mean(square(centred), dims, true) + eps);
}

// The definitions, in public ops.
Tensor defined_group_norm(const Tensor& x, int64_t groups, const Tensor& w, const Tensor& b, double eps) {
  const Shape& s = x.shape();
  const Tensor n = normalised(reshape(x, Shape{s[0], groups, x.numel() / s[0] / groups}), {2}, eps);
  std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
  sizes[1] = s[1];
  return reshape(n, s) * reshape(w, sizes) + reshape(b, sizes);
}
Tensor defined_layer_norm(const Tensor& x, const Shape& shape, const Tensor& w, const Tensor& b, double eps) {
  Dims dims;
  for (int i = 1; i <= shape.rank(); ++i) dims.push_back(-i);
  return normalised(x, dims, eps) * w + b;
}

using Normalisation = std::function<Tensor(const Tensor& x, const Tensor& w, const Tensor& b)>;

// Values, gradients and mixed second derivatives of both, on leaves of the given shapes.
void check_same(const Normalisation& fused, const Normalisation& defined, const Shape& shape, const Shape& affine) {
  CAPTURE(shape.text());
  const Tensor inputs[] = {drawn(shape, 1).requires_grad(), drawn(affine, 2).requires_grad(),
                           drawn(affine, 3).requires_grad(), drawn(shape, 4).requires_grad()};
  const auto& [x, w, b, g] = inputs;
  std::vector<Tensor> all[2];
  for (int i = 0; i < 2; ++i) {
    Tape tape;
    const Tensor y = (i ? fused : defined)(x, w, b);
    const Tensors first = tape.gradient(y, std::span(inputs, 3), {.create_graph = true, .seed = g});
    const Tensor mixed =
        sum(first[0] * drawn(shape, 5)) + sum(first[1] * drawn(affine, 6)) + sum(first[2] * drawn(affine, 7));
    const Tensors second = tape.gradient(mixed, inputs, {.allow_unused = true});
    all[i] = {y.detach(), first[0], first[1], first[2], second[0], second[1], second[3]};
  }
  for (size_t i = 0; i < all[0].size(); ++i) {
    CAPTURE(i);
    CHECK(distance(all[0][i], all[1][i]) < 1e-10);
  }
}

std::unique_ptr<Module> layer_of(const std::string& config, std::vector<Shape> inputs) {
  Build build{.inputs = std::move(inputs), .seed = 3, .dtype = Dtype::f64};
  return make_layer(parse_json(config, "l.json"), build);
}

Tensor buffer(Module& layer, const std::string& name) {
  for (const NamedTensor& p : buffers(layer))
    if (p.name == name) return *p.tensor;
  FAIL("no buffer " << name);
  return {};
}

}  // namespace

TEST_CASE("group_norm equals its definition in value, gradient and the gradient of the gradient") {
  // Narrow rows and wide ones, longer than a stretch, one group and one channel to a group.
  for (const auto& [shape, groups] : std::vector<std::pair<Shape, int64_t>>{{{3, 6}, 2},
                                                                            {{2, 4, 5}, 2},
                                                                            {{1, 3, 70}, 1},
                                                                            {{2, 6, 4, 5}, 3},
                                                                            {{2, 2, 66, 67}, 1},
                                                                            {{2, 4, 2, 3, 3}, 4},
                                                                            {{70, 40, 13}, 4}}) {
    const int64_t n = groups;
    check_same([n](auto& x, auto& w, auto& b) { return group_norm(x, n, w, b, 0.1); },
               [n](auto& x, auto& w, auto& b) { return defined_group_norm(x, n, w, b, 0.1); }, shape, {shape[1]});
  }
}

TEST_CASE("layer_norm equals its definition in value, gradient and the gradient of the gradient") {
  for (const auto& [shape, last] : std::vector<std::pair<Shape, Shape>>{{{5}, {5}},
                                                                        {{4, 1}, {1}},
                                                                        {{6, 33}, {33}},
                                                                        {{2, 3, 4}, {3, 4}},
                                                                        {{2, 3, 4}, {2, 3, 4}},
                                                                        {{400, 100}, {100}},
                                                                        {{3, 9000}, {9000}}}) {
    const Shape s = last;
    check_same([s](auto& x, auto& w, auto& b) { return layer_norm(x, s, w, b, 0.1); },
               [s](auto& x, auto& w, auto& b) { return defined_layer_norm(x, s, w, b, 0.1); }, shape, last);
  }
}

TEST_CASE("the third derivative of a normalisation with weights is that of its definition") {
  for (const Shape& shape : {Shape{2, 4, 3}, Shape{2, 4, 16}}) {
    const Tensor x = drawn(shape, 1).requires_grad();
    const Tensor w = drawn({4}, 2);
    const Tensor b = drawn({4}, 3);
    Tensor third[2];
    for (int fused = 0; fused < 2; ++fused) {
      Tape tape;
      const Tensor y = fused ? group_norm(x, 2, w, b, 0.3) : defined_group_norm(x, 2, w, b, 0.3);
      const Tensor first = tape.gradient(sum(exp(y * 0.3)), x, {.create_graph = true});
      const Tensor second = tape.gradient(sum(first * drawn(shape, 4)), x, {.create_graph = true});
      third[fused] = tape.gradient(sum(second * drawn(shape, 5)), x);
    }
    CHECK(distance(third[0], third[1]) < 1e-9);
  }
}

TEST_CASE("weight and bias may each be left out") {
  const Tensor one = Tensor::ones({4}, Dtype::f64);
  const Tensor none = Tensor::zeros({4}, Dtype::f64);
  const Tensor v = drawn({4}, 2);
  for (const Shape& shape : {Shape{3, 4}, Shape{3, 4, 20}}) {
    const Tensor x = drawn(shape, 1);
    CHECK(distance(group_norm(x, 2, v), group_norm(x, 2, v, none)) == 0);
    CHECK(distance(group_norm(x, 2, {}, v), group_norm(x, 2, one, v)) == 0);
    CHECK(distance(group_norm(x, 2), group_norm(x, 2, one, none)) < 1e-15);
  }
  const Tensor x = drawn({3, 4}, 1);
  CHECK(distance(layer_norm(x, {4}, v), layer_norm(x, {4}, v, none)) == 0);
  CHECK(distance(layer_norm(x, {4}, {}, v), layer_norm(x, {4}, one, v)) == 0);
}

TEST_CASE("instance_norm is group_norm with a channel to a group, and tells its statistics") {
  const Tensor x = drawn({2, 3, 4, 6}, 1);
  const NormResult r = instance_norm(x, drawn({3}, 2), drawn({3}, 3), 1e-3);
  CHECK(distance(r.y, group_norm(x, 3, drawn({3}, 2), drawn({3}, 3), 1e-3)) == 0);
  CHECK(distance(r.mean, mean(x, {2, 3})) < 1e-14);
  CHECK(distance(r.variance, var(x, {2, 3}, false)) < 1e-13);
}

TEST_CASE("rows far from zero keep their variance in float32, and rows whose squares overflow their values") {
  const Tensor x = normal({4, 5000}, {9, 9, 9}, 3000, 0.5, Dtype::f64).to(Dtype::f32);
  const Tensor wide = layer_norm(x.to(Dtype::f64), {5000});
  CHECK(distance(layer_norm(x, {5000}).to(Dtype::f64), wide) < 1e-3);
  const Tensor large({2, 4}, std::vector<float>{1e30f, 0, 2, 3, -3e38f, 3e38f, 3e38f, -3e38f});
  const Tensor y = layer_norm(large, {4});
  CHECK(y.at(0) == doctest::Approx(std::sqrt(3.0)));
  CHECK(y.at(1) == doctest::Approx(-1 / std::sqrt(3.0)));
  CHECK(y.at(4) == doctest::Approx(-1));
}

TEST_CASE("a row of one value has a derivative of exactly zero") {
  const Tensor x = normal({50, 1}, {9, 9, 8}).requires_grad();
  const Tensor w = Tensor::full({1}, 0.7).requires_grad();
  Tape tape;
  const Tensor y = sum(layer_norm(x, {1}, w) * normal({50, 1}, {9, 9, 7}));
  CHECK(tape.gradient(y, x, {.keep = true}).to_vector<float>() == std::vector<float>(50, 0));
  CHECK(tape.gradient(y, w).item() == 0);
}

TEST_CASE("a NaN or an infinity spoils its own row and no other") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor y = layer_norm(Tensor({3, 2}, std::vector<double>{1, nan, 0, 2, inf, 1}), {2});
  for (const int64_t i : {0, 1, 4, 5}) CHECK(std::isnan(y.at(i)));
  CHECK(y.at(2) == doctest::Approx(-1).epsilon(1e-4));
}

TEST_CASE("empty batches, rows and planes come back as they are, with gradients of zero") {
  for (const Shape& shape : {Shape{0, 4, 3}, Shape{2, 4, 0}, Shape{0, 4, 20}, Shape{0, 4}}) {
    CAPTURE(shape.text());
    const Tensor x = Tensor::zeros(shape).requires_grad();
    const Tensor inputs[] = {x, Tensor::ones({4}).requires_grad(), Tensor::zeros({4}).requires_grad()};
    Tape tape;
    const Tensor y = group_norm(x, 2, inputs[1], inputs[2]);
    CHECK(y.shape() == shape);
    const Tensors d = tape.gradient(sum(y), inputs);
    CHECK(d[0].shape() == shape);
    CHECK(d[1].to_vector<float>() == std::vector<float>(4, 0));
    CHECK(d[2].to_vector<float>() == std::vector<float>(4, 0));
  }
  CHECK(layer_norm(Tensor::zeros({2, 0}), {0}).shape() == Shape{2, 0});
  CHECK(instance_norm(Tensor::zeros({2, 0, 3})).mean.shape() == Shape{2, 0});
  CHECK(local_response_norm(Tensor::zeros({0, 3, 2}), 3).shape() == Shape{0, 3, 2});
}

TEST_CASE("normalisations give the same bits for one, two and four threads") {
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    for (const Shape& shape : {Shape{300, 12, 13}, Shape{40, 12, 30, 3}}) {
      const Tensor inputs[] = {normal(shape, {3, 3, 3}).requires_grad(), normal({12}, {3, 3, 4}).requires_grad(),
                               normal({12}, {3, 3, 5}).requires_grad()};
      Tape tape;
      const Tensor y = group_norm(inputs[0], 3, inputs[1], inputs[2]);
      seen.push_back(y.to_vector<float>());
      for (const Tensor& d : tape.gradient(sum(square(y) * y), inputs)) seen.push_back(d.to_vector<float>());
    }
  }
  set_threads(processors());
  for (size_t i = 0; i < 8; ++i) {
    CHECK(seen[i] == seen[i + 8]);
    CHECK(seen[i] == seen[i + 16]);
  }
}

TEST_CASE("normalisations refuse what does not fit, and say why") {
  const Tensor x = Tensor::ones({2, 3, 4});
  CHECK_THROWS_WITH_AS(layer_norm(x, {3}),
                       "layer_norm: the last dimensions of input [2,3,4] are not normalized_shape [3]", Error);
  CHECK_THROWS_AS(layer_norm(x, {1, 2, 3, 4}), Error);
  CHECK_THROWS_AS(layer_norm(x, {}), Error);
  CHECK_THROWS_AS(layer_norm(x, {4}, Tensor::ones({3})), Error);
  CHECK_THROWS_AS(layer_norm(x, {4}, {}, Tensor::ones({4}, Dtype::f64)), Error);
  CHECK_THROWS_AS(layer_norm(x, {4}, {}, {}, -1), Error);
  CHECK_THROWS_WITH_AS(group_norm(x, 2),
                       "group_norm: num_groups is 2, which does not divide the 3 channels of input [2,3,4]", Error);
  CHECK_THROWS_AS(group_norm(x, 0), Error);
  CHECK_THROWS_AS(group_norm(Tensor::ones({3}), 1), Error);
  CHECK_THROWS_AS(group_norm(Tensor::ones({1, 3}), 3), Error);
  CHECK_THROWS_AS(group_norm(Tensor::ones({2, 3}, Dtype::i64), 3), Error);
  CHECK_THROWS_WITH_AS(instance_norm(Tensor::ones({2, 3, 1})),
                       "instance_norm: input [2,3,1] has one value per channel; its mean and variance need more than 1",
                       Error);
  CHECK_THROWS_AS(instance_norm(Tensor::ones({2, 3})), Error);
  CHECK_THROWS_AS(local_response_norm(x, 0), Error);
  CHECK_THROWS_AS(local_response_norm(Tensor::ones({2, 3}), 3), Error);
}

TEST_CASE("local_response_norm equals its formula, also where the window is even or wider than all channels") {
  const Tensor x = drawn({2, 5, 3}, 1);
  for (const int64_t size : {1, 2, 3, 4, 9, 1 << 30}) {
    const Tensor y = local_response_norm(x, size, 0.7, 0.6, 1.5);
    for (int64_t i = 0; i < x.numel(); ++i) {
      const int64_t c = i / 3 % 5;
      double squares = 0;
      for (int64_t j = std::max<int64_t>(0, c - size / 2); j <= std::min<int64_t>(4, c + (size - 1) / 2); ++j)
        squares += std::pow(x.at(i + (j - c) * 3), 2);
      CHECK(y.at(i) == doctest::Approx(x.at(i) / std::pow(1.5 + 0.7 * squares / static_cast<double>(size), 0.6)));
    }
  }
}

TEST_CASE("InstanceNorm keeps the mean of its samples' statistics and takes them when not training") {
  const auto layer =
      layer_of(R"({"type": "InstanceNorm1d", "track_running_stats": true, "momentum": 0.25})", {{2, 1, 3}});
  const Tensor x({2, 1, 3}, std::vector<double>{1, 2, 3, 0, 4, 8});
  Context context{.training = true};
  layer->forward(x, context);
  const double mean = 0.25 * (2 + 4) / 2;
  const double variance = 0.75 + 0.25 * (1 + 16) / 2;
  CHECK(buffer(*layer, "running_mean").item() == doctest::Approx(mean));
  CHECK(buffer(*layer, "running_var").item() == doctest::Approx(variance));
  CHECK(buffer(*layer, "num_batches_tracked").item() == 0);
  context.training = false;
  CHECK(layer->forward(x, context).at(5) == doctest::Approx((8 - mean) / std::sqrt(variance + 1e-5)));
  context.training = true;
  layer->forward(Tensor::zeros({0, 1, 3}, Dtype::f64), context);
  CHECK(buffer(*layer, "running_mean").item() == doctest::Approx(mean));
}

TEST_CASE("InstanceNorm takes a single sample without batch dimension") {
  const std::vector<Shape> shapes{{3, 6}, {3, 6, 5}, {3, 2, 4, 5}};
  for (size_t rank = 1; rank <= 3; ++rank) {
    const Shape& shape = shapes[rank - 1];
    const std::string type = "InstanceNorm" + std::to_string(rank) + "d";
    const auto layer =
        layer_of("{\"type\": \"" + type + "\", \"affine\": true, \"track_running_stats\": true}", {shape});
    const Tensor x = drawn(shape, 1);
    for (const bool training : {true, false}) {
      Context context{.training = training};
      CHECK(distance(layer->forward(x, context), squeeze(layer->forward(unsqueeze(x, 0), context), 0)) == 0);
      CHECK(layer->forward(x, context).shape() == shape);
    }
  }
}

TEST_CASE("LayerNorm takes the last dimension where no sizes are given, and refuses those that do not fit") {
  const auto layer = layer_of("\"LayerNorm\"", {{2, 3, 4}});
  CHECK(parameter_count(*layer) == 8);
  CHECK_THROWS_WITH_AS(layer_of(R"({"type": "LayerNorm", "normalized_shape": [4, 3]})", {{2, 3, 4}}),
                       doctest::Contains("normalized_shape is [4,3], but the input [2,3,4]"), Error);
  CHECK_THROWS_AS(layer_of(R"({"type": "LayerNorm", "normalized_shape": []})", {{2, 3, 4}}), Error);
  CHECK_THROWS_WITH_AS(layer_of(R"({"type": "GroupNorm", "num_groups": 3})", {{0, 4, 2}}),
                       doctest::Contains("the 4 channels of the input [N,4,2] cannot be cut into 3 groups"), Error);
}

}  // namespace tarn::test_group_norm
