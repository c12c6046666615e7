// Reductions against loops over indices: any dimensions, both precisions, empty tensors, special values, wrong
// arguments.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_ops_reduce {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor doubles(const Shape& shape, const std::vector<double>& values) {
  return Tensor(shape, values);
}
Tensor drawn(const Shape& shape, uint64_t purpose, Dtype dtype = Dtype::f64) {
  return normal(shape, Stream{7, purpose, 0}, 0, 1, dtype);
}

/// The values that fold into each result, in row-major order; `folds` has a bit per dimension.
std::vector<std::vector<double>> groups(const Tensor& x, uint32_t folds) {
  std::vector<std::vector<double>> result;
  int64_t count = 1;
  for (int d = 0; d < x.rank(); ++d) count *= (folds >> d & 1) ? 1 : x.shape()[d];
  result.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < x.numel(); ++i) {
    int64_t rest = i;
    int64_t place = 0;
    int64_t step = 1;
    for (int d = x.rank() - 1; d >= 0; --d) {
      const int64_t at = rest % x.shape()[d];
      rest /= x.shape()[d];
      if ((folds >> d & 1) == 0) {
        place += at * step;
        step *= x.shape()[d];
      }
    }
    result[static_cast<size_t>(place)].push_back(x.at(i));
  }
  return result;
}

void check_close(const Tensor& y, const std::vector<double>& want, double tolerance) {
  REQUIRE(y.numel() == static_cast<int64_t>(want.size()));
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double w = want[static_cast<size_t>(i)];
    CAPTURE(i);
    if (std::isnan(w))
      CHECK(std::isnan(y.at(i)));
    else
      CHECK(std::abs(y.at(i) - w) <= tolerance * (1 + std::abs(w)));
  }
}

Dims dims_of(uint32_t folds, int rank) {
  Dims dims;
  for (int d = 0; d < rank; ++d) {
    if (folds >> d & 1) dims.push_back(d % 2 == 0 ? d : d - rank);
  }
  return dims;
}

using Values = std::vector<double>;
using Fold = std::function<double(const Values&)>;

/// Every choice of dimensions of several shapes, in both precisions.
void check_everywhere(const std::function<Tensor(const Tensor&, const Dims&)>& op, const Fold& fold, double single) {
  for (const Shape& shape :
       {Shape{3, 4}, Shape{2, 1, 5, 3}, Shape{7}, Shape{40, 70}, Shape{2, 3, 300}, Shape{5, 2, 33, 2}}) {
    for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
      const Tensor x = drawn(shape, static_cast<uint64_t>(shape.numel()), dtype);
      for (uint32_t folds = 1; folds < (1u << shape.rank()); ++folds) {
        Values want;
        for (const Values& group : groups(x, folds)) want.push_back(fold(group));
        CAPTURE(shape.text());
        CAPTURE(folds);
        check_close(op(x, dims_of(folds, shape.rank())), want, dtype == Dtype::f64 ? 1e-12 : single);
      }
    }
  }
}

double plain_sum(const Values& v) {
  double s = 0;
  for (const double a : v) s += a;
  return s;
}
double plain_variance(const Values& v, bool unbiased) {
  const double n = static_cast<double>(v.size());
  const double center = plain_sum(v) / n;
  double s = 0;
  for (const double a : v) s += (a - center) * (a - center);
  return s / std::max(0.0, n - (unbiased ? 1 : 0));
}

}  // namespace

