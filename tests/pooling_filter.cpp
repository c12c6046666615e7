// Poolings that filter and subsample, in place or in frequencies, against their formulas.
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "layers/pooling/functions.h"
#include "tests/support/pooling_examples.h"

namespace tarn::test_pooling_filter {
namespace {

using namespace test;

Tensor noise(const Shape& shape, uint64_t variant) {
  return normal(shape, Stream{1, 4, variant}, 0, 1, Dtype::f64);
}
std::vector<double> filled(double value) {
  return std::vector<double>(16, value);
}

TEST_CASE("BlurPool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return blur_pool(t[0], 2, 3, {2}); }, {square4()}, {1.75, 2.375, 4, 1},
                {{0.25, 0.375, 0.25, 0.125, 0.375, 0.5625, 0.375, 0.1875, 0.25, 0.375, 0.25, 0.125, 0.125, 0.1875,
                  0.125, 0.0625}});
}

/// The position that `at` of a row of `size` cells is filled from beyond its ends; -1: zero.
int64_t source(int64_t at, int64_t size, const std::string& mode) {
  if (at >= 0 && at < size) return at;
  if (mode == "zero") return -1;
  if (mode == "replicate") return at < 0 ? 0 : size - 1;
  return at < 0 ? -at : 2 * (size - 1) - at;
}

TEST_CASE("BlurPool weighs by binomial coefficients, more of them behind where their number is even") {
  const double rows[7][7] = {
      {1}, {1, 1}, {1, 2, 1}, {1, 3, 3, 1}, {1, 4, 6, 4, 1}, {1, 5, 10, 10, 5, 1}, {1, 6, 15, 20, 15, 6, 1}};
  for (int64_t size = 1; size <= 7; ++size)
    for (const int64_t stride : {1, 2, 3})
      for (const std::string mode : {"reflect", "replicate", "zero"}) {
        CAPTURE(size);
        CAPTURE(stride);
        CAPTURE(mode);
        const Tensor x = noise({2, 1, 7}, static_cast<uint64_t>(size));
        const Tensor y = blur_pool(x, 1, size, {stride}, mode);
        const int64_t outputs = (7 - 1) / stride + 1;
        REQUIRE(y.shape() == Shape{2, 1, outputs});
        for (int64_t i = 0; i < y.numel(); ++i) {
          double total = 0;
          for (int64_t j = 0; j < size; ++j) {
            const int64_t at = source(i % outputs * stride + j - (size - 1) / 2, 7, mode);
            if (at >= 0) total += rows[size - 1][j] * x.at(i / outputs * 7 + at);
          }
          CHECK(y.at(i) == doctest::Approx(total / std::pow(2, size - 1)));
        }
      }
}

TEST_CASE("BlurPool blurs each dimension by itself, in both precisions, batches and samples") {
  const Tensor x = noise({2, 3, 4, 5, 6}, 11);
  const auto layer = layer_of(R"({"type": "BlurPool3d", "stride": [1, 2, 3]})", {x.shape()});
  const Tensor y = run(*layer, {x});
  CHECK(y.shape() == Shape{2, 3, 4, 3, 2});
  const auto along = [](const Tensor& t, int64_t dim, int64_t stride) {
    const Tensor last = transpose(t, dim, -1);
    const Shape& s = last.shape();
    const Tensor blurred = blur_pool(reshape(last, Shape{1, last.numel() / s[4], s[4]}), 1, 3, {stride});
    return transpose(reshape(blurred, s.with(4, blurred.size(-1))), dim, -1);
  };
  check_values(y, along(along(along(x, 2, 1), 3, 2), 4, 3).to_vector<double>());
  check_values(run(*layer, {select(x, 0, 1)}), select(y, 0, 1).to_vector<double>());
  CHECK(run(*layer, {Tensor({0, 3, 4, 5, 6}, Dtype::f64)}).shape() == Shape{0, 3, 4, 3, 2});
  CHECK(run(R"("BlurPool2d")", {noise({1, 2, 5, 5}, 1).to(Dtype::f32)}).dtype() == Dtype::f32);
  CHECK(parameters(*layer).empty());
  check_refused(R"({"type": "BlurPool1d", "filt_size": 5})", {noise({1, 1, 2}, 1)}, "reflecting 2 cells");
  check_refused(R"({"type": "BlurPool1d", "filt_size": 8})", {noise({1, 1, 9}, 1)}, "filt_size");
  check_refused(R"({"type": "BlurPool1d", "stride": 0})", {noise({1, 1, 9}, 1)}, "stride");
  check_refused(R"("BlurPool2d")", {noise({1, 9}, 1)}, "[N, C, H, W]");
  CHECK_THROWS_AS(blur_pool(Tensor::arange(6).viewed({1, 1, 6}), 1, 3, {2}), Error);
}

TEST_CASE("MaxBlurPool has the values and derivatives of its worked example") {
  const Tensor x = tensor({1, 1, 5, 5}, {1, 2, 5, 3, 0, 4, 0, 1, 2, 1, 7, 3, -1, 0, 2, 2, 6, 0, 4, 3, 1, 1, 2, 2, 8});
  const auto layer = layer_of(R"({"type": "MaxBlurPool2d", "kernel_size": 2})", {x.shape()});
  check_example([&](const Tensors& t) { return run(*layer, t); }, {x}, {4.75, 3.375, 6, 4.1875},
                {{0, 0, 0.625, 0.125,  0, 0.25, 0, 0, 0.5625, 0, 0.625, 0.5625, 0,
                  0, 0, 0,     0.6875, 0, 0.5,  0, 0, 0,      0, 0,     0.0625}});
}

TEST_CASE("MaxBlurPool is a maximum in steps of 1 and a blur") {
  const Tensor x = noise({2, 3, 6, 7}, 12);
  const std::string config =
      R"({"type": "MaxBlurPool2d", "kernel_size": 3, "padding": 1, "filt_size": 4, "stride": 3, "pad_mode": "zero"})";
  const Windows w =
      sliding_windows("test", x.shape(), 2, {.kernel_size = {3}, .stride = {1}, .padding = {1}, .dilation = {1}});
  check_values(run(config, {x}), blur_pool(max_pool(x, w), 2, 4, {3}, "zero").to_vector<double>());
  check_refused(R"({"type": "MaxBlurPool2d", "kernel_size": 3, "padding": 2})", {x}, "padding");
  check_refused(R"("MaxBlurPool2d")", {x}, "kernel_size");
}

TEST_CASE("SpectralPool has the values and derivatives of its worked examples") {
  const auto to = [](int64_t size) { return [=](const Tensors& t) { return spectral_pool(t[0], 2, {size}); }; };
  check_example(to(2), {square4()}, {2.375, 2.75, 3.625, 1}, {filled(0.25)});
  check_example(to(3), {square4()},
                {0.8125, 2.9754809, 4.2745191, 4.6127405, 0.25, 0.45096189, 5.2622595, 3.0490381, 0.25},
                {filled(0.5625)});
}

/// The output of a cropped discrete Fourier transform, summed up as it is written, of which the `kept` lowest
/// frequencies are not zero.
std::vector<double> cropped(const std::vector<double>& x, int64_t m, int64_t kept) {
  const auto n = static_cast<int64_t>(x.size());
  const auto turn = [](int64_t k, int64_t i, int64_t size) {
    return std::polar(1.0, 2 * std::numbers::pi * static_cast<double>(k * i) / static_cast<double>(size));
  };
  std::vector<double> y;
  for (int64_t i = 0; i < m; ++i) {
    std::complex<double> value = 0;
    for (int64_t k = -(kept / 2); k <= kept / 2; ++k) {
      std::complex<double> coefficient = 0;
      for (int64_t j = 0; j < n; ++j) coefficient += x[static_cast<size_t>(j)] * turn(-k, j, n);
      const bool shared = kept % 2 == 0 && std::abs(k) == kept / 2;  // k and -k are one frequency
      value += coefficient * turn(k, i, m) * (shared ? 0.5 : 1.0);
    }
    y.push_back(value.real() / static_cast<double>(n));
  }
  return y;
}

TEST_CASE("SpectralPool crops the discrete Fourier transform, for all sizes") {
  for (int64_t n = 1; n <= 9; ++n)
    for (int64_t m = 1; m <= n; ++m)
      for (int64_t kept = 1; kept <= m; ++kept) {
        CAPTURE(n);
        CAPTURE(m);
        CAPTURE(kept);
        const Tensor x = noise({1, 1, n}, static_cast<uint64_t>(n));
        const std::vector<double> want = cropped(x.to_vector<double>(), m, kept);
        const Tensor y = spectral_pool(x, 1, {m}, false, {kept});
        for (int64_t i = 0; i < m; ++i) CHECK(y.at(i) == doctest::Approx(want[static_cast<size_t>(i)]).epsilon(1e-9));
        const Tensor unitary = spectral_pool(x, 1, {m}, true, {kept});
        const double factor = std::sqrt(static_cast<double>(n) / static_cast<double>(m));
        CHECK(unitary.at(m - 1) == doctest::Approx(y.at(m - 1) * factor).epsilon(1e-9));
      }
}

TEST_CASE("SpectralPool takes sizes or shares for each dimension, and needs one of them") {
  const Tensor x = noise({2, 3, 6, 9}, 13);
  const Tensor y = run(R"({"type": "SpectralPool2d", "output_size": [6, 4]})", {x});
  REQUIRE(y.shape() == Shape{2, 3, 6, 4});
  check_values(select(select(y, 0, 1), 0, 2),
               run(R"({"type": "SpectralPool2d", "ratio": [1, 0.5]})", {select(x, 0, 1)}).shape() == Shape{3, 6, 4}
                   ? select(spectral_pool(select(x, 0, 1), 2, {6, 4}), 0, 2).to_vector<double>()
                   : std::vector<double>{});
  CHECK(run(R"({"type": "SpectralPool2d", "ratio": 0.01})", {x}).shape() == Shape{2, 3, 1, 1});
  check_values(mean(run(R"({"type": "SpectralPool2d", "output_size": 1})", {x}), {2, 3}),
               mean(x, {2, 3}).to_vector<double>());
  check_values(run(R"({"type": "SpectralPool2d", "output_size": [6, 9]})", {x}), x.to_vector<double>());
  CHECK(run(R"({"type": "SpectralPool2d", "output_size": 2})", {Tensor({0, 3, 6, 9}, Dtype::f64)}).shape() ==
        Shape{0, 3, 2, 2});
  check_refused(R"("SpectralPool2d")", {x}, "output_size or ratio");
  check_refused(R"({"type": "SpectralPool2d", "output_size": 2, "ratio": 0.5})", {x}, "not both");
  check_refused(R"({"type": "SpectralPool2d", "output_size": 7})", {x}, "expected 1 to 6");
  check_refused(R"({"type": "SpectralPool2d", "ratio": 0})", {x}, "ratio");
}

TEST_CASE("SpectralPool drops frequencies at random in training, and none otherwise") {
  const Tensor x = noise({1, 2, 16}, 14);
  const auto layer = layer_of(R"({"type": "SpectralPool1d", "output_size": 8, "frequency_dropout": 0.5})", {x.shape()});
  const Tensor all = spectral_pool(x, 1, {8});
  check_values(run(*layer, {x}, false), all.to_vector<double>());
  std::vector<int> met(9, 0);
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Tensor y = run(*layer, {x}, true, seed);
    check_values(run(*layer, {x}, true, seed), y.to_vector<double>());
    int matches = 0;
    for (int64_t kept = 4; kept <= 8; ++kept) {
      const Tensor candidate = spectral_pool(x, 1, {8}, false, {kept});
      double apart = 0;
      for (int64_t i = 0; i < 16; ++i) apart = std::max(apart, std::abs(candidate.at(i) - y.at(i)));
      if (apart > 1e-12) continue;
      ++matches;
      ++met[static_cast<size_t>(kept)];
    }
    CHECK(matches == 1);
  }
  for (size_t kept = 4; kept <= 8; ++kept) CHECK(met[kept] > 2);
}

