// Poolings that draw: the same bits for a seed whatever the threads, others for another one, and gradients as checked
// once the draws are frozen.
#include <doctest/doctest.h>

#include "core/gradcheck.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "tests/support/pooling_rows.h"

namespace tarn::test_pooling_draws {
namespace {

using namespace test;

std::vector<const LayerInfo*> random_rows() {
  std::vector<const LayerInfo*> rows = pooling_rows();
  std::erase_if(rows, [](const LayerInfo* row) { return !row->random; });
  return rows;
}

/// Outputs and gradients of a layer built for the inputs, all in one list.
std::vector<double> bits(const Json& config, const Tensors& inputs, uint64_t seed, uint64_t step) {
  Build build{.inputs = shapes_of(inputs), .seed = 3, .dtype = Dtype::f64};
  const auto layer = make_layer(config, build);
  const auto f = [&](const Tensors& t) {
    Context context{.seed = seed, .step = step};
    return layer->apply(t, context)[0];
  };
  std::vector<double> all = f(inputs).to_vector<double>();
  const Valued found = gradient([&](const Tensors& t) { return sum(f(t)); }, inputs);
  const std::vector<double> more = found.gradients[0].to_vector<double>();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST_CASE("every pooling that draws gives the same bits for one, two and four threads, and others for other draws") {
  REQUIRE(random_rows().size() >= 24);
  for (const LayerInfo* row : random_rows()) {
    CAPTURE(row->name);
    std::vector<Shape> shapes = row->sample_inputs;
    for (Shape& s : shapes) s = s.with(s.rank() - 1, 11);
    const Tensors few = sample_inputs(*row, shapes);
    for (Shape& s : shapes) s = s.with(0, 16).with(1, 12);  // enough draws to be cut into pieces
    const Tensors inputs = sample_inputs(*row, shapes);
    const Json config = sample_config(*row);
    set_threads(1);
    const std::vector<double> one = bits(config, inputs, 8, 2);
    for (const int n : {2, 4}) {
      set_threads(n);
      CHECK(bits(config, inputs, 8, 2) == one);
    }
    set_threads(processors());
    int other_seeds = 0;
    int other_steps = 0;
    const std::vector<double> drawn = bits(config, few, 8, 2);
    for (uint64_t i = 0; i < 12; ++i) {
      other_seeds += bits(config, few, 9 + i, 2) != drawn;
      other_steps += bits(config, few, 8, 3 + i) != drawn;
    }
    CHECK(other_seeds > 2);  // a single coin falls alike half of the time
    CHECK(other_steps > 2);
  }
}

TEST_CASE("gradients of poolings that draw agree with finite differences once the draws are frozen") {
  const std::vector<std::string> settings{
      R"("type": "StochasticPool", "kernel_size": 3, "stride": 2, "padding": 1, "negatives": "softmax")",
      R"("type": "StochasticPool", "kernel_size": 2, "ceil_mode": true, "eval_mode": "sample")",
      R"("type": "MixedPool", "kernel_size": 3, "stride": 2, "padding": 1, "granularity": "window")",
      R"("type": "MixedPool", "kernel_size": 2, "ceil_mode": true, "granularity": "channel", "p_max": 0.4)",
      R"("type": "RankStochasticPool", "kernel_size": 3, "stride": 2, "ceil_mode": true, "a": 0.2)",
      R"("type": "MaxPoolDropout", "kernel_size": 3, "stride": 2, "padding": 1, "p": 0.6)",
      R"("type": "S3Pool", "kernel_size": 2, "stride": 1, "grid_size": 2)",
      R"("type": "S3Pool", "kernel_size": 3, "stride": 2, "pad_mode": "valid")",
      R"("type": "FractionalMaxPool", "kernel_size": 2, "output_size": 2)",
      R"("type": "FractionalAvgPool", "kernel_size": 3, "output_size": 2)",
      R"("type": "FractionalMaxPool", "output_ratio": 0.6, "mode": "random", "overlapping": true)",
      R"("type": "FractionalAvgPool", "output_ratio": 0.7, "mode": "pseudo")",
      R"("type": "SpectralPool", "output_size": 4, "frequency_dropout": 0.9)",
  };
  const std::vector<Shape> shapes{{2, 2, 7}, {2, 2, 5, 6}, {1, 2, 4, 5, 4}};
  for (const std::string& setting : settings)
    for (int rank = 1; rank <= 3; ++rank) {
      std::string config = "{" + setting + "}";
      config.insert(config.find("\",", 10), std::to_string(rank) + "d");
      CAPTURE(config);
      const Shape& shape = shapes[static_cast<size_t>(rank - 1)];
      Build build{.inputs = {shape}, .dtype = Dtype::f64};
      const auto layer = make_layer(parse_json(config, "config.json"), build);
      // A window without a positive value hands its gradient to a cell on purpose, though its value stays 0.
      const bool positive = setting.find("StochasticPool") != setting.npos;
      const Tensor x = draw({{shape}, positive ? Domain::positive : Domain::away_from_ties}, 1)[0];
      for (const uint64_t seed : {1, 2}) {
        const auto f = [&](const Tensors& t) {
          Context context{.seed = seed, .update_buffers = false};
          return layer->forward(t[0], context);
        };
        const GradientReport report = check_gradients(twice(f), {x}, {.order = 2});
        CHECK_MESSAGE(report.passed(), report.text());
      }
    }
}

}  // namespace
}  // namespace tarn::test_pooling_draws