TEST_CASE("sum, mean, amax, amin, var and norm agree with loops for every choice of dimensions") {
  check_everywhere([](const Tensor& x, const Dims& d) { return sum(x, d); }, plain_sum, 3e-6);
  check_everywhere([](const Tensor& x, const Dims& d) { return mean(x, d); },
                   [](const Values& v) { return plain_sum(v) / static_cast<double>(v.size()); }, 1e-6);
  check_everywhere([](const Tensor& x, const Dims& d) { return amax(x, d); },
                   [](const Values& v) { return *std::max_element(v.begin(), v.end()); }, 0);
  check_everywhere([](const Tensor& x, const Dims& d) { return amin(x, d); },
                   [](const Values& v) { return *std::min_element(v.begin(), v.end()); }, 0);
  check_everywhere([](const Tensor& x, const Dims& d) { return var(x, d); },
                   [](const Values& v) { return plain_variance(v, true); }, 2e-6);
  check_everywhere([](const Tensor& x, const Dims& d) { return standard_deviation(x, d, false); },
                   [](const Values& v) { return std::sqrt(plain_variance(v, false)); }, 2e-6);
  for (const double p : {0.5, 1.0, 2.0, 3.0}) {
    check_everywhere([p](const Tensor& x, const Dims& d) { return norm(x, p, d); },
                     [p](const Values& v) {
                       double s = 0;
                       for (const double a : v) s += std::pow(std::abs(a), p);
                       return std::pow(s, 1 / p);
                     },
                     2e-5);
  }
  check_everywhere([](const Tensor& x, const Dims& d) { return logsumexp(x, d); },
                   [](const Values& v) {
                     double s = 0;
                     for (const double a : v) s += std::exp(a);
                     return std::log(s);
                   },
                   2e-6);
}

TEST_CASE("sums of large tensors keep their precision and do not depend on the number of threads") {
  const Shape shapes[] = {{1000003}, {70001, 10}, {300, 2000}, {4, 100, 1000}};
  for (const Shape& shape : shapes) {
    const Tensor x = uniform(shape, Stream{1, 2, 3});
    for (const Dims& dims : {Dims{}, Dims{0}, Dims{-1}}) {
      CAPTURE(shape.text());
      const Tensor y = sum(x, dims);
      const Tensor exact = sum(x.to(Dtype::f64), dims);
      const int before = threads();
      set_threads(1);
      CHECK(sum(x, dims).to_vector<float>() == y.to_vector<float>());
      set_threads(before);
      double worst = 0;
      for (int64_t i = 0; i < y.numel(); ++i) worst = std::max(worst, std::abs(y.at(i) / exact.at(i) - 1));
      CHECK(worst < 2e-6);
    }
  }
}

TEST_CASE("sums of int64 are exact, and sum_to undoes broadcasting") {
  const Tensor x(Shape{2, 3}, std::vector<int64_t>{1, 2, 3, int64_t{1} << 60, 5, 6});
  CHECK(sum(x, {1}).to_vector<int64_t>() == std::vector<int64_t>{6, (int64_t{1} << 60) + 11});
  const Tensor y = drawn({4, 3, 5}, 1);
  check_close(sum_to(y, {3, 1}), sum(y, {0, 2}).to_vector<double>(), 1e-12);
  CHECK(sum_to(y, {3, 1}).shape() == Shape{3, 1});
  CHECK(sum_to(y, y.shape()).storage().block() == y.storage().block());
  CHECK_THROWS_AS(sum_to(y, {2, 1}), Error);
  CHECK_THROWS_AS(sum_to(y, {1, 4, 3, 5}), Error);
}

TEST_CASE("shapes: keepdim, scalars, and nothing to reduce") {
  const Tensor x = drawn({2, 3, 4}, 2);
  CHECK(sum(x, {1}, true).shape() == Shape{2, 1, 4});
  CHECK(sum(x, {-1, 0}).shape() == Shape{3});
  const Tensor scalar = doubles({}, {2.5});
  CHECK(sum(scalar, {-1}).item() == 2.5);
  CHECK(max(scalar, 0).indices.item() == 0);
  CHECK(prod(scalar, 0).item() == 2.5);
  CHECK(cumsum(scalar, 0).item() == 2.5);
  const Tensor none(Shape{0, 3}, Dtype::f64);
  CHECK(sum(none).item() == 0);
  CHECK(prod(none, 0).to_vector<double>() == Values{1, 1, 1});
  CHECK(std::isnan(mean(none).item()));
  CHECK(std::isnan(var(none, {0}).at(1)));
  CHECK(logsumexp(none, {0}).at(0) == -infinity);
  CHECK(amax(none, {1}).numel() == 0);
  CHECK(norm(none).item() == 0);
  CHECK(cumsum(none, 0).numel() == 0);
  CHECK(all(none, 0).to_vector<int64_t>() == std::vector<int64_t>{1, 1, 1});
  CHECK(any(none, 0).to_vector<int64_t>() == std::vector<int64_t>{0, 0, 0});
  CHECK(std::isnan(var(doubles({1}, {3})).item()));
}

