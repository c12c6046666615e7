// Indexing, scattering, tables and sorting against loops; positions outside a tensor are refused everywhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_ops_index {
namespace {

using Ints = std::vector<int64_t>;
using Values = std::vector<double>;

Tensor ints(const Shape& shape, const Ints& values) {
  return Tensor(shape, values);
}
Tensor drawn(const Shape& shape, uint64_t purpose, Dtype dtype = Dtype::f64) {
  return normal(shape, Stream{3, purpose, 0}, 0, 1, dtype);
}
Tensor positions(const Shape& shape, int64_t n, uint64_t purpose) {
  Ints values;
  for (int64_t i = 0; i < shape.numel(); ++i)
    values.push_back(Stream{4, purpose, 0}.below(static_cast<uint64_t>(i), n));
  return ints(shape, values);
}

/// Position in `table` of element i of `index`, along `dim`.
int64_t found(const Shape& index, int64_t i, const Shape& table, int dim, int64_t at) {
  int64_t place = 0;
  int64_t step = 1;
  for (int d = index.rank() - 1; d >= 0; --d) {
    place += (d == dim ? at : i % index[d]) * step;
    i /= index[d];
    step *= table[d];
  }
  return place;
}

}  // namespace

TEST_CASE("gather, scatter and scatter_add agree with loops") {
  const Shape tables[] = {{6}, {4, 5}, {3, 4, 5}};
  const Shape indexes[] = {{9}, {3, 4}, {2, 4, 3}};
  for (size_t c = 0; c < 3; ++c) {
    for (int dim = 0; dim < tables[c].rank(); ++dim) {
      for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
        const Tensor x = drawn(tables[c], c, dtype);
        const Tensor index = positions(indexes[c].with(dim, 7), tables[c][dim], c);
        const Tensor source = drawn(index.shape(), c + 10, dtype);
        const Tensor y = gather(x, dim, index);
        Values put_there = x.to(Dtype::f64).to_vector<double>();
        Values added = put_there;
        for (int64_t i = 0; i < index.numel(); ++i) {
          const int64_t at = found(index.shape(), i, x.shape(), dim, index.data<int64_t>()[i]);
          CHECK(y.at(i) == x.at(at));
          put_there[static_cast<size_t>(at)] = source.at(i);
          added[static_cast<size_t>(at)] += source.at(i);
        }
        CHECK(scatter(x, dim - x.rank(), index, source).to(Dtype::f64).to_vector<double>() == put_there);
        const Tensor sums = scatter_add(x, dim, index, source);
        for (int64_t i = 0; i < sums.numel(); ++i)
          CHECK(sums.at(i) == doctest::Approx(added[static_cast<size_t>(i)]).epsilon(1e-5));
      }
    }
  }
  const Tensor whole = Tensor::arange(6);
  CHECK(gather(whole, 0, ints({2}, {5, 0})).to_vector<int64_t>() == Ints{5, 0});
  CHECK(gather(Tensor::full({}, 3), 0, ints({}, {0})).item() == 3);
  CHECK(gather(drawn({0, 3}, 1), 1, ints({0, 2}, {})).numel() == 0);
}

TEST_CASE("index_select and index_add agree with loops") {
  const Tensor x = drawn({4, 3, 5}, 1);
  for (int dim = 0; dim < 3; ++dim) {
    const Tensor index = positions({6}, x.shape()[dim], static_cast<uint64_t>(dim));
    const Tensor y = index_select(x, dim, index);
    CHECK(y.shape() == x.shape().with(dim, 6));
    Tensor parts;
    for (int64_t k = 0; k < 6; ++k) {
      const Tensor part = narrow(x, dim, index.data<int64_t>()[k], 1);
      CHECK(narrow(y, dim, k, 1).to_vector<double>() == part.to_vector<double>());
    }
    const Tensor source = drawn(y.shape(), 2);
    Tensor want = x;
    for (int64_t k = 0; k < 6; ++k) {
      Dims around(6);
      const size_t pair = static_cast<size_t>(2 * (2 - dim));
      around[pair] = index.data<int64_t>()[k];
      around[pair + 1] = x.shape()[dim] - 1 - around[pair];
      want = want + pad(narrow(source, dim, k, 1), around) * 0.5;
    }
    const Tensor got = index_add(x, dim, index, source, 0.5);
    CHECK(amax(abs(got - want)).item() < 1e-12);
  }
  CHECK(index_select(x, 0, ints({0}, {})).shape() == Shape{0, 3, 5});
  CHECK(index_select(Tensor::arange(5), 0, ints({}, {3})).shape() == Shape{1});
}

TEST_CASE("take and put are each other's transpose") {
  const Tensor x = drawn({3, 4}, 1);
  const Tensor index = ints({5}, {0, 11, -1, 4, 4});
  const Tensor y = take(x, index);
  CHECK(y.to_vector<double>() == Values{x.at(0), x.at(11), x.at(11), x.at(4), x.at(4)});
  const Tensor g = drawn({5}, 2);
  CHECK(sum(y * g).item() == doctest::Approx(sum(x * put(g, index, x.shape())).item()));
  CHECK(take(Tensor::arange(3), ints({}, {2})).shape() == Shape{});
  CHECK(put(drawn({0}, 1), ints({0}, {}), {2}).to_vector<double>() == Values{0, 0});
}