TEST_CASE("HaarPool has the values and derivatives of its worked examples") {
  check_example([](const Tensors& t) { return haar_pool(t[0], 2); }, {square4()}, {3.5, 5.5, 9, 1.5}, {filled(0.5)});
  check_example([](const Tensors& t) { return haar_pool(t[0], 2, true); }, {tensor({1, 1, 2, 2}, {1, 3, 2, 4})},
                {5, -1, -2, 0}, {{2, 0, 0, 0}});
}

TEST_CASE("HaarPool's bands keep all there is, in every number of dimensions") {
  for (const Shape& shape : {Shape{2, 3, 6}, Shape{2, 3, 4, 6}, Shape{2, 3, 4, 2, 6}}) {
    CAPTURE(shape.text());
    const int rank = shape.rank() - 2;
    const Tensor x = noise(shape, 15);
    const Tensor bands = haar_pool(x, rank, true);
    CHECK(bands.size(1) == 3 << rank);
    CHECK(sum(square(bands)).item() == doctest::Approx(sum(square(x)).item()));
    check_values(narrow(bands, 1, 0, 3), haar_pool(x, rank).to_vector<double>());
    check_values(haar_pool(x, rank), (avg_pool(x, tiles(x, 2)) * std::pow(2, rank / 2.0)).to_vector<double>());
    // The transform is orthogonal: its transpose undoes it.
    const Tensor back = vjp([&](const Tensors& t) { return haar_pool(t[0], rank, true); }, {x}, bands).gradients[0];
    check_values(back, x.to_vector<double>());
  }
  const Tensor cube = tensor({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});  // D steps by 4, H by 2, W by 1
  const double r = 2 * std::sqrt(2.0);
  check_values(haar_pool(cube, 3, true), {36 / r, -16 / r, -8 / r, 0, -4 / r, 0, 0, 0});
}