TEST_CASE("wrong dimensions and empty choices are refused") {
  const Tensor x = drawn({2, 3}, 3);
  CHECK_THROWS_WITH_AS(sum(x, {0, -2}), doctest::Contains("twice"), Error);
  CHECK_THROWS_AS(mean(x, {2}), Error);
  CHECK_THROWS_AS(cumsum(x, -3), Error);
  const Tensor none(Shape{0, 3}, Dtype::f64);
  CHECK_THROWS_AS(max(none), Error);
  CHECK_THROWS_AS(argmax(none), Error);
  CHECK_THROWS_AS(amax(none, {0}), Error);
  CHECK_THROWS_AS(max(none, 0), Error);
  CHECK(max(none, 1).values.numel() == 0);
  CHECK_THROWS_AS(mean(Tensor::arange(3)), Error);
  CHECK_THROWS_AS(norm(x, nan_value), Error);
}

TEST_CASE("NaN is the most extreme value, the first of equals is found, and ties share") {
  const Tensor x = doubles({2, 4}, {1, nan_value, 3, nan_value, 5, 2, 5, 2});
  CHECK(argmax(x, 1).to_vector<int64_t>() == std::vector<int64_t>{1, 0});
  CHECK(argmin(x, 1).to_vector<int64_t>() == std::vector<int64_t>{1, 1});
  CHECK(argmax(x).item() == 1);
  CHECK(std::isnan(max(x).item()));
  CHECK(std::isnan(amin(x, {0}).at(1)));
  const Tensor tall = doubles({3, 9}, Values{1, 2, 3, 4, 5, 6, 7,         8, nan_value,  //
                                             1, 9, 3, 4, 5, 6, nan_value, 8, 9,          //
                                             2, 9, 3, 0, 5, 6, 7,         9, nan_value});
  CHECK(argmax(tall, 0).to_vector<int64_t>() == std::vector<int64_t>{2, 1, 0, 0, 0, 0, 1, 2, 0});
  const Tensor tied = doubles({4}, {3, 1, 3, 2}).requires_grad();
  Tape tape;
  CHECK(tape.gradient(max(tied), tied).to_vector<double>() == Values{0.5, 0, 0.5, 0});
  CHECK(tape.gradient(max(tied, 0).values, tied).to_vector<double>() == Values{1, 0, 0, 0});
  const Extreme running = cummax(doubles({5}, {1, 3, 3, nan_value, 4}), 0);
  CHECK(running.indices.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 3, 3});
  CHECK(argmax(Tensor(Shape{3}, std::vector<int64_t>{-5, -2, -9})).item() == 1);
}

TEST_CASE("running sums and products, and derivatives of products at zeros") {
  const Tensor x = doubles({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(cumsum(x, 1).to_vector<double>() == Values{1, 3, 6, 4, 9, 15});
  CHECK(cumsum(x, 0).to_vector<double>() == Values{1, 2, 3, 5, 7, 9});
  CHECK(cumprod(x, -1).to_vector<double>() == Values{1, 2, 6, 4, 20, 120});
  const Tensor b = doubles({3}, {1, 1, 1});
  CHECK(recurrence(doubles({3}, {9, 2, 3}), b, 0).to_vector<double>() == Values{1, 3, 10});
  CHECK(recurrence(doubles({3}, {2, 3, 9}), b, 0, true).to_vector<double>() == Values{9, 4, 1});
  for (const Values& values : {Values{2, 0, 3, 4}, Values{0, 2, 0, 4}, Values{0, 0, 0, 1}, Values{1, 2, 3, 4}}) {
    const Tensor z = doubles({4}, values).requires_grad();
    Tape tape;
    const Tensor g = tape.gradient(prod(z), z, {.create_graph = true});
    Values first(4, 1);
    Values second(4, 0);  // of the sum of the gradient
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < 4; ++j) {
        if (j != i) first[i] *= values[j];
        double others = 1;
        for (size_t k = 0; k < 4; ++k) others *= k == i || k == j ? 1 : values[k];
        if (j != i) second[i] += others;
      }
    }
    CHECK(g.to_vector<double>() == first);
    check_close(tape.gradient(sum(g), z), second, 1e-12);
  }
}

