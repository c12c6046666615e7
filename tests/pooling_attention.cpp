// Poolings by attention, NetVLAD and the statistics over time against their computed examples and definitions.
#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"
#include "tests/support/pools.h"

namespace tarn::test_pooling_attention {
namespace {

using test::check_example;
using test::check_same;
using test::check_values;
using test::layer_of;
using test::run_layer;
using test::tensor;

const Tensor& pair3() {
  static const Tensor x = tensor({1, 2, 1, 3}, {1, 2, 3, 0, 4, 2});
  return x;
}
const Tensor& bag() {
  static const Tensor x = tensor({1, 2, 3}, {1, 3, 2, 0, -1, 4});
  return x;
}
Tensor unit2() {
  return tensor({2, 2}, {1, 0, 0, 1});
}
Tensor tokens_of(const Tensor& x) {
  return transpose(flatten(x, 2), 1, 2);
}

/// Sets a part of a layer.
void set(Module& layer, const std::string& name, const Tensor& value) {
  for (const NamedTensor& p : parameters(layer))
    if (p.name == name) return assign(*p.tensor, value);
  FAIL("no part " << name);
}

TEST_CASE("a learned query attends to every position") {
  check_example(
      [](const Tensors& t) {
        const Tensor tokens = tokens_of(t[0]);
        return attend(reshape(t[1], Shape{1, 1, 2}), linear(tokens, transpose(t[2], 0, 1)),
                      linear(tokens, transpose(t[3], 0, 1)));
      },
      {pair3(), tensor({2}, {1, 0.5}), unit2(), unit2()}, {2.4151789, 2.8303579},
      {{-0.11321054, 0.72338571, 0.38982483, -0.028331585, 0.59755601, 0.43077557},
       {0.087856416, 0.84283459},
       {0.087856416, 0.043928208, 0.84283459, 0.42141729},
       {2.4151789, 2.4151789, 2.8303579, 2.8303579}});
}

TEST_CASE("several queries share keys and values") {
  check_example(
      [](const Tensors& t) {
        return attend(reshape(t[1], Shape{1, 2, 2}), tokens_of(t[0]), tokens_of(t[0]));
      },
      {pair3(), tensor({2, 2}, {1, 0.5, -1, 0.2})}, {2.4151789, 2.8303579, 1.6907815, 1.8796041},
      {{1.1729167, 0.43886211, 0.38822123, 0.26220955, 1.1299897, 0.60780071},
       {0.087856416, 0.84283459, 0.97851233, 3.0209056}});
}

TEST_CASE("CLIP's attention pooling asks with the mean token, head by head") {
  const Tensor x = normal({2, 4, 2, 3}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto layer = layer_of(R"({"type": "AttentionPool2d", "num_heads": 2, "output_dim": 3})", {x.shape()});
  std::map<std::string, Tensor> p;
  for (const NamedTensor& t : parameters(*layer)) p[t.name] = *t.tensor;
  REQUIRE(p.size() == 9);
  REQUIRE(p["positional_embedding"].shape() == Shape{7, 4});
  const Tensor y = test::run_layer(*layer, {x})[0];
  REQUIRE(y.shape() == Shape{2, 3});
  for (int64_t n = 0; n < 2; ++n) {
    const Tensor cells = transpose(flatten(select(x, 0, n), 1), 0, 1);
    const Tensors all{mean(cells, {0}, true), cells};
    const Tensor t = cat(all, 0) + p["positional_embedding"];
    const Tensor q = linear(t, p["q_proj.weight"], p["q_proj.bias"]);
    const Tensor k = linear(t, p["k_proj.weight"], p["k_proj.bias"]);
    const Tensor v = linear(t, p["v_proj.weight"], p["v_proj.bias"]);
    Tensors heads;
    for (int64_t h = 0; h < 2; ++h) {
      const auto part = [&](const Tensor& s) { return slice(s, 1, 2 * h, 2 * h + 2); };
      const Tensor scores = mv(part(k), select(part(q), 0, 0)) / std::sqrt(2.0);
      heads.push_back(mv(transpose(part(v), 0, 1), softmax(scores, 0)));
    }
    check_same(select(y, 0, n), linear(cat(heads, 0), p["c_proj.weight"], p["c_proj.bias"]), 1e-10);
  }
  check_same(test::run_layer(*layer, {select(x, 0, 1)})[0], select(y, 0, 1), 1e-10);
  CHECK_THROWS_WITH_AS(test::run_layer(*layer, {Tensor::ones({2, 4, 3, 3}, Dtype::f64)}),
                       doctest::Contains("planes of another size"), Error);
  CHECK_THROWS_WITH_AS(layer_of(R"({"type": "AttentionPool2d", "num_heads": 3})", {x.shape()}),
                       doctest::Contains("divide the 4 channels"), Error);
}

TEST_CASE("latent queries give one vector each, for planes of any size") {
  const auto layer =
      layer_of(R"({"type": "AttentionPoolLatent", "latent_len": 2, "num_heads": 2, "mlp": false})", {{2, 4, 2, 3}});
  CHECK(parameter_count(*layer) == 2 * 4 + 20 + 40 + 20);
  const Tensor x = normal({3, 4, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const Tensor y = test::run_layer(*layer, {x})[0];
  REQUIRE(y.shape() == Shape{3, 2, 4});
  // The order of positions does not matter.
  check_same(test::run_layer(*layer, {flip(x, {2})})[0], y, 1e-10);
  const auto full = layer_of("AttentionPoolLatent", {{2, 4, 2, 3}});
  CHECK(parameter_count(*full) == 4 + 20 + 40 + 20 + 8 + (4 * 16 + 16) + (16 * 4 + 4));
  CHECK(test::run_layer(*full, {Tensor::ones({0, 4, 2, 3}, Dtype::f64)})[0].shape() == Shape{0, 1, 4});
}

TEST_CASE("attention over a bag scores its instances with one hidden layer, gated or not") {
  check_example(
      [](const Tensors& t) {
        const Tensor features = tanh(linear(transpose(t[0], 1, 2), t[1]));
        return weighted_by_softmax(t[0], matmul(features, t[2]));
      },
      {bag(), unit2(), tensor({2}, {0.5, -0.5})}, {2.1944052, 0.31386969},
      {{0.2060553, 0.49472876, 0.22743332, 0.52899025, 0.54890805, 0.20198652},
       {-0.049296916, 0.10113485, 0.38528228, -0.054831655},
       {0.08425442, 0.89845276}});
  const auto layer =
      layer_of(R"({"type": "GatedMILAttentionPool", "hidden": 2, "return_weights": true})", {bag().shape()});
  set(*layer, "V", unit2());
  set(*layer, "U", Tensor::zeros({2, 2}, Dtype::f64));
  set(*layer, "w", tensor({2}, {1, -1}));
  const Tensors y = test::run_layer(*layer, {bag()});
  check_values(y[0], {2.1944052, 0.31386969});
  check_values(sum(y[1]), {1});
  const auto plain = layer_of(R"({"type": "MILAttentionPool", "hidden": 2})", {bag().shape()});
  set(*plain, "V", unit2());
  set(*plain, "w", tensor({2}, {0.5, -0.5}));
  check_values(test::run_layer(*plain, {select(bag(), 0, 0)})[0], {2.1944052, 0.31386969});
}

TEST_CASE("NetVLAD adds up residuals to centres, and ghosts only take shares") {
  const Tensor w = unit2();
  const Tensor b = tensor({2}, {0, 0});
  const Tensor c = tensor({2, 2}, {0.5, 0.5, 0.2, 0.8});
  check_example([](const Tensors& t) { return netvlad_pool2d(t[0], t[1], t[2], t[3]); }, {pair3(), w, b, c},
                {0.66982506, -0.22657095, 0.65369364, -0.26960086},
                {{0, -0.0080880317, -0.12226211, 1.4177111, 0.0040440158, 0.18339316},
                 {0.098226595, 0.10073647, -0.098226595, -0.10073647},
                 {0.1505072, -0.1505072},
                 {-0.8613163, -2.5463602, -0.66777956, -1.6191464}});
  // What lies on its centre is a zero cluster, which has no slope.
  check_example([](const Tensors& t) { return netvlad_pool2d(t[0], t[1], tensor({1}, {0}), t[2], false); },
                {tensor({1, 2, 1, 1}, {0.5, 2}), tensor({1, 2}, {1, 1}), tensor({1, 2}, {0.5, 2})}, {0, 0},
                {{0, 0}, {0, 0}, {0, 0}});
  // A ghost that takes nothing changes nothing.
  const Tensors weights{w, Tensor::zeros({1, 2}, Dtype::f64)};
  const Tensors biases{b, tensor({1}, {-1000})};
  check_same(netvlad_pool2d(pair3(), cat(weights, 0), cat(biases, 0), c), netvlad_pool2d(pair3(), w, b, c));
  const auto layer = layer_of(R"({"type": "NetVLADPool2d", "clusters": 3, "ghosts": 2, "alpha": 5})", {{2, 4, 3, 3}});
  std::map<std::string, Tensor> p;
  for (const NamedTensor& t : parameters(*layer)) p[t.name] = *t.tensor;
  check_same(slice(p["weight"], 0, 0, 3), p["centroids"] * 10.0);
  check_same(slice(p["bias"], 0, 0, 3), sum(square(p["centroids"]), {1}) * -5.0);
  CHECK(test::run_layer(*layer, {Tensor::ones({0, 4, 2, 2}, Dtype::f64)})[0].shape() == Shape{0, 12});
}

TEST_CASE("statistics over time are means and floored deviations") {
  check_example([](const Tensors& t) { return stats_pool1d(t[0]); }, {bag()}, {2, 1, 0.81649658, 2.1602469},
                {{-0.074914957, 0.74158162, 0.33333333, 0.17902998, 0.024726633, 0.79624338}});
  check_values(stats_pool1d(bag(), true), {2, 1, 1, std::sqrt(7.0)});
  const Tensor still = tensor({1, 2}, {3, 3});
  check_example([](const Tensors& t) { return stats_pool1d(t[0]); }, {still}, {3, std::sqrt(1e-5)}, {{0.5, 0.5}});
  const Tensor mask({1, 3}, std::vector<int64_t>{1, 0, 1});
  const Tensor holed = tensor({1, 2, 3}, {1, test::no_number, 2, 0, 1e300, 4});
  check_same(run_layer(R"({"type": "StatsPool1d", "unbiased": true})", {holed, mask}),
             stats_pool1d(tensor({1, 2, 2}, {1, 2, 0, 4}), true));
  CHECK_THROWS_WITH_AS(stats_pool1d(bag(), false, 1e-5, Tensor::zeros({1, 3})), doctest::Contains("0 positions"),
                       Error);
  CHECK_THROWS_WITH_AS(stats_pool1d(Tensor::ones({1, 2, 1}), true), doctest::Contains("at least 2"), Error);
}

TEST_CASE("attentive statistics weigh every moment") {
  check_example([](const Tensors& t) { return attentive_stats_pool1d(t[0], t[1]); },
                {bag(), tensor({1, 1, 3}, {0, 1, 2})}, {2.1546979, 2.4162354, 0.55751915, 2.2473074},
                {{-0.096434974, 0.61578208, 0.4806529, -0.0067675128, -0.12729454, 1.1340621},
                 {-0.22315407, -0.18010575, 0.40325982}});
  for (const bool channelwise : {false, true}) {
    const std::string config = std::string(R"({"type": "AttentiveStatsPool1d", "hidden": 3, "channelwise": )") +
                               (channelwise ? "true}" : "false}");
    const auto layer = layer_of(config, {bag().shape()});
    CHECK(parameter_count(*layer) == 9 + (channelwise ? 8 : 4));
    for (const NamedTensor& p : parameters(*layer)) assign(*p.tensor, Tensor::zeros(p.tensor->shape(), Dtype::f64));
    check_same(test::run_layer(*layer, {bag()})[0], stats_pool1d(bag()));
  }
}

TEST_CASE("the image branch says one thing at every position, and needs a batch to learn from") {
  const Tensor x = normal({3, 2, 4, 5}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  const auto layer = layer_of(R"({"type": "ImagePool", "out_channels": 2})", {x.shape()});
  set(*layer, "conv.weight", tensor({2, 2, 1, 1}, {1, 0, 0, -1}));
  const Tensor y = test::run_layer(*layer, {x}, false)[0];
  REQUIRE(y.shape() == x.shape());
  const Tensor means = mean(x, {2, 3});
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double m = means.at(i / 20) * (i / 20 % 2 == 0 ? 1 : -1);
    CHECK(y.at(i) == doctest::Approx(std::max(0.0, m / std::sqrt(1 + 1e-5))));
  }
  CHECK_THROWS_WITH_AS(test::run_layer(*layer, {slice(x, 0, 0, 1)}), doctest::Contains("batch of at least 2"), Error);
  CHECK(test::run_layer(*layer, {slice(x, 0, 0, 1)}, false)[0].shape() == Shape{1, 2, 4, 5});
}

}  // namespace
}  // namespace tarn::test_pooling_attention