TEST_CASE("HaarPool refuses odd sizes, or repeats their last cell") {
  const Tensor x = tensor({1, 1, 3}, {1, 2, 5});
  check_refused(R"("HaarPool1d")", {x}, "odd size");
  check_values(run(R"({"type": "HaarPool1d", "pad": "replicate", "bands": "all"})", {x}),
               {3 / std::sqrt(2.0), 10 / std::sqrt(2.0), -1 / std::sqrt(2.0), 0});
  CHECK(run(R"({"type": "HaarPool2d", "bands": "all"})", {Tensor({0, 3, 4, 4}, Dtype::f64)}).shape() ==
        Shape{0, 12, 2, 2});
  CHECK(run(R"({"type": "HaarPool2d", "bands": "all"})", {noise({3, 4, 4}, 1)}).shape() == Shape{12, 2, 2});
}

TEST_CASE("AdaptivePolyphasePool has the values and derivatives of its worked example") {
  check_example([](const Tensors& t) { return aps_pool(t[0], 2, {2}).values; }, {square4()}, {1, 5, 7, -1},
                {{1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}});
  CHECK(aps_pool(square4(), 2, {2}).indices.at(0) == 0);
}

TEST_CASE("AdaptivePolyphasePool keeps, for each sample, the grid of largest norm over all channels") {
  for (const auto& [name, power] : {std::pair{"l1", 1.0}, {"l2", 2.0}, {"linf", 0.0}})
    for (uint64_t variant = 0; variant < 8; ++variant) {
      CAPTURE(name);
      const Tensor x = noise({3, 2, 4, 6}, 20 + variant);
      const auto [y, index] = aps_pool(x, 2, {2, 3}, name);
      REQUIRE(y.shape() == Shape{3, 2, 2, 2});
      for (int64_t n = 0; n < 3; ++n) {
        double best = -1;
        int64_t at = 0;
        for (int64_t i = 0; i < 2; ++i)
          for (int64_t j = 0; j < 3; ++j) {
            const Tensor grid = slice(slice(select(x, 0, n), 1, i, 4, 2), 2, j, 6, 3);
            double size = 0;
            for (int64_t k = 0; k < 8; ++k)
              size = power == 0 ? std::max(size, std::abs(grid.at(k))) : size + std::pow(std::abs(grid.at(k)), power);
            if (size > best) {
              best = size;
              at = i * 3 + j;
            }
          }
        CHECK(index.at(n) == static_cast<double>(at));
        check_values(select(y, 0, n),
                     slice(slice(select(x, 0, n), 1, at / 3, 4, 2), 2, at % 3, 6, 3).to_vector<double>());
      }
    }
}

