// Unpooling against naive loops over random geometries, its layers in models, and what they refuse.
#include <doctest/doctest.h>

#include <map>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/tape.h"
#include "layers/model.h"
#include "tests/support/pools.h"

namespace tarn::test_unpool {

using namespace test;

namespace {

/// Draws pooled shapes and what they may have been pooled from; calls body(draws, shape, windows, dtype).
template <class Body>
void each_unpooling(uint64_t seed, int trials, Body body) {
  Draws draws(seed);
  int tried = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const int rank = static_cast<int>(draws.pick(1, 3));
    const Shape shape = draws.shape(rank);
    SlidingOptions o;
    std::vector<int64_t> size;
    for (int i = 0; i < rank; ++i) {
      o.kernel_size.push_back(draws.pick(1, 4));
      o.stride.push_back(draws.pick(1, 4));
      o.padding.push_back(draws.pick(0, o.kernel_size.back() / 2));
      const int64_t usual = (shape[shape.rank() - rank + i] - 1) * o.stride.back() + o.kernel_size.back();
      size.push_back(usual - 2 * o.padding.back() + draws.pick(1 - o.stride.back(), o.stride.back() - 1));
    }
    Windows w;
    try {
      const bool sized = draws.pick(0, 1) == 1;
      w = unpooling_windows("unpool", shape, rank, o, sized ? std::optional(size) : std::nullopt);
    } catch (const Error&) {
      continue;
    }
    ++tried;
    CAPTURE(shape.text());
    CAPTURE(w.input_cells());
    body(draws, shape, w, trial % 2 == 0 ? Dtype::f32 : Dtype::f64);
  }
  CHECK(tried > trials / 2);
}

/// Indices in planes of w's input, with repetitions.
Tensor draw_indices(Draws& draws, const Shape& shape, const Windows& w) {
  std::vector<int64_t> at(static_cast<size_t>(shape.numel()));
  for (int64_t& i : at) i = draws.pick(0, w.input_cells() - 1);
  return Tensor(shape, at);
}

Tensors run(const std::string& config, const Tensors& inputs) {
  Context context;
  Build build;
  build.dtype = inputs[0].dtype();
  for (const Tensor& x : inputs) build.inputs.push_back(x.shape());
  return make_layer(parse_json(config, "l.json"), build)->apply(inputs, context);
}

}  // namespace

TEST_CASE("max unpooling puts values at their indices, the last of several, and hands all of them the gradient") {
  each_unpooling(31, 1500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype, true).requires_grad();
    const Tensor indices = draw_indices(draws, shape, w);
    const Shape planes = w.input_shape("unpool", shape);
    const Tensor g = draws.values(planes, dtype).requires_grad();
    const Tensor v = draws.values(shape, dtype);
    std::vector<double> y(size_t(planes.numel()));
    std::vector<double> dx(size_t(shape.numel()));
    std::vector<double> dg(size_t(planes.numel()));
    for (int64_t i = 0; i < shape.numel(); ++i) {
      const int64_t cell = i / w.output_cells() * w.input_cells() + indices.data<int64_t>()[i];
      y[size_t(cell)] = x.at(i);
      dx[size_t(i)] = g.at(cell);
      dg[size_t(cell)] += v.at(i);
    }
    Tape tape;
    const Tensor out = max_unpool(x, indices, w);
    CHECK(out.shape() == planes);
    check_equal(out, y);
    const Tensor first = tape.gradient(out, x, {.create_graph = true, .seed = g});
    check_equal(first, dx);
    check_equal(tape.gradient(first, g, {.seed = v}), dg);
  });
}

