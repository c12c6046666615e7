// Tests of interpolation: every mode and option against weights written down from the definition, its transpose, its
// layers, and its errors.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "core/kernels/resample.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"
#include "layers/module.h"
#include "tests/support/errors.h"

namespace tarn::test_interpolate {
namespace {

using Matrix = std::vector<std::vector<double>>;  // [output][input]

double triangle(double x) {
  return std::max(0.0, 1 - std::abs(x));
}

// The cubic convolution kernel, by its conditions: 1 at 0, 0 at other whole numbers, slope a at 1 and 0 at 2.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x >= 2) return 0;
  if (x >= 1) return a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
  return (a + 2) * x * x * x - (a + 3) * x * x + 1;
}

struct Line {
  std::string mode;
  int64_t input, output;
  double scale;  // 0: that of the sizes
  bool corners, antialias;

  double step() const {
    if (corners) return output > 1 ? static_cast<double>(input - 1) / static_cast<double>(output - 1) : 0;
    return scale > 0 ? 1 / scale : static_cast<double>(input) / static_cast<double>(output);
  }
};

int64_t nearest(const Line& l, int64_t o) {
  const double shift = l.mode == "nearest" ? 0 : 0.5;
  // Positions are fractions; what rounding may have put below a whole number is that number.
  return std::min(l.input - 1, static_cast<int64_t>((static_cast<double>(o) + shift) * l.step() + 1e-9));
}

// Weights of one output over all cells, far beyond the borders; what lies outside counts for the border's cell.
std::vector<double> sampled(const Line& l, int64_t o) {
  std::vector<double> w(static_cast<size_t>(l.input));
  const double at = static_cast<double>(o);
  const double position = l.corners ? at * l.step() : (at + 0.5) * l.step() - 0.5;
  const bool keeps = l.mode != "bicubic" && l.input == l.output;
  for (int64_t i = -l.input - 5; i < 2 * l.input + 5; ++i) {
    const double x = static_cast<double>(i) - (keeps ? at : position);
    const double weight = l.mode == "bicubic" ? cubic(x, -0.75) : triangle(x);
    w[static_cast<size_t>(std::clamp<int64_t>(i, 0, l.input - 1))] += weight;
  }
  return w;
}

std::vector<double> smoothed(const Line& l, int64_t o) {
  std::vector<double> w(static_cast<size_t>(l.input));
  const double wide = std::max(1.0, l.step());
  double total = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double x = (static_cast<double>(i) + 0.5 - (static_cast<double>(o) + 0.5) * l.step()) / wide;
    w[i] = l.mode == "bicubic" ? cubic(x, -0.5) : triangle(x);
    total += w[i];
  }
  for (double& v : w) v /= total;
  return w;
}

Matrix weights_of(const Line& l) {
  Matrix m;
  for (int64_t o = 0; o < l.output; ++o) {
    if (l.mode == "nearest" || l.mode == "nearest-exact") {
      m.emplace_back(static_cast<size_t>(l.input));
      m.back()[static_cast<size_t>(nearest(l, o))] = 1;
    } else {
      m.push_back(l.antialias ? smoothed(l, o) : sampled(l, o));
    }
  }
  return m;
}

// x with dimension `d` multiplied by the matrix.
Tensor along(const Tensor& x, int64_t d, const Matrix& m) {
  std::vector<double> flat;
  for (const auto& row : m) flat.insert(flat.end(), row.begin(), row.end());
  const Tensor matrix({static_cast<int64_t>(m.size()), static_cast<int64_t>(m[0].size())}, flat);
  return transpose(matmul(transpose(x, d, -1), transpose(matrix, 0, 1)), d, -1);
}

Tensor by_definition(const Tensor& x, const InterpolateOptions& options) {
  Tensor y = x;
  for (int64_t d = 2; d < x.rank(); ++d) {
    const auto i = static_cast<size_t>(d - 2);
    Line l{options.mode, x.size(d), 0, 0, options.align_corners.value_or(false), options.antialias};
    if (options.size.empty()) {
      l.output = static_cast<int64_t>(std::floor(static_cast<double>(l.input) * options.scale_factor[i]));
      l.scale = options.recompute_scale_factor ? 0 : options.scale_factor[i];
    } else {
      l.output = options.size[i];
    }
    y = along(y, d, weights_of(l));
  }
  return y;
}

