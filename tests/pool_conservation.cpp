// Conservation: a maximum or a mean hands on every bit of its cotangent, so that the gradients of input and output have
// the same sum in every plane; exactly where the numbers allow it.
#include <doctest/doctest.h>

#include <set>

#include "core/derivatives.h"
#include "core/ops.h"
#include "tests/support/pooling_rows.h"
#include "tests/support/pools.h"

namespace tarn::test_pool_conservation {
namespace {

using namespace test;

/// The sum of each plane of `t`, of `planes` in a row.
std::vector<double> plane_sums(const Tensor& t, int64_t planes) {
  std::vector<double> sums(static_cast<size_t>(planes));
  const int64_t cells = planes > 0 ? t.numel() / planes : 0;
  for (int64_t i = 0; i < t.numel(); ++i) sums[static_cast<size_t>(i / cells)] += t.at(i);
  return sums;
}

/// Whole numbers, each times what the mean over that window divides by; and the sums of their planes where every cell
/// of a window gets the whole number.
struct Cotangent {
  Tensor values;
  std::vector<double> handed_on;
};
Cotangent multiples(Draws& draws, const Shape& output, const Windows& w, Dtype dtype) {
  const int64_t planes = w.planes(output);
  Cotangent g{{}, std::vector<double>(static_cast<size_t>(planes))};
  std::vector<double> values;
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t o = 0; o < w.output_cells(); ++o) {
      const auto whole = static_cast<double>(draws.pick(-9, 9));
      values.push_back(whole * static_cast<double>(w.divisor(o)));
      g.handed_on[static_cast<size_t>(p)] += whole * static_cast<double>(w.cells(o).size());
    }
  g.values = Tensor(output, values).to(dtype);
  return g;
}

Tensor gradient_under(const Function& f, const Tensor& x, const Tensor& g) {
  return vjp(f, {x}, g).gradients[0];
}

TEST_CASE("max pooling hands on its whole cotangent, in every plane and exactly") {
  each_configuration(31, 1500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype);
    const Tensor g = draws.values(w.output_shape(shape), dtype);
    const Tensor dx = gradient_under([&](const Tensors& t) { return max_pool(t[0], w); }, x, g);
    check_equal(Tensor(Shape{w.planes(shape)}, plane_sums(dx, w.planes(shape))), plane_sums(g, w.planes(shape)));
    const Tensor again = gradient_under([&](const Tensors& t) { return max_pool_with_indices(t[0], w).values; }, x, g);
    CHECK(again.to(Dtype::f64).to_vector<double>() == dx.to(Dtype::f64).to_vector<double>());
  });
}

TEST_CASE("average pooling hands on what its divisors leave, exactly; over valid cells alone, all of it") {
  each_configuration(32, 1500, [](Draws& draws, const Shape& shape, const Windows& drawn, Dtype dtype) {
    for (const bool valid : {false, true}) {
      Windows w = drawn;
      if (valid) {
        w.count_include_pad = false;
        w.divisor_override.reset();
      }
      const Tensor x = draws.values(shape, dtype);
      const int64_t planes = w.planes(shape);
      const Cotangent g = multiples(draws, w.output_shape(shape), w, dtype);
      const auto mean = [&](const Tensors& t) { return avg_pool(t[0], w); };
      const Tensor dx = gradient_under(mean, x, g.values);
      check_equal(Tensor(Shape{planes}, plane_sums(dx, planes)), g.handed_on);
      if (!valid) continue;
      check_equal(Tensor(Shape{planes}, plane_sums(g.values, planes)), g.handed_on);
      // Of any cotangent, all but rounding.
      const Tensor any = normal(w.output_shape(shape), Stream{33, 1, 0}, 0, 1, dtype);
      const std::vector<double> sums = plane_sums(gradient_under(mean, x, any), planes);
      const std::vector<double> wanted = plane_sums(any, planes);
      const double cells = static_cast<double>(w.output_cells());
      for (size_t p = 0; p < sums.size(); ++p)
        CHECK(std::abs(sums[p] - wanted[p]) <= cells * (dtype == Dtype::f32 ? 1e-6 : 1e-14));
    }
  });
}

TEST_CASE("sum pooling hands on its cotangent once for each cell of a window") {
  each_configuration(34, 600, [](Draws& draws, const Shape& shape, const Windows& drawn, Dtype dtype) {
    Windows w = drawn;
    w.divisor_override = 1;
    const Tensor x = draws.values(shape, dtype);
    const Cotangent g = multiples(draws, w.output_shape(shape), w, dtype);
    const Tensor dx = gradient_under([&](const Tensors& t) { return sum_pool(t[0], drawn); }, x, g.values);
    check_equal(Tensor(Shape{w.planes(shape)}, plane_sums(dx, w.planes(shape))), g.handed_on);
  });
}