TEST_CASE("max unpooling that sums duplicates is the transpose of taking at the indices") {
  each_unpooling(32, 800, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype).requires_grad();
    const Tensor indices = draw_indices(draws, shape, w);
    std::vector<double> y(size_t(shape.numel() / w.output_cells() * w.input_cells()));
    bool distinct = true;
    std::map<int64_t, int> seen;
    for (int64_t i = 0; i < shape.numel(); ++i) {
      const int64_t cell = i / w.output_cells() * w.input_cells() + indices.data<int64_t>()[i];
      y[size_t(cell)] += x.at(i);
      distinct = distinct && ++seen[cell] == 1;
    }
    Tape tape;
    const Tensor out = max_unpool(x, indices, w, Duplicates::sum);
    check_equal(out, y);
    const Tensor g = draws.values(out.shape(), dtype);
    CHECK(sum(tape.gradient(out, x, {.seed = g}) * x).item() == sum(g * out).item());
    if (distinct)
      check_equal(max_unpool(x, indices, w, Duplicates::error), y);
    else
      CHECK_THROWS_WITH_AS(max_unpool(x, indices, w, Duplicates::error), doctest::Contains("occurs twice"), Error);
  });
}

TEST_CASE("average unpooling equals a naive loop over its windows, and its adjoint is average pooling's transpose") {
  each_unpooling(33, 1500, [](Draws& draws, const Shape& shape, const Windows& w, Dtype dtype) {
    const Tensor x = draws.values(shape, dtype).requires_grad();
    const Shape planes = w.input_shape("unpool", shape);
    std::vector<double> sums(size_t(planes.numel()));
    std::vector<double> shares(sums.size());
    std::vector<double> covering(sums.size());
    for (int64_t i = 0; i < shape.numel(); ++i)
      for (const int64_t c : w.cells(i % w.output_cells())) {
        const auto cell = size_t(i / w.output_cells() * w.input_cells() + c);
        sums[cell] += x.at(i);
        shares[cell] += x.at(i) / double(w.divisor(i % w.output_cells()));
        covering[cell] += 1;
      }
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = covering[i] > 0 ? sums[i] / covering[i] : 0;
    Tape tape;
    const Tensor copy = avg_unpool(x, w);
    const Tensor adjoint = avg_unpool(x, w, UnpoolMode::adjoint);
    check_near(copy, sums);
    check_near(adjoint, shares);
    const Tensor g = draws.values(planes, dtype);
    check_near(tape.gradient(adjoint, x, {.seed = g}), avg_pool(g, w).to(Dtype::f64).to_vector<double>());
    const double forward = sum(copy.to(Dtype::f64) * g.to(Dtype::f64)).item();
    const double backward = sum(tape.gradient(copy, x, {.seed = g}).to(Dtype::f64) * x.to(Dtype::f64)).item();
    CHECK(forward == doctest::Approx(backward).epsilon(dtype == Dtype::f32 ? 1e-5 : 1e-12));
  });
}

TEST_CASE("unpooling undoes pooling: maxima return to their places, means of disjoint windows are kept") {
  const Tensor x = normal({2, 3, 7, 9}, {1, 2, 3}, 0, 1, Dtype::f64);
  const Windows w = sliding_windows("pool", x.shape(), 2, {.kernel_size = {2}});
  const Extreme pooled = max_pool_with_indices(x, w);
  const Windows back = unpooling_windows("unpool", pooled.values.shape(), 2, {.kernel_size = {2}}, {{7, 9}});
  const Tensor y = max_unpool(pooled.values, pooled.indices, back);
  for (int64_t i = 0; i < y.numel(); ++i) CHECK((y.at(i) == 0 || y.at(i) == x.at(i)));
  check_equal(max_pool(y, w), max_pool(maximum(x, Tensor::zeros({}, Dtype::f64)), w).to_vector<double>());
  const Tensor means = avg_pool(x, w);
  check_near(avg_pool(avg_unpool(means, back), w), means.to_vector<double>());
}