Tensor drawn(const Shape& shape, uint64_t purpose) {
  return normal(shape, Stream{6, purpose, 0}, 0, 1, Dtype::f64);
}

double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (int64_t i = 0; i < a.numel(); ++i) worst = std::max(worst, std::abs(a.at(i) - b.at(i)));
  return worst;
}

// Values of both dtypes, and the pullback, which is the transpose: <g, A x> = <Aᵀ g, x>.
void check_case(const Shape& shape, const InterpolateOptions& options) {
  CAPTURE(shape.text());
  CAPTURE(options.mode);
  CAPTURE(options.size);
  CAPTURE(options.scale_factor);
  CAPTURE(options.antialias);
  const Tensor x = drawn(shape, 1);
  const Tensor want = by_definition(x, options);
  Tape tape;
  const Tensor leaf = x.requires_grad();
  const Tensor y = interpolate(leaf, options);
  CHECK(difference(y, want) < 1e-12);
  const Tensor g = drawn(y.shape(), 2);
  const Tensor dx = tape.gradient(y, leaf, {.seed = g});
  CHECK(sum(dx * drawn(shape, 3)).item() == doctest::Approx(sum(by_definition(drawn(shape, 3), options) * g).item()));
  const bool nearest = options.mode.starts_with("nearest");  // its choice of cells depends on the dtype
  if (!nearest) CHECK(difference(interpolate(x.to(Dtype::f32), options).to(Dtype::f64), want) < 1e-5);
}

std::vector<std::string> modes_of(int rank) {
  if (rank == 1) return {"nearest", "nearest-exact", "linear"};
  if (rank == 2) return {"nearest", "nearest-exact", "bilinear", "bicubic"};
  return {"nearest", "nearest-exact", "trilinear"};
}

InterpolateOptions random_options(const Shape& shape, const std::string& mode, uint64_t i) {
  const Stream stream{7, purpose_of(mode), i};
  uint64_t count = 0;
  const auto pick = [&](int64_t low, int64_t high) { return low + stream.below(count++, high - low + 1); };
  InterpolateOptions options{.mode = mode};
  const bool sized = pick(0, 1) == 0;
  for (int d = 2; d < shape.rank(); ++d) {
    if (sized) options.size.push_back(pick(1, 3 * shape[d]));
    if (!sized)
      options.scale_factor.push_back((static_cast<double>(pick(1, 30)) + 10.0 / static_cast<double>(shape[d])) / 10);
  }
  options.recompute_scale_factor = !sized && pick(0, 1) == 0;
  if (mode.ends_with("linear") || mode == "bicubic") options.align_corners = pick(0, 1) == 0;
  options.antialias = (mode == "bilinear" || mode == "bicubic") && pick(0, 2) == 0;
  return options;
}

TEST_CASE(
    "interpolation of any mode, rank and option is the weighted sum of its definition, and its pullback the "
    "transpose") {
  for (int rank = 1; rank <= 3; ++rank)
    for (const std::string& mode : modes_of(rank))
      for (uint64_t i = 0; i < 40; ++i) {
        const Stream stream{8, static_cast<uint64_t>(rank), i};
        std::vector<int64_t> sizes{1 + stream.below(0, 2), 1 + stream.below(1, 3)};
        for (int d = 0; d < rank; ++d)
          sizes.push_back(1 + stream.below(static_cast<uint64_t>(d) + 2, rank == 3 ? 7 : 20));
        check_case(Shape(sizes), random_options(Shape(sizes), mode, i));
      }
}

