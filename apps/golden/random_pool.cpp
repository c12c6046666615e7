// Reference cases of poolings that draw: fractional ones with given samples, stochastic and mixed ones by frequencies.
#include <cmath>

#include "apps/golden/compare.h"
#include "apps/golden/layer.h"
#include "apps/golden/statistics.h"
#include "apps/golden/table.h"
#include "core/tape.h"
#include "layers/module.h"
#include "layers/pooling/functions.h"

namespace tarn::golden {
namespace {

Call fractional(int rank) {
  return [rank](Case& c) {
    Json config = layer_config(c);
    config.set("return_indices", true);
    return run_layer(c, ranked("FractionalMaxPool", rank), std::move(config));
  };
}

/// A layer with the case's windows, to be called again and again.
class Repeated {
 public:
  Repeated(Case& c, const std::string& type, std::initializer_list<std::string_view> without = {}) : x_(c.input()) {
    config_ = layer_config(c, without);
    config_.set("type", type);
    build_.inputs = {x_.shape()};
    build_.dtype = x_.dtype();
  }
  Json& config() { return config_; }
  Tensor call(const Tensor& x, uint64_t step, bool training) {
    if (!layer_) layer_ = make_layer(config_, build_);
    Context context{.training = training, .seed = 1, .step = step};
    return layer_->forward(x, context);
  }
  Tensor call(uint64_t step, bool training) { return call(x_, step, training); }

 private:
  Tensor x_;
  Json config_;
  Build build_;
  std::unique_ptr<Module> layer_;
};

/// The mean of many draws is the expected one, window by window; a cotangent goes to the drawn value alone.
void check_stochastic(Case& c) {
  Repeated layer(c, "StochasticPool2d");
  const Tolerance t = c.tolerance();
  const Tensors want = c.tensors("outputs");  // probabilities, mean, variance, result in evaluation
  compare("in evaluation", layer.call(0, false), want.at(3), t);
  const int64_t draws = c.json().at("samples").as_integer();
  std::vector<Sampled> cells(static_cast<size_t>(want.at(1).numel()));
  for (int64_t step = 0; step < draws; ++step) {
    const Tensor y = layer.call(static_cast<uint64_t>(step), true);
    for (int64_t i = 0; i < y.numel(); ++i) cells[static_cast<size_t>(i)].add(y.at(i));
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    cells[i].check_mean(text("window ", i), want.at(1).at(at), std::sqrt(want.at(2).at(at)) + 1e-12);
  }
  Tape tape;
  const Tensor x = c.input().requires_grad();
  const Tensor y = layer.call(x, 0, true);
  const Tensor g = tape.gradient(sum(y), x);
  compare("what the gradient selects", sum(g * c.input()).item(), sum(y).item(), 1e-4 * static_cast<double>(y.numel()));
  for (int64_t i = 0; i < g.numel(); ++i)
    if (g.at(i) != std::floor(g.at(i)) || g.at(i) < 0) throw Mismatch{"the gradient is not one for each drawn value"};
}

/// Each call is max pooling or average pooling throughout, one as often as asked.
void check_mixed(Case& c) {
  Repeated layer(c, "MixedPool2d", {"probability"});
  const double chance = c.attributes().number("probability");
  layer.config().set("p_max", chance);
  const Tolerance t = c.tolerance();
  const Tensors want = c.tensors("outputs");  // maximum, average, expectation
  compare("in evaluation", layer.call(0, false), want.at(2), t);
  Sampled maxima;
  for (int64_t step = 0; step < c.json().at("samples").as_integer(); ++step) {
    const Tensor y = layer.call(static_cast<uint64_t>(step), true);
    const bool maximum = std::abs(y.at(0) - want.at(0).at(0)) < std::abs(y.at(0) - want.at(1).at(0));
    compare(maximum ? "the maximum" : "the average", y, want.at(maximum ? 0 : 1), t);
    maxima.add(maximum ? 1 : 0);
  }
  maxima.check_mean("maxima", chance, std::sqrt(chance * (1 - chance)));
}

Tensors mixture(Case& c) {
  const Attributes& a = c.attributes();
  const Tensor& x = c.input();
  const Windows w = sliding_windows("mixed_pool", x.shape(), 2,
                                    {.kernel_size = a.integers("kernel_size"),
                                     .stride = a.integers("stride"),
                                     .padding = a.given("padding") ? a.integers("padding") : Sizes{0}});
  return {mixed_pool(x, w, Tensor::full({}, a.number("lambda"), x.dtype()))};
}

Row drawn_row(const char* op, const char* type, Check check) {
  return {op, [type](Case& c) { return Tensors{Repeated(c, type, {"probability"}).call(0, true)}; }, std::move(check)};
}

const Rows random_pool_rows{
    {"fractional_max_pool2d", fractional(2)},
    {"fractional_max_pool3d", fractional(3)},
    {"mixed_pool2d", mixture},
    drawn_row("stochastic_pool2d", "StochasticPool2d", check_stochastic),
    drawn_row("mixed_pool2d_random", "MixedPool2d", check_mixed),
};

}  // namespace
}  // namespace tarn::golden