TEST_CASE("the examples of the specification") {
  const Tensor x({1, 1, 2, 2}, std::vector<double>{10, 20, 30, 40});
  const Tensor indices({1, 1, 2, 2}, std::vector<int64_t>{4, 2, 8, 15});
  check_equal(run(R"({"type": "MaxUnpool2d", "kernel_size": 2})", {x, indices})[0],
              {0, 0, 20, 0, 10, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 40});
  const Tensor two({1, 1, 2}, std::vector<double>{5, 7});
  check_equal(run(R"({"type": "MaxUnpool1d", "kernel_size": 2, "output_size": 5})",
                  {two, Tensor({1, 1, 2}, std::vector<int64_t>{1, 3})})[0],
              {0, 5, 0, 7, 0});
  const Tensor four({1, 1, 2, 2}, std::vector<double>{1, 3, 2, 4});
  check_equal(run(R"({"type": "AvgUnpool2d", "kernel_size": 2})", {four})[0],
              {1, 1, 3, 3, 1, 1, 3, 3, 2, 2, 4, 4, 2, 2, 4, 4});
  check_equal(run(R"({"type": "AvgUnpool2d", "kernel_size": 2, "mode": "adjoint"})", {four})[0],
              {.25, .25, .75, .75, .25, .25, .75, .75, .5, .5, 1, 1, .5, .5, 1, 1});
}

TEST_CASE("a config names max pooling's indices, and an item whose size the output takes") {
  const Tensor x = normal({2, 3, 7, 5}, {1, 2, 4}, 0, 1, Dtype::f64);
  const Json list = parse_json(R"([
    {"name": "pool", "type": "MaxPool2d", "kernel_size": 2, "return_indices": true},
    {"name": "up", "type": "MaxUnpool2d", "kernel_size": 2, "from": ["pool", "pool.indices", "input"]},
    {"name": "mean", "type": "AvgPool2d", "kernel_size": 2},
    {"type": "AvgUnpool2d", "kernel_size": 2, "from": ["mean", "up"]}])",
                               "model.json");
  Model model(list, Build{.inputs = {x.shape()}, .dtype = Dtype::f64});
  Context context;
  CHECK(model.output_shape() == Shape{1, 3, 7, 5});
  const Tensor y = model.forward(x, context);
  CHECK(y.shape() == x.shape());
  const Windows w = sliding_windows("pool", x.shape(), 2, {.kernel_size = {2}});
  const Extreme pooled = max_pool_with_indices(x, w);
  const Tensor up = max_unpool(pooled.values, pooled.indices, w);
  check_equal(y, avg_unpool(avg_pool(up, w), w).to_vector<double>());
}

TEST_CASE("MaxPoolUnpool remembers the size and the places, and refuses a body that changes the shape") {
  const Tensor x = normal({2, 3, 7, 5}, {1, 2, 5}, 0, 1, Dtype::f64);
  const std::string layer = R"({"type": "MaxPoolUnpool2d", "kernel_size": 3, "stride": 2, "padding": 1, "body": )";
  const Tensor y = run(layer + R"(["Tanh"]})", {x})[0];
  const Windows w = sliding_windows("pool", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}});
  const Extreme pooled = max_pool_with_indices(x, w);
  check_equal(y, max_unpool(tanh(pooled.values), pooled.indices, w).to_vector<double>());
  CHECK_THROWS_WITH_AS(run(layer + R"([{"type": "Conv2d", "out_channels": 4, "kernel_size": 1}]})", {x}),
                       doctest::Contains("unpooling needs [1,3,4,3]"), Error);
}

TEST_CASE("average unpooling has a learned factor and addend for each channel where asked") {
  Build build{.inputs = {{2, 3, 4}}, .dtype = Dtype::f64};
  const auto layer = make_layer(parse_json(R"({"type": "AvgUnpool1d", "kernel_size": 2, "affine": true})", "l"), build);
  const auto parts = parameters(*layer);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].name == "weight");
  check_equal(*parts[0].tensor, {1, 1, 1});
  check_equal(*parts[1].tensor, {0, 0, 0});
  *parts[0].tensor = Tensor({3}, std::vector<double>{1, 2, 3});
  *parts[1].tensor = Tensor({3}, std::vector<double>{0, 0.5, -1});
  Context context;
  const Tensor y = layer->forward(Tensor::ones({2, 3, 4}, Dtype::f64), context);
  for (int64_t i = 0; i < y.numel(); ++i) CHECK(y.at(i) == std::vector<double>{1, 2.5, 2}[size_t(i / 8 % 3)]);
}