TEST_CASE("AdaptivePolyphasePool gives the same values, and another grid, for an input that is shifted around") {
  const Tensor x = noise({2, 3, 4, 6}, 30);
  const std::vector<int64_t> shift{1, 1};
  const Tensor a = aps_pool(x, 2, {2}).values;
  const Tensor b = aps_pool(roll(x, shift, {2, 3}), 2, {2}).values;
  for (int64_t n = 0; n < 2; ++n) {
    auto left = select(a, 0, n).to_vector<double>();
    auto right = select(b, 0, n).to_vector<double>();
    std::ranges::sort(left);
    std::ranges::sort(right);
    CHECK(left == right);
  }
}

TEST_CASE("AdaptivePolyphasePool takes the first of equal grids, gives its number, and refuses what is not divisible") {
  const Tensor equal = Tensor::ones({2, 1, 4}, Dtype::f64);
  const auto layer = layer_of(R"({"type": "AdaptivePolyphasePool1d", "return_indices": true})", {equal.shape()});
  Context context;
  const Tensors out = layer->apply({equal}, context);
  CHECK(layer->outputs() == std::vector<std::string>{"indices"});
  CHECK(out[1].shape() == Shape{2});
  CHECK(out[1].dtype() == Dtype::i64);
  CHECK(out[1].at(1) == 0);
  CHECK(layer->apply({select(equal, 0, 0)}, context)[1].shape() == Shape{});
  CHECK(layer->apply({Tensor({0, 1, 4}, Dtype::f64)}, context)[0].shape() == Shape{0, 1, 2});
  check_refused(R"("AdaptivePolyphasePool2d")", {noise({1, 1, 4, 5}, 1)}, "stride 2 does not divide the size 5");
}

}  // namespace
}  // namespace tarn::test_pooling_filter