TEST_CASE("doubling and halving, and planes of several blocks, equal the definition") {
  for (const std::string& mode : modes_of(2)) {
    check_case({2, 3, 13, 17}, {.scale_factor = {2, 2}, .mode = mode});
    check_case({2, 3, 26, 34}, {.scale_factor = {0.5, 0.5}, .mode = mode});
    check_case({1, 1, 70, 9}, {.size = {150, 11}, .mode = mode});
    check_case({1, 2, 9, 70}, {.size = {3, 300}, .mode = mode});
    check_case({1, 2, 40, 3}, {.size = {100, 200}, .mode = mode});
  }
  check_case({1, 2, 40, 30}, {.size = {7, 5}, .mode = "bilinear", .antialias = true});
  check_case({1, 2, 40, 30}, {.size = {90, 5}, .mode = "bicubic", .antialias = true});
}

TEST_CASE("area is adaptive average pooling") {
  const Tensor x = drawn({2, 3, 7, 6}, 1);
  const Tensor want = avg_pool(x, adaptive_windows("test", x.shape(), 2, {3, 9}));
  CHECK(difference(interpolate(x, {.size = {3, 9}, .mode = "area"}), want) == 0);
  CHECK(interpolate(x, {.scale_factor = {0.5, 1.6}, .mode = "area"}).shape() == Shape{2, 3, 3, 9});
}

TEST_CASE("in float32 the nearest cell is chosen in float32, as PyTorch chooses it") {
  const Tensor x = Tensor::arange(49, Dtype::f32);
  const auto chosen = [&](int64_t input, int64_t output) {
    return interpolate(reshape(narrow(x, 0, 0, input), Shape{1, 1, input}), {.size = {output}}).to_vector<float>();
  };
  CHECK(chosen(3, 5) == std::vector<float>{0, 0, 1, 1, 2});
  CHECK(chosen(5, 3) == std::vector<float>{0, 1, 3});
  // 7 · 7 / 49 and 41 · 16 / 82 are whole numbers, which float32 misses from below or not.
  CHECK(chosen(16, 82)[41] == std::floor(41 * (16.0f / 82.0f)));
}

TEST_CASE("a size that stays is not touched, and an empty batch stays empty") {
  const Tensor x = drawn({1, 2, 5, 4}, 1);
  for (const std::string& mode : modes_of(2)) {
    CHECK(difference(interpolate(x, {.size = {5, 4}, .mode = mode}), x) == 0);
    const Tensor none = interpolate(Tensor::ones({0, 2, 5, 4}), {.scale_factor = {2, 0.5}, .mode = mode});
    CHECK(none.shape() == Shape{0, 2, 10, 2});
  }
  Tape tape;
  const Tensor leaf = Tensor::ones({0, 2, 5}).requires_grad();
  CHECK(tape.gradient(sum(interpolate(leaf, {.size = {7}, .mode = "linear"})), leaf).shape() == Shape{0, 2, 5});
}

TEST_CASE("a value that is not finite spreads only to the outputs that see it") {
  for (const int64_t output : {6, 12, 17}) {
    std::vector<double> values(6, 1);
    values[5] = NAN;
    const Tensor y = interpolate(Tensor({1, 1, 6}, values), {.size = {output}, .mode = "linear"});
    for (int64_t o = 0; o < output; ++o) {
      const double position = (static_cast<double>(o) + 0.5) * 6 / static_cast<double>(output) - 0.5;
      CHECK(std::isnan(y.at(o)) == (output == 6 ? o == 5 : position >= 4));
    }
  }
}

