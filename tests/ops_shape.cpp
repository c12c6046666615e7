// Ops that rearrange, join, cut and pad, against index arithmetic; with empty tensors and arguments that must be
// refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "core/ops.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_ops_shape {
namespace {

using Index = std::vector<int64_t>;

/// A tensor whose elements are 0, 1, 2, …
Tensor counted(const Shape& shape, Dtype dtype = Dtype::f32) {
  return reshape(Tensor::arange(shape.numel(), dtype), shape);
}

int64_t flat(const Shape& shape, const Index& index) {
  int64_t at = 0;
  for (int d = 0; d < shape.rank(); ++d) at = at * shape[d] + index[static_cast<size_t>(d)];
  return at;
}

/// Checks y[index] = x[source(index)] for every index; a source of -1 stands for `outside`.
void check_moved(const Tensor& y, const std::function<int64_t(const Index&)>& source, double outside = 0) {
  Index index(static_cast<size_t>(y.rank()));
  int64_t wrong = 0;
  for (int64_t i = 0; i < y.numel(); ++i) {
    int64_t rest = i;
    for (int d = y.rank() - 1; d >= 0; --d) {
      index[static_cast<size_t>(d)] = rest % y.shape()[d];
      rest /= y.shape()[d];
    }
    const int64_t from = source(index);
    const double want = from < 0 ? outside : static_cast<double>(from);
    wrong += y.at(i) != want;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("permute moves every element, for every order of dimensions and dtype") {
  const Shape shapes[] = {{5, 7}, {40, 33}, {2, 3, 4}, {17, 2, 20}, {3, 1, 6, 5}, {0, 3, 2}};
  for (const Shape& s : shapes) {
    for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::i64}) {
      const Tensor x = counted(s, dtype);
      Dims order(static_cast<size_t>(s.rank()));
      for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int64_t>(d);
      do {
        const Tensor y = permute(x, order);
        CAPTURE(s.text());
        CHECK(y.dtype() == dtype);
        check_moved(y, [&](const Index& i) {
          Index from(i.size());
          for (size_t d = 0; d < i.size(); ++d) from[static_cast<size_t>(order[d])] = i[d];
          return flat(s, from);
        });
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
  const Tensor big = counted({300, 500});
  check_moved(transpose(big, 0, 1), [](const Index& i) { return i[1] * 500 + i[0]; });
  const Tensor batch = counted({3, 130, 70});
  check_moved(transpose(batch, 1, 2), [](const Index& i) { return (i[0] * 130 + i[2]) * 70 + i[1]; });
  CHECK_THROWS_AS(permute(big, {0, 0}), Error);
  CHECK_THROWS_AS(permute(big, {0}), Error);
}

TEST_CASE("reshape infers one size, shares storage and refuses what does not fit") {
  const Tensor x = counted({2, 6});
  CHECK(reshape(x, Dims{3, -1}).shape() == Shape{3, 4});
  CHECK(reshape(x, Dims{-1}).storage().block() == x.storage().block());
  CHECK(reshape(Tensor(Shape{0, 3}), Dims{3, 0}).shape() == Shape{3, 0});
  CHECK(reshape(Tensor::full({}, 2), Dims{1}).shape() == Shape{1});
  for (const Dims& wrong : {Dims{5}, Dims{-1, -1}, Dims{-2, -3}, Dims{-1, 5}, Dims{1, 1, 1, 1, 1, 1, 12},
                            Dims{int64_t{1} << 62, int64_t{1} << 62}, Dims{-1, int64_t{1} << 40, int64_t{1} << 40}})
    CHECK_THROWS_AS(reshape(x, wrong), Error);
  CHECK_THROWS_AS(reshape(Tensor(Shape{0, 2}), Dims{-1, 0}), Error);
  CHECK(flatten(counted({2, 3, 2, 2}), 1, 2).shape() == Shape{2, 6, 2});
  CHECK(flatten(Tensor::full({}, 1)).shape() == Shape{1});
  CHECK_THROWS_AS(flatten(x, 1, 0), Error);
  CHECK(squeeze(counted({1, 3, 1})).shape() == Shape{3});
  CHECK(squeeze(counted({1, 3, 1}), -1).shape() == Shape{1, 3});
  CHECK(squeeze(x, 0).shape() == Shape{2, 6});
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 6, 1});
  CHECK_THROWS_AS(unsqueeze(x, 3), Error);
}

TEST_CASE("expand and repeat copy, and refuse what would be absurd") {
  const Tensor x = counted({3, 1});
  check_moved(expand(x, Dims{2, -1, 4}), [](const Index& i) { return i[1]; });
  check_moved(broadcast_to(counted({3}), {2, 3}), [](const Index& i) { return i[1]; });
  check_moved(repeat(counted({2, 3}), Dims{2, 2, 2}), [](const Index& i) { return i[1] % 2 * 3 + i[2] % 3; });
  CHECK(repeat(counted({2, 3}), Dims{0, 1}).numel() == 0);
  CHECK(expand(counted({1, 3}), Dims{0, 3}).numel() == 0);
  CHECK_THROWS_AS(expand(counted({2, 3}), Dims{3, 3}), Error);
  CHECK_THROWS_AS(expand(counted({1, 3}), Dims{3}), Error);
  CHECK_THROWS_AS(expand(x, Dims{-1, 3, 4}), Error);
  CHECK_THROWS_AS(expand(counted({1}), Dims{int64_t{1} << 62}), Error);
  CHECK_THROWS_AS(repeat(counted({2}), Dims{int64_t{1} << 62}), Error);
  CHECK_THROWS_AS(repeat(counted({2}), Dims{-1}), Error);
  CHECK_THROWS_AS(repeat(counted({2, 2}), Dims{2}), Error);
  check_moved(repeat_interleave(counted({3, 2}), 2, 0), [](const Index& i) { return i[0] / 2 * 2 + i[1]; });
}

TEST_CASE("cat and stack join, split and chunk cut again") {
  const Tensor a = counted({2, 3});
  const Tensor b = counted({2, 1});
  const Tensor parts[] = {a, b, Tensor(Shape{0})};
  const Tensor y = cat(parts, -1);
  CHECK(y.to_vector<float>() == std::vector<float>{0, 1, 2, 0, 3, 4, 5, 1});
  const Tensors again = split(y, Dims{3, 1}, 1);
  CHECK(again[0].to_vector<float>() == a.to_vector<float>());
  CHECK(again[1].to_vector<float>() == b.to_vector<float>());
  const Tensor rows[] = {counted({3}), counted({3})};
  CHECK(stack(rows, -1).shape() == Shape{3, 2});
  CHECK(stack(rows, 1).to_vector<float>() == std::vector<float>{0, 0, 1, 1, 2, 2});
  const Tensors thirds = chunk(counted({7, 2}), 3);
  CHECK(thirds.size() == 3);
  CHECK(thirds[2].shape() == Shape{1, 2});
  CHECK(split(counted({7, 2}), 3).back().shape() == Shape{1, 2});
  CHECK(unbind(counted({3, 2})).size() == 3);
  const Tensor wrong[] = {a, counted({2, 3, 1})};
  CHECK_THROWS_AS(cat(wrong), Error);
  const Tensor mixed[] = {a, a.to(Dtype::f64)};
  CHECK_THROWS_AS(cat(mixed), Error);
  CHECK_THROWS_AS(cat(Tensors{}), Error);
  CHECK_THROWS_AS(cat(parts, 2), Error);
  CHECK_THROWS_AS(stack(Tensors{a, b}), Error);
  CHECK_THROWS_AS(split(a, Dims{1, 1}, 1), Error);
  CHECK_THROWS_AS(split(a, Dims{-1, 3}, 0), Error);
  CHECK_THROWS_AS(split(a, -1), Error);
  CHECK_THROWS_AS(split(a, 0), Error);
  CHECK(split(a, std::numeric_limits<int64_t>::max()).size() == 1);
  CHECK_THROWS_AS(chunk(a, 0), Error);
  const Tensor ints[] = {Tensor::arange(2), Tensor::arange(3)};
  CHECK(cat(ints).to_vector<int64_t>() == std::vector<int64_t>{0, 1, 0, 1, 2});
}

TEST_CASE("slices follow Python's bounds") {
  for (const Shape& s : {Shape{7}, Shape{7, 5}, Shape{2, 7, 3}}) {
    const int64_t dim = s.rank() == 3 ? 1 : 0;
    const Tensor x = counted(s);
    for (int64_t start = -9; start <= 9; ++start) {
      for (int64_t end = -9; end <= 9; ++end) {
        for (const int64_t step : {1, 2, 3, 100}) {
          const auto clip = [](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + 7 : i, 0, 7); };
          Index kept;
          for (int64_t i = clip(start); i < clip(end); i += step) kept.push_back(i);
          const Tensor y = slice(x, dim, start, end, step);
          REQUIRE(y.size(dim) == static_cast<int64_t>(kept.size()));
          check_moved(y, [&](const Index& i) {
            Index from = i;
            from[static_cast<size_t>(dim)] = kept[static_cast<size_t>(i[static_cast<size_t>(dim)])];
            return flat(s, from);
          });
        }
      }
    }
  }
  const Tensor x = counted({5, 2});
  CHECK(slice(x, 0, 0, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max()).shape() ==
        Shape{1, 2});
  CHECK(slice(x, 0, std::numeric_limits<int64_t>::min(), 2).shape() == Shape{2, 2});
  CHECK_THROWS_AS(slice(x, 0, 0, 2, 0), Error);
  CHECK(narrow(x, 0, -3, 2).at(0) == 4);
  CHECK(narrow(x, 0, 5, 0).numel() == 0);
  CHECK_THROWS_AS(narrow(x, 0, 3, 3), Error);
  CHECK_THROWS_AS(narrow(x, 0, 6, 0), Error);
  CHECK_THROWS_AS(narrow(x, 0, 0, -1), Error);
  CHECK_THROWS_AS(narrow(x, 0, 1, std::numeric_limits<int64_t>::max()), Error);
  CHECK(select(x, 1, -1).to_vector<float>() == std::vector<float>{1, 3, 5, 7, 9});
  CHECK_THROWS_AS(select(x, 0, 5), Error);
  CHECK_THROWS_AS(select(Tensor::full({}, 1), 0, 0), Error);
}

TEST_CASE("flip, roll, triangles and diagonals") {
  const Tensor x = counted({2, 3, 4});
  check_moved(flip(x, {0, -1}), [](const Index& i) { return ((1 - i[0]) * 3 + i[1]) * 4 + 3 - i[2]; });
  check_moved(roll(x, Dims{1, -6}, {1, 2}),
              [](const Index& i) { return (i[0] * 3 + (i[1] + 2) % 3) * 4 + (i[2] + 6) % 4; });
  CHECK(roll(counted({2, 2}), Dims{1}).to_vector<float>() == std::vector<float>{3, 0, 1, 2});
  CHECK_THROWS_AS(roll(x, Dims{1, 2}, {0}), Error);
  CHECK_THROWS_AS(flip(x, {0, 0}), Error);
  CHECK_THROWS_AS(flip(x, {3}), Error);
  for (int64_t k = -4; k <= 5; ++k) {
    check_moved(tril(x, k), [&](const Index& i) { return i[2] - i[1] <= k ? flat(x.shape(), i) : -1; });
    check_moved(triu(x, k), [&](const Index& i) { return i[2] - i[1] >= k ? flat(x.shape(), i) : -1; });
    const Tensor d = diagonal(x, k, 1, 2);
    const int64_t length = std::max<int64_t>(0, std::min(3 + std::min<int64_t>(k, 0), 4 - std::max<int64_t>(k, 0)));
    CHECK(d.shape() == Shape{2, length});
    check_moved(d, [&](const Index& i) {
      return (i[0] * 3 + i[1] - std::min<int64_t>(k, 0)) * 4 + i[1] + std::max<int64_t>(k, 0);
    });
  }
  CHECK(diagonal(x, std::numeric_limits<int64_t>::min(), 1, 2).numel() == 0);
  CHECK_THROWS_AS(diagonal(x, 0, 1, -2), Error);
  CHECK_THROWS_AS(tril(counted({3})), Error);
}

TEST_CASE("padding: constants, reflections, edges, circles and crops") {
  const Tensor x = counted({1, 2, 5});
  check_moved(
      pad(x, Dims{2, -1, 1, 0}, "constant", 9),
      [](const Index& i) { return i[2] < 2 || i[1] < 1 ? -1 : (i[1] - 1) * 5 + i[2] - 2; }, 9);
  const auto row = [&](const Dims& sizes, const char* mode) {
    return narrow(pad(x, sizes, mode), 1, 0, 1).to_vector<float>();
  };
  CHECK(row({2, 1}, "reflect") == std::vector<float>{2, 1, 0, 1, 2, 3, 4, 3});
  CHECK(row({7, 1}, "replicate") == std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 4});
  CHECK(row({2, 1}, "circular") == std::vector<float>{3, 4, 0, 1, 2, 3, 4, 0});
  CHECK(row({-1, 2}, "circular") == std::vector<float>{1, 2, 3, 4, 1, 2});
  CHECK(row({-1, 2}, "reflect") == std::vector<float>{1, 2, 3, 4, 3, 2});
  CHECK(pad(counted({3, 4}), Dims{-2, -2}).shape() == Shape{3, 0});
  CHECK(pad(Tensor(Shape{0, 3}), Dims{1, 1}).shape() == Shape{0, 5});
  CHECK(pad(Tensor::arange(2), Dims{1, 0}).to_vector<int64_t>() == std::vector<int64_t>{0, 0, 1});
  const int64_t far = std::numeric_limits<int64_t>::min();
  for (const char* mode : {"reflect", "replicate", "circular", "constant"}) {
    CAPTURE(mode);
    CHECK_THROWS_AS(pad(x, Dims{1}, mode), Error);
    CHECK_THROWS_AS(pad(x, Dims{-5, -1}, mode), Error);
    CHECK_THROWS_AS(pad(x, Dims{far, far}, mode), Error);
    CHECK_THROWS_AS(pad(x, Dims{int64_t{1} << 46, int64_t{1} << 46}, mode), Error);
    CHECK_THROWS_AS(pad(x, Dims{1, 1, 1, 1, 1, 1, 1, 1}, mode), Error);
  }
  CHECK_THROWS_AS(pad(x, Dims{5, 0}, "reflect"), Error);
  CHECK_THROWS_AS(pad(x, Dims{6, 0}, "circular"), Error);
  CHECK_THROWS_AS(pad(x, Dims{1, 1}, "symmetric"), Error);
}

