// Tests of single layers: what a table cannot say, and what holds for every registered one.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/tape.h"
#include "layers/loss.h"
#include "layers/model.h"

namespace tarn::test_layers {
namespace {

std::unique_ptr<Module> layer_of(const std::string& config, std::vector<Shape> inputs, Dtype dtype = Dtype::f64) {
  Build build{.inputs = std::move(inputs), .seed = 3, .dtype = dtype};
  return make_layer(parse_json(config, "l.json"), build);
}

Tensor run(Module& layer, const Tensor& x, bool training = true) {
  Context context{.training = training};
  return layer.forward(x, context);
}

Tensor& part(Module& layer, const std::string& name) {
  for (const NamedTensor& p : parameters(layer))
    if (p.name == name) return *p.tensor;
  for (const NamedTensor& p : buffers(layer))
    if (p.name == name) return *p.tensor;
  FAIL("no part " << name);
  return *parameters(layer)[0].tensor;
}

void check_equal(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  for (int64_t i = 0; i < a.numel(); ++i) CHECK(a.at(i) == doctest::Approx(b.at(i)).epsilon(1e-9));
}

/// Shapes of a row's sample inputs, with a first size of 0.
std::vector<Shape> empty_shapes(const LayerInfo& row) {
  std::vector<Shape> shapes = row.sample_inputs;
  for (Shape& shape : shapes) shape = shape.with(0, 0);
  return shapes;
}

TEST_CASE("every layer's sample runs, and an empty batch tells its output shape") {
  REQUIRE(all_layers().size() > 60);
  for (const LayerInfo* row : all_layers()) {
    CAPTURE(row->name);
    CHECK_FALSE(row->doc.empty());
    CHECK_FALSE(row->formula_text.empty());
    CHECK_FALSE(row->source_text.empty());
    Json config = parse_json(row->sample_config, row->name);
    config.set("type", row->name);
    Build build{.inputs = row->sample_inputs, .dtype = Dtype::f64};
    const auto layer = make_layer(config, build);
    for (const bool training : {false, true}) {
      Context context{.training = training};
      const Tensors y = layer->apply(sample_inputs(*row, row->sample_inputs), context);
      REQUIRE(y.size() == 1 + layer->outputs().size());
      context.training = false;
      const Tensors none = layer->apply(sample_inputs(*row, empty_shapes(*row)), context);
      if (y[0].numel() > 0 && row->name != "Permute") CHECK(none[0].shape() == y[0].shape().with(0, 0));
    }
    Problems problems;
    const Json resolved = row->config.resolve(config, problems, false);
    CHECK(problems.empty());
    Build again{.inputs = row->sample_inputs, .dtype = Dtype::f64};
    CHECK(parameter_count(*make_layer(resolved, again)) == parameter_count(*layer));
  }
}

TEST_CASE("padding \"same\" keeps the size, with the larger half behind where it is odd") {
  const auto same = layer_of(
      R"({"type": "Conv1d", "out_channels": 3, "kernel_size": 4, "padding": "same", "dilation": 3})", {{2, 2, 7}});
  const Tensor x = normal({2, 2, 7}, Stream{1, 2, 3}, 0, 1, Dtype::f64);
  ConvGeometry geometry;
  geometry.dilation = {3, 1, 1};
  const Tensor padded = pad(x, std::vector<int64_t>{4, 5});
  check_equal(run(*same, x), conv(padded, part(*same, "weight"), part(*same, "bias"), geometry));
  CHECK_THROWS_WITH_AS(
      layer_of(R"({"type": "Conv1d", "out_channels": 3, "kernel_size": 2, "padding": "same", "stride": 2})",
               {{2, 2, 7}}),
      doctest::Contains("needs stride 1"), Error);
}

TEST_CASE("every padding mode of a convolution pads as pad does") {
  const Tensor x = normal({2, 2, 5, 6}, Stream{1, 2, 4}, 0, 1, Dtype::f64);
  for (const std::string mode : {"zeros", "reflect", "replicate", "circular"}) {
    CAPTURE(mode);
    const auto layer =
        layer_of(R"({"type": "Conv2d", "out_channels": 3, "kernel_size": 3, "padding": [2, 1], "padding_mode": ")" +
                     mode + "\"}",
                 {{2, 2, 5, 6}});
    const Tensor padded = pad(x, std::vector<int64_t>{1, 1, 2, 2}, mode == "zeros" ? "constant" : mode);
    check_equal(run(*layer, x), conv(padded, part(*layer, "weight"), part(*layer, "bias"), {}));
  }
}

TEST_CASE("a layer starts from PyTorch's initial values") {
  const auto bound = [](const Tensor& x) {
    double largest = 0;
    for (int64_t i = 0; i < x.numel(); ++i) largest = std::max(largest, std::abs(x.at(i)));
    return largest;
  };
  const auto fc = layer_of(R"({"type": "Linear", "out_features": 500})", {{1, 7}});
  CHECK(bound(part(*fc, "weight")) <= 1 / std::sqrt(7.0));
  CHECK(bound(part(*fc, "weight")) > 0.99 / std::sqrt(7.0));
  CHECK(bound(part(*fc, "bias")) > 0.97 / std::sqrt(7.0));
  const auto conv2d =
      layer_of(R"({"type": "Conv2d", "out_channels": 600, "kernel_size": [3, 2], "groups": 2})", {{1, 4, 5, 5}});
  CHECK(part(*conv2d, "weight").shape() == Shape{600, 2, 3, 2});
  CHECK(bound(part(*conv2d, "weight")) <= 1 / std::sqrt(12.0));
  CHECK(bound(part(*conv2d, "weight")) > 0.99 / std::sqrt(12.0));
  const auto table =
      layer_of(R"({"type": "Embedding", "num_embeddings": 9, "embedding_dim": 4, "padding_idx": -7})", {{1, 4}});
  for (int64_t i = 0; i < 36; ++i) CHECK((part(*table, "weight").at(i) == 0) == (i / 4 == 2));
}

TEST_CASE("batch norm keeps an unbiased running variance and normalises with it when not training") {
  const auto layer = layer_of(R"({"type": "BatchNorm1d", "momentum": 0.25})", {{4, 1}});
  const Tensor x({4, 1}, std::vector<double>{1, 2, 3, 6});
  run(*layer, x);
  CHECK(part(*layer, "running_mean").at(0) == doctest::Approx(0.25 * 3));
  CHECK(part(*layer, "running_var").at(0) == doctest::Approx(0.75 + 0.25 * 14.0 / 3));
  CHECK(part(*layer, "num_batches_tracked").item() == 1);
  const Tensor y = run(*layer, x, false);
  CHECK(y.at(3) == doctest::Approx((6 - 0.75) / std::sqrt(0.75 + 0.25 * 14.0 / 3 + 1e-5)));
  CHECK(part(*layer, "num_batches_tracked").item() == 1);
}

TEST_CASE("a batch norm without momentum averages all batches alike") {
  const auto layer = layer_of(R"({"type": "BatchNorm2d", "momentum": null})", {{2, 1, 1, 2}});
  for (const double shift : {0.0, 3.0, 9.0})
    run(*layer, Tensor({2, 1, 1, 2}, std::vector<double>{shift, shift + 1, shift + 2, shift + 3}));
  CHECK(part(*layer, "running_mean").at(0) == doctest::Approx(5.5));
  CHECK(part(*layer, "running_var").at(0) == doctest::Approx(5.0 / 3));
  CHECK(part(*layer, "num_batches_tracked").item() == 3);
}

TEST_CASE("a batch norm that tracks nothing uses the batch's statistics always") {
  const auto layer = layer_of(R"({"type": "BatchNorm1d", "track_running_stats": false, "affine": false})", {{4, 1}});
  CHECK(parameters(*layer).empty());
  CHECK(buffers(*layer).empty());
  const Tensor x({4, 1}, std::vector<double>{1, 2, 3, 6});
  check_equal(run(*layer, x, false), run(*layer, x, true));
  CHECK_THROWS_AS(layer_of(R"("BatchNorm2d")", {{4, 1}}), Error);
  CHECK_THROWS_AS(layer_of(R"("BatchNorm1d")", {{4, 0}}), Error);
  CHECK_THROWS_AS(layer_of(R"("BatchNorm1d")", {{4, 1, 2, 2}}), Error);
  CHECK_THROWS_AS(run(*layer_of(R"("BatchNorm1d")", {{4, 2}}), Tensor::ones({1, 2}, Dtype::f64)), Error);
}

TEST_CASE("dropout draws anew for each layer and step, and the same again for the same step") {
  const auto layer = layer_of(R"({"type": "Dropout", "p": 0.5})", {{1, 64}});
  const Tensor x = Tensor::ones({1, 64}, Dtype::f64);
  Context first{.seed = 5, .step = 1};
  const auto a = layer->forward(x, first).to_vector<double>();
  const auto b = layer->forward(x, first).to_vector<double>();
  Context again{.seed = 5, .step = 1};
  Context later{.seed = 5, .step = 2};
  CHECK(a != b);
  CHECK(a == layer->forward(x, again).to_vector<double>());
  CHECK(a != layer->forward(x, later).to_vector<double>());
  for (const double value : a) CHECK((value == 0 || value == 2));
  check_equal(run(*layer, x, false), x);
}

TEST_CASE("Dropout2d zeroes whole channels") {
  const auto layer = layer_of(R"({"type": "Dropout2d", "p": 0.5})", {{4, 8, 3, 3}});
  const Tensor y = run(*layer, Tensor::ones({4, 8, 3, 3}, Dtype::f64));
  int64_t dropped = 0;
  for (int64_t c = 0; c < 32; ++c) {
    for (int64_t i = 1; i < 9; ++i) CHECK(y.at(c * 9 + i) == y.at(c * 9));
    dropped += y.at(c * 9) == 0;
  }
  CHECK(dropped > 3);
  CHECK(dropped < 29);
}

TEST_CASE("Reshape and Unflatten find the open size, for an empty batch too") {
  const auto reshape = layer_of(R"({"type": "Reshape", "sizes": [2, -1]})", {{3, 4, 5}});
  CHECK(run(*reshape, Tensor::ones({3, 4, 5})).shape() == Shape{3, 2, 10});
  CHECK(run(*reshape, Tensor({0, 4, 5})).shape() == Shape{0, 2, 10});
  const auto unflatten = layer_of(R"({"type": "Unflatten", "dim": -2, "unflattened_size": [-1, 2]})", {{3, 4, 5}});
  CHECK(run(*unflatten, Tensor::ones({3, 4, 5})).shape() == Shape{3, 2, 2, 5});
  CHECK_THROWS_WITH_AS(run(*reshape, Tensor::ones({3, 5, 5})), doctest::Contains("do not make the 25 values"), Error);
  const auto bad = layer_of(R"({"type": "Reshape", "sizes": [-1, -1]})", {{3, 4, 5}});
  CHECK_THROWS_AS(run(*bad, Tensor::ones({3, 4, 5})), Error);
  const auto huge = layer_of(R"({"type": "Reshape", "sizes": [4611686018427387904, 4]})", {{3, 4, 5}});
  CHECK_THROWS_AS(run(*huge, Tensor::ones({3, 4, 5})), Error);
}

TEST_CASE("a residual adds its input or a shortcut of it, and refuses shapes that differ") {
  const auto plain = layer_of(R"({"type": "Residual", "body": ["Tanh"]})", {{2, 3}});
  const Tensor x = normal({2, 3}, Stream{1, 2, 5}, 0, 1, Dtype::f64);
  check_equal(run(*plain, x), x + tanh(x));
  const auto skip = layer_of(R"({"type": "Residual", "body": ["Sigmoid"], "shortcut": ["Tanh"]})", {{2, 3}});
  check_equal(run(*skip, x), sigmoid(x) + tanh(x));
  CHECK_THROWS_WITH_AS(layer_of(R"({"type": "Residual", "body": [{"type": "Linear", "out_features": 2}]})", {{2, 3}}),
                       doctest::Contains("the body gives [1,2], but the input is [1,3]"), Error);
}

TEST_CASE("parallel branches join by concat, add, mul or stack; an empty branch is the input") {
  const Tensor x = normal({2, 3}, Stream{1, 2, 6}, 0, 1, Dtype::f64);
  const auto joined = [&](const std::string& join) {
    return run(*layer_of(R"({"type": "Parallel", "branches": [[], ["Tanh"]], "join": ")" + join + "\"}", {{2, 3}}), x);
  };
  const Tensors both{x, tanh(x)};
  check_equal(joined("concat"), cat(both, 1));
  check_equal(joined("stack"), stack(both, 1));
  check_equal(joined("add"), x + tanh(x));
  check_equal(joined("mul"), x * tanh(x));
}