TEST_CASE("unpooling refuses indices and sizes that do not fit, by name and range") {
  const Tensor x = Tensor::ones({1, 2, 2, 2});
  const Tensor zeros = Tensor::zeros(x.shape(), Dtype::i64);
  const auto refuses = [&](const std::string& more, const Tensors& inputs, const char* part) {
    CAPTURE(part);
    CHECK_THROWS_WITH_AS(run(R"({"type": "MaxUnpool2d", "kernel_size": 2)" + more + "}", inputs),
                         doctest::Contains(part), Error);
  };
  const auto at = [&](int64_t index) {
    std::vector<int64_t> all(8);
    all[6] = index;
    return Tensor(x.shape(), all);
  };
  refuses("", {x, at(16)}, "index 16 is outside [0, 15]");
  refuses("", {x, at(-1)}, "index -1 is outside [0, 15]");
  refuses("", {x, at(int64_t{1} << 62)}, "is outside [0, 15]");
  refuses("", {x, Tensor::zeros({1, 2, 3, 3}, Dtype::i64)}, "the indices [1,2,3,3] need the shape of the input");
  refuses("", {x, Tensor::zeros(x.shape())}, "the index is float32; expected int64");
  refuses(R"(, "output_size": 6)", {x, zeros}, "output_size has 1 entries");
  refuses(R"(, "output_size": [6, 4])", {x, zeros}, "output_size is 6 in spatial dimension 0; allowed are 3 to 5");
  refuses(R"(, "output_size": [4, 2])", {x, zeros}, "output_size is 2 in spatial dimension 1; allowed are 3 to 5");
  refuses(R"(, "output_size": [])", {x, zeros}, "output_size has 0 entries");
  refuses(R"(, "output_size": [4, 4])", {x, zeros, x}, "leave one out");
  refuses("", {x}, "takes 2");
  refuses(R"(, "padding": 2)", {x, zeros}, "padding is 2; allowed are 0 to 1");
  refuses("", {Tensor::zeros({1, 2, 2, 2}, Dtype::i64), zeros}, "needs float32 or float64 values");
  refuses("", {Tensor::ones({2, 2}), Tensor::zeros({2, 2}, Dtype::i64)}, "expected [N, C, H, W]");
  refuses("", {Tensor::ones({1, 2, 0, 2}), Tensor::zeros({1, 2, 0, 2}, Dtype::i64)}, "only the batch may be empty");
  CHECK_THROWS_WITH_AS(run(R"({"type": "MaxUnpool1d", "kernel_size": 1073741824})",
                           {Tensor::ones({1, 1, 9}), Tensor::zeros({1, 1, 9}, Dtype::i64)}),
                       doctest::Contains("cells"), Error);
}

TEST_CASE("unpooling gives the same bits for one, two and four threads") {
  const Tensor x = normal({8, 16, 56, 56}, {1, 2, 3}).requires_grad();
  const Windows w = sliding_windows("pool", x.shape(), 2, {.kernel_size = {3}, .stride = {2}, .padding = {1}});
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    Tape tape;
    const Extreme pooled = max_pool_with_indices(x, w);
    const Tensor y = max_unpool(pooled.values, pooled.indices, w) * avg_unpool(pooled.values, w);
    seen.push_back(y.to_vector<float>());
    seen.push_back(tape.gradient(sum(y), x).to_vector<float>());
  }
  CHECK((seen[0] == seen[2] && seen[0] == seen[4]));
  CHECK((seen[1] == seen[3] && seen[1] == seen[5]));
  set_threads(processors());
}

}  // namespace tarn::test_unpool