TEST_CASE("interpolation has the same bits for any number of threads") {
  const int before = threads();
  const Tensor x = drawn({3, 8, 40, 50}, 1).to(Dtype::f32).requires_grad();
  for (const InterpolateOptions& options : {InterpolateOptions{.scale_factor = {2, 2}, .mode = "bicubic"},
                                            {.size = {77, 91}, .mode = "bilinear"},
                                            {.size = {17, 13}, .mode = "bilinear", .antialias = true},
                                            {.size = {50, 40}}}) {
    std::vector<std::vector<float>> seen;
    for (const int n : {1, 2, 4}) {
      set_threads(n);
      Tape tape;
      const Tensor y = interpolate(x, options);
      seen.push_back(y.to_vector<float>());
      const std::vector<float> dx = tape.gradient(sum(y * y), x).to_vector<float>();
      seen.back().insert(seen.back().end(), dx.begin(), dx.end());
    }
    CHECK(std::memcmp(seen[0].data(), seen[1].data(), seen[0].size() * sizeof(float)) == 0);
    CHECK(std::memcmp(seen[0].data(), seen[2].data(), seen[0].size() * sizeof(float)) == 0);
  }
  set_threads(before);
}

TEST_CASE("a table of weights transposed twice is itself, also where inputs are seen by no output") {
  const auto row = [](int64_t o, kernels::TapRow& r) {
    r.first = 3 * o;
    r.weights = {1.0 + static_cast<double>(o), 2.0};
  };
  const kernels::Taps taps = kernels::make_taps(11, 4, 2, Dtype::f64, row);
  const kernels::Taps back = kernels::transposed(taps);
  CHECK(back.input == 4);
  CHECK(back.output == 11);
  CHECK(back.count.to_vector<int64_t>() == std::vector<int64_t>{1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1});
  const kernels::Taps again = kernels::transposed(back);
  CHECK(again.first.to_vector<int64_t>() == taps.first.to_vector<int64_t>());
  CHECK(again.weights.to_vector<double>() == taps.weights.to_vector<double>());
}

std::string refusal(const Shape& shape, const InterpolateOptions& options) {
  return test::message_of([&] { interpolate(Tensor::ones(shape), options); });
}