TEST_CASE("positions outside a tensor, wrong dtypes and wrong shapes are refused") {
  const Tensor x = drawn({3, 2}, 1);
  const Tensor one = drawn({1, 1}, 2);
  for (const int64_t wrong : {int64_t{3}, int64_t{-1}, int64_t{1} << 40, std::numeric_limits<int64_t>::min()}) {
    const Tensor square = ints({1, 1}, {wrong});
    const Tensor row = ints({1}, {wrong});
    CAPTURE(wrong);
    CHECK_THROWS_WITH_AS(gather(x, 0, square), doctest::Contains("is outside [0, 2]"), Error);
    CHECK_THROWS_AS(scatter(x, 0, square, one), Error);
    CHECK_THROWS_AS(scatter_add(x, 0, square, one), Error);
    CHECK_THROWS_AS(index_select(x, 0, row), Error);
    CHECK_THROWS_AS(index_add(x, 0, row, drawn({1, 2}, 1)), Error);
    CHECK_THROWS_AS(embedding(row, x), Error);
    CHECK_THROWS_AS(embedding_renorm(x, row, 1), Error);
    CHECK_THROWS_AS(one_hot(row, 3), Error);
  }
  CHECK_THROWS_AS(take(x, ints({1}, {6})), Error);
  CHECK_THROWS_AS(take(x, ints({1}, {-7})), Error);
  CHECK_THROWS_AS(put(drawn({1}, 1), ints({1}, {6}), {3, 2}), Error);
  CHECK_THROWS_AS(put(drawn({2}, 1), ints({1}, {0}), {3, 2}), Error);
  CHECK_THROWS_AS(gather(x, 0, ints({2, 3}, Ints(6))), Error);
  CHECK_THROWS_AS(gather(x, 0, ints({2}, Ints(2))), Error);
  CHECK_THROWS_AS(gather(x, 0, x), Error);
  CHECK_THROWS_AS(scatter_add(x, 0, ints({2, 2}, Ints(4)), drawn({1, 2}, 1)), Error);
  CHECK_THROWS_AS(index_add(x, 0, ints({2}, {0, 1}), drawn({1, 2}, 1)), Error);
  CHECK_THROWS_AS(embedding(ints({1}, {0}), x, 3), Error);
  CHECK_THROWS_AS(embedding(drawn({2}, 1), x), Error);
  CHECK_THROWS_AS(one_hot(ints({2}, {-1, 2})), Error);
  CHECK_THROWS_AS(one_hot(ints({1}, {std::numeric_limits<int64_t>::max()})), Error);
}

TEST_CASE("embedding looks rows up; padding rows get no gradient, frequent ones may share theirs") {
  const Tensor table = drawn({4, 2}, 1).requires_grad();
  const Tensor index = ints({2, 2}, {1, 3, 1, 0});
  Tape tape;
  const Tensor y = embedding(index, table, 3);
  CHECK(y.shape() == Shape{2, 2, 2});
  CHECK(y.at(2) == table.at(6));
  CHECK(tape.gradient(sum(y), table).to_vector<double>() == Values{1, 1, 2, 2, 0, 0, 0, 0});
  const Tensor shared = embedding(index, table, {}, true);
  CHECK(tape.gradient(sum(shared), table).to_vector<double>() == Values{1, 1, 1, 1, 0, 0, 1, 1});
  CHECK(one_hot(ints({2}, {2, 0})).to_vector<int64_t>() == Ints{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(ints({}, {1}), 3).shape() == Shape{3});
  const Tensor long_rows = Tensor::full({2, 4}, 2, Dtype::f64);
  const Tensor shorter = embedding_renorm(long_rows, ints({1}, {1}), 1);
  CHECK(shorter.at(0) == 2);
  CHECK(shorter.at(7) == doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("sort and topk are stable and count NaN as the largest") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x(Shape{7}, Values{2, nan, 1, 2, nan, -5, 1});
  CHECK(sort(x).indices.to_vector<int64_t>() == Ints{5, 2, 6, 0, 3, 1, 4});
  CHECK(sort(x, 0, true).indices.to_vector<int64_t>() == Ints{1, 4, 0, 3, 2, 6, 5});
  CHECK(topk(x, 3).indices.to_vector<int64_t>() == Ints{1, 4, 0});
  CHECK(topk(x, 2, 0, false).values.to_vector<double>() == Values{-5, 1});
  CHECK(topk(x, 0).values.shape() == Shape{0});
  CHECK_THROWS_AS(topk(x, 8), Error);
  CHECK_THROWS_AS(topk(x, -1), Error);
  CHECK_THROWS_AS(sort(x, 1), Error);
  CHECK(sort(Tensor::full({}, 4)).values.item() == 4);
  CHECK(sort(Tensor(Shape{0, 2}), 0).values.numel() == 0);
  CHECK(sort(Tensor(Shape{3}, Ints{3, 1, 2})).values.to_vector<int64_t>() == Ints{1, 2, 3});
  const Tensor cube = drawn({3, 50, 4}, 9);
  const Tensor ordered = sort(cube, 1).values;
  for (int64_t o = 0; o < 3; ++o) {
    for (int64_t i = 0; i < 4; ++i) {
      Values line;
      for (int64_t k = 0; k < 50; ++k) line.push_back(cube.at((o * 50 + k) * 4 + i));
      std::sort(line.begin(), line.end());
      for (int64_t k = 0; k < 50; ++k) CHECK(ordered.at((o * 50 + k) * 4 + i) == line[static_cast<size_t>(k)]);
    }
  }
}

}  // namespace tarn::test_ops_index