TEST_CASE("where one value is zero, the second derivative of a norm is that of its formula") {
  // Of (|a|³ + |b|³)^(1/3) by a, twice, at a = 0: nothing.
  const Tensor x = doubles({2}, {0, 2}).requires_grad();
  Tape tape;
  const Tensor first = tape.gradient(norm(x, 3), x, {.create_graph = true});
  CHECK(tape.gradient(sum(first * doubles({2}, {1, 0})), x).to_vector<double>() == Values{0, 0});
}

TEST_CASE("norms and deviations have derivative zero at zero") {
  for (const double p : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0}) {
    const Tensor x = Tensor::zeros({3}, Dtype::f64).requires_grad();
    Tape tape;
    CAPTURE(p);
    CHECK(tape.gradient(norm(x, p), x).to_vector<double>() == Values{0, 0, 0});
  }
  CHECK(norm(doubles({3}, {0, -2, 5}), 0).item() == 2);
  for (const double p : {0.0, 0.5, 1.0, 2.0, 3.0, -1.0, infinity, -infinity})
    CHECK(norm(Tensor::zeros({2, 0}), p, {1}).to_vector<float>() == std::vector<float>{0, 0});
  CHECK(norm(doubles({3}, {0, -7, 5}), infinity).item() == 7);
  CHECK(norm(doubles({3}, {3, -7, 5}), -infinity).item() == 3);
  const Tensor flat = Tensor::full({3}, 2, Dtype::f64).requires_grad();
  Tape tape;
  CHECK(tape.gradient(standard_deviation(flat), flat).to_vector<double>() == Values{0, 0, 0});
  const Tensor zeros = Tensor::zeros({1, 3}, Dtype::f64);
  CHECK(normalize(zeros).to_vector<double>() == Values{0, 0, 0});
  CHECK(cosine_similarity(zeros, zeros).item() == 0);
}

TEST_CASE("logsumexp does not overflow and keeps infinities") {
  const Tensor x = doubles({4, 2}, {1000, 1000, -infinity, -infinity, infinity, 1, -infinity, 3});
  const Tensor y = logsumexp(x, {1});
  CHECK(y.at(0) == doctest::Approx(1000 + std::log(2)));
  CHECK(y.at(1) == -infinity);
  CHECK(y.at(2) == infinity);
  CHECK(y.at(3) == 3);
}

TEST_CASE("all, any and count_nonzero") {
  const Tensor x = doubles({2, 3}, {1, 0, 2, nan_value, 4, 5});
  CHECK(all(x, 1).to_vector<int64_t>() == std::vector<int64_t>{0, 1});
  CHECK(any(x, 0, true).shape() == Shape{1, 3});
  CHECK(all(x).item() == 0);
  CHECK(count_nonzero(x, 0).to_vector<int64_t>() == std::vector<int64_t>{2, 1, 2});
  CHECK(count_nonzero(x).item() == 5);
}

TEST_CASE("int64 sums and products wrap around") {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const Tensor x(Shape{2}, std::vector<int64_t>{most, 2});
  CHECK(sum(x).to_vector<int64_t>()[0] == std::numeric_limits<int64_t>::min() + 1);
  CHECK(cumsum(x, 0).to_vector<int64_t>()[1] == std::numeric_limits<int64_t>::min() + 1);
  CHECK(prod(x).to_vector<int64_t>()[0] == -2);
  CHECK(cumprod(x, 0).to_vector<int64_t>()[1] == -2);
}

}  // namespace tarn::test_ops_reduce