TEST_CASE("impossible interpolations are errors that say what was found and what was expected") {
  using test::contains;
  const Shape s{2, 3, 6};
  CHECK(contains(refusal(s, {}), "either size or scale_factor must be given"));
  CHECK(contains(refusal(s, {.size = {2}, .scale_factor = {2}}), "cannot both be given"));
  CHECK(contains(refusal(s, {.size = {0}}), "size is 0"));
  CHECK(contains(refusal(s, {.size = {-1}}), "size is -1"));
  CHECK(contains(refusal(s, {.size = {2, 2}}), "size has 2 entries"));
  CHECK(contains(refusal({2, 3, 6, 6}, {.scale_factor = {2}}), "scale_factor has 1 entries"));
  for (const double scale : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    CHECK(contains(refusal(s, {.scale_factor = {scale}}), "is not positive and finite"));
  CHECK(contains(refusal(s, {.scale_factor = {0.1}}), "would make a size of 0 from 6"));
  CHECK(contains(refusal(s, {.scale_factor = {1e30}}), "would make a size of "));
  CHECK(contains(refusal(s, {.size = {3}, .recompute_scale_factor = true}), "recompute_scale_factor has no meaning"));
  CHECK(contains(refusal(s, {.size = {3}, .align_corners = false}), "align_corners has no meaning for mode nearest"));
  CHECK(contains(refusal(s, {.size = {3}, .mode = "bilinear"}), "mode bilinear is for 2 spatial dimensions"));
  CHECK(contains(refusal({2, 3, 6, 6, 6}, {.size = {3, 3, 3}, .mode = "bicubic"}), "mode bicubic is for 2"));
  CHECK(contains(refusal(s, {.size = {3}, .mode = "cubic"}), "unknown mode 'cubic'"));
  CHECK(contains(refusal(s, {.size = {3}, .mode = "linear", .antialias = true}),
                 "antialias is for bilinear and bicubic"));
  CHECK(contains(refusal({2, 3}, {.size = {3}}), "input [2,3] is not"));
  CHECK(contains(refusal({2, 3, 0}, {.size = {3}}), "a spatial size of 0"));
  CHECK(contains(refusal({2, 0, 3}, {.size = {3}}), "has no channels"));
  CHECK(refusal({1, 1, 2, 2}, {.size = {2147483647, 2147483647}}) != "");
  CHECK(refusal({1, 1, 2}, {.size = {int64_t{1} << 62}}) != "");
  CHECK_THROWS_AS(interpolate(Tensor::arange(6), {.size = {3}}), Error);
  CHECK_THROWS_AS(interpolate(reshape(Tensor::arange(6), Shape{1, 1, 6}), {.size = {3}}), Error);
}

TEST_CASE("Upsample and its short names call interpolate with their settings") {
  const auto run = [](const std::string& config, const Tensor& x) {
    Build build{.inputs = {x.shape()}, .dtype = x.dtype()};
    Context context;
    return make_layer(parse_json(config, "l.json"), build)->forward(x, context);
  };
  const Tensor x = drawn({2, 3, 4, 5}, 1);
  const Tensor doubled = interpolate(x, {.scale_factor = {2, 2}});
  CHECK(difference(run(R"({"type": "Upsample", "scale_factor": 2})", x), doubled) == 0);
  CHECK(difference(run(R"({"type": "UpsamplingNearest2d", "scale_factor": [2, 2]})", x), doubled) == 0);
  const Tensor corners = interpolate(x, {.size = {7, 9}, .mode = "bilinear", .align_corners = true});
  CHECK(difference(run(R"({"type": "UpsamplingBilinear2d", "size": [7, 9]})", x), corners) == 0);
  CHECK(difference(run(R"({"type": "Upsample", "size": [7, 9], "mode": "bilinear", "align_corners": true})", x),
                   corners) == 0);
  CHECK(
      difference(
          run(R"({"type": "Upsample", "scale_factor": [1.3, 0.7], "mode": "bicubic", "antialias": true,
                           "recompute_scale_factor": true, "size": null})",
              x),
          interpolate(
              x, {.scale_factor = {1.3, 0.7}, .mode = "bicubic", .recompute_scale_factor = true, .antialias = true})) ==
      0);
  CHECK(run(R"({"type": "Upsample", "size": 3, "mode": "trilinear"})", drawn({1, 2, 4, 5, 6}, 1)).shape() ==
        Shape{1, 2, 3, 3, 3});
  for (const char* wrong : {R"({"type": "Upsample"})", R"({"type": "Upsample", "size": 3, "scale_factor": 2})",
                            R"({"type": "Upsample", "size": [3, 3, 3]})", R"({"type": "Upsample", "size": 0})",
                            R"({"type": "UpsamplingNearest2d", "scale_factor": [2, 2, 2]})"})
    CHECK_THROWS_AS(run(wrong, x), Error);
  CHECK_THROWS_AS(run(R"({"type": "UpsamplingNearest2d", "scale_factor": 2})", drawn({2, 3, 4}, 1)), Error);
}

TEST_CASE("Interpolate takes its size from a second input, or as Upsample does") {
  const auto run = [](const std::string& config, const Tensors& inputs) {
    Build build{.inputs = {}, .dtype = Dtype::f64};
    for (const Tensor& x : inputs) build.inputs.push_back(x.shape());
    Context context;
    return make_layer(parse_json(config, "l.json"), build)->apply(inputs, context)[0];
  };
  const Tensor x = drawn({2, 3, 4, 5}, 1);
  const Tensor like = drawn({2, 7, 6, 3}, 2);
  const Tensor want = interpolate(x, {.size = {6, 3}, .mode = "bilinear", .align_corners = true});
  CHECK(difference(run(R"({"type": "Interpolate", "mode": "bilinear", "align_corners": true})", {x, like}), want) == 0);
  CHECK(difference(run(R"({"type": "Interpolate", "size": [6, 3], "mode": "bilinear", "align_corners": true})", {x}),
                   want) == 0);
  CHECK_THROWS_AS(run(R"("Interpolate")", {x}), Error);
  CHECK_THROWS_AS(run(R"({"type": "Interpolate", "size": 3})", {x, like}), Error);
  CHECK_THROWS_AS(run(R"("Interpolate")", {x, select(like, 0, 0)}), Error);
}

}  // namespace
}  // namespace tarn::test_interpolate