TEST_CASE("losses are read by type, with class weights checked against the data") {
  REQUIRE(all_losses().size() >= 8);
  const Tensor x = normal({4, 3}, Stream{1, 2, 7}, 0, 1, Dtype::f64);
  const Tensor t({4}, std::vector<int64_t>{0, 2, 1, 1});
  const auto weighted =
      make_loss(parse_json(R"({"type": "CrossEntropyLoss", "weight": [1, 2, 3], "label_smoothing": 0.1})", "l"), 3);
  const Tensor w({3}, std::vector<double>{1, 2, 3});
  check_equal(weighted->value(x, t), cross_entropy(x, t, w, Reduction::mean, -100, 0.1));
  check_equal(make_loss(Json("NLLLoss"))->value(x, t), nll_loss(x, t));
  const Tensor targets = normal({4, 3}, Stream{1, 2, 8}, 0, 1, Dtype::f32);
  check_equal(make_loss(Json("MSELoss"))->value(x, targets), mse_loss(x, targets.to(Dtype::f64)));
  check_equal(
      make_loss(parse_json(R"({"type": "HuberLoss", "delta": 0.3, "reduction": "none"})", "l"))->value(x, x + 1.0),
      huber_loss(x, x + 1.0, Reduction::none, 0.3));
  const auto error = [](const std::string& json) {
    try {
      make_loss(parse_json(json, "l.json"), 3);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(error(R"({"type": "CrossEntropyLoss", "weight": [1, 2]})").find("weight has 2 numbers, but the data has 3") !=
        std::string::npos);
  CHECK(error(R"("CrossEntropy")").find("did you mean 'CrossEntropyLoss'") != std::string::npos);
  CHECK(error(R"({"type": "MSELoss", "reduction": "avg"})").find("/reduction") != std::string::npos);
}

TEST_CASE("what papers call a layer is understood, and written out as the layer's own name") {
  for (const auto& [other, own] : std::vector<std::pair<std::string, std::string>>{{"GAP", "GlobalAvgPool"},
                                                                                   {"DPP", "DetailPreservingPool2d"},
                                                                                   {"APS", "AdaptivePolyphasePool2d"},
                                                                                   {"LogAvgExp", "GlobalLSEPool"},
                                                                                   {"GeneralizedMeanPool2d", "GeM2d"},
                                                                                   {"LocalImportancePool3d", "LIP3d"},
                                                                                   {"DWTPool1d", "HaarPool1d"},
                                                                                   {"LearnedNormPool", "LpUnit"},
                                                                                   {"MFM", "MaxFeatureMap"},
                                                                                   {"PMA", "AttentionPoolLatent"}}) {
    CAPTURE(other);
    REQUIRE(find_layer(other) != nullptr);
    CHECK(find_layer(other)->name == own);
    CHECK(layer_object(Json(other)).at("type").as_string() == own);
  }
  CHECK(find_layer("GAP2d") == nullptr);
}

}  // namespace
}  // namespace tarn::test_layers