/// Settings of a layer of sliding windows, of `family` and for `rank` dimensions.
Json sliding_layer(Draws& draws, const std::string& family, int rank) {
  const auto sizes = [&](const std::function<int64_t(int)>& size) {
    Json list = Json::array();
    for (int i = 0; i < rank; ++i) list.push(size(i));
    return list;
  };
  std::vector<int64_t> kernel;
  for (int i = 0; i < rank; ++i) kernel.push_back(draws.pick(1, 4));
  Json config = Json::object();
  config.set("type", text(family, rank, "d"));
  config.set("kernel_size", sizes([&](int i) { return kernel[static_cast<size_t>(i)]; }));
  config.set("stride", sizes([&](int) { return draws.pick(1, 5); }));
  config.set("padding", sizes([&](int i) { return draws.pick(0, kernel[static_cast<size_t>(i)] / 2); }));
  config.set("ceil_mode", draws.pick(0, 1) == 1);
  if (family == "MaxPool") config.set("dilation", sizes([&](int) { return draws.pick(1, 2); }));
  if (family == "AvgPool") config.set("count_include_pad", false);
  return config;
}

TEST_CASE("the layers of maxima and of means over valid cells hand on their whole cotangent") {
  Draws draws(35);
  int tried = 0;
  for (int trial = 0; trial < 1200; ++trial) {
    const int rank = static_cast<int>(draws.pick(1, 3));
    const bool means = draws.pick(0, 1) == 1;
    const int64_t kind = draws.pick(0, 2);  // sliding, adaptive or one window over everything
    Json config = sliding_layer(draws, means ? "AvgPool" : "MaxPool", rank);
    if (kind > 0) {
      config = Json::object();
      config.set("type", text(means ? "AdaptiveAvgPool" : "AdaptiveMaxPool", rank, "d"));
      config.set("output_size", kind == 1 ? draws.pick(1, 6) : 1);
    }
    CAPTURE(to_text(config));
    const Shape shape = draws.shape(rank);
    CAPTURE(shape.text());
    const Tensor x = draws.values(shape, Dtype::f64);
    const auto f = [&](const Tensors& t) { return run_row(config, {shape}, t)[0]; };
    Tensor y;
    try {
      y = f({x});
    } catch (const Error&) {
      continue;  // windows larger than the plane
    }
    ++tried;
    const int64_t planes = shape.product(0, shape.rank() - rank);
    const Tensor g = draws.values(y.shape(), Dtype::f64);
    const std::vector<double> sums = plane_sums(gradient_under(f, x, g), planes);
    const std::vector<double> wanted = plane_sums(g, planes);
    for (size_t p = 0; p < sums.size(); ++p) {
      if (means)
        CHECK(std::abs(sums[p] - wanted[p]) < 1e-10);
      else
        CHECK(sums[p] == wanted[p]);
    }
  }
  CHECK(tried > 800);
}

/// f(x + c) = f(x) + c, for inputs as the row's sample and a small c.
bool follows_shifts(const Function& f, const Tensor& x) {
  const double c = 1e-3;
  const Tensor y = f({x});
  const Tensor off = f({x + c}) - y - c;
  for (int64_t i = 0; i < off.numel(); ++i)
    if (!(std::abs(off.at(i)) < 1e-12)) return false;
  return y.numel() > 0;
}

TEST_CASE("every pooling whose result moves along with its input hands on its whole cotangent") {
  // The derivative of f(x + c) = f(x) + c by c: the gradients of each value add up to 1.
  std::set<std::string> found;
  for (const LayerInfo* row : pooling_rows()) {
    CAPTURE(row->name);
    Tensors inputs = sample_inputs(*row, row->sample_inputs);
    for (const bool training : {false, true}) {
      const auto f = [&](const Tensors& t) {
        inputs[0] = t[0];
        return run_row(sample_config(*row), row->sample_inputs, inputs, training)[0];
      };
      const Tensor x = inputs[0].detach();
      if (!follows_shifts(f, x)) continue;
      found.insert(row->name);
      const Tensor g = normal(f({x}).shape(), Stream{36, 1, 0}, 0, 1, Dtype::f64);
      const Tensor dx = gradient_under(f, x, g);
      CHECK(sum(dx).item() == doctest::Approx(sum(g).item()).epsilon(1e-9));
      inputs[0] = x;
    }
  }
  for (const char* name : {"MaxPool2d", "AdaptiveMaxPool3d", "AdaptiveAvgPool1d", "SoftPool2d", "MedianPool1d",
                           "StochasticPool2d", "S3Pool3d", "RoIAlign2d", "FractionalAvgPool2d", "LIP1d"})
    CHECK_MESSAGE(found.contains(name), name);
  CHECK(found.size() > 60);
}

}  // namespace
}  // namespace tarn::test_pool_conservation