TEST_CASE("constants around any dimensions, and crops of them, last dimension first") {
  const Tensor x = counted({3, 4, 5, 6});
  for (const Dims& sizes :
       {Dims{1, 2}, Dims{0, 0, 1, 2}, Dims{0, 0, 0, 0, 2, -1}, Dims{1, 1, -1, 2, 0, 0, 1, 0}, Dims{-2, 3, 0, 0, -1, -1},
        Dims{0, 0, 0, 0, 0, 0, -1, 2}, Dims{-5, 7, 2, 2, 3, -4}, Dims{1, 1, -5, 1}}) {
    check_moved(
        pad(x, sizes, "constant", -1),
        [&](const Index& i) {
          Index from = i;
          for (size_t d = 0; d < 4; ++d) {
            const size_t at = 2 * (3 - d);
            from[d] -= at < sizes.size() ? sizes[at] : 0;
            if (from[d] < 0 || from[d] >= x.shape()[static_cast<int>(d)]) return int64_t{-1};
          }
          return flat(x.shape(), from);
        },
        -1);
  }
}

TEST_CASE("cast changes the dtype and its gradient comes back in the first one") {
  const Tensor x = counted({3}).requires_grad();
  Tape tape;
  const Tensor y = cast(x, Dtype::f64);
  CHECK(y.dtype() == Dtype::f64);
  const Tensor g = tape.gradient(sum(y * y), x);
  CHECK(g.to_vector<float>() == std::vector<float>{0, 2, 4});
  CHECK(cast(x, Dtype::i64).to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2});
}

}  // namespace tarn::test_ops_shape
