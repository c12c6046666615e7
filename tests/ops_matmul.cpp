// Matrix products against triple loops: every pairing of ranks, transposes, sizes around the cuts, empties, and wrong
// shapes.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/kernels/gemm.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_ops_matmul {
namespace {

Tensor drawn(const Shape& shape, uint64_t purpose, Dtype dtype = Dtype::f64) {
  return normal(shape, Stream{5, purpose, 0}, 0, 1, dtype);
}

/// The product of matrices a [m, k] and b [k, n] at the given offsets, element by element.
double element(const Tensor& a, int64_t from_a, const Tensor& b, int64_t from_b, int64_t i, int64_t j, int64_t k,
               int64_t n) {
  double s = 0;
  for (int64_t q = 0; q < k; ++q) s += a.at(from_a + i * k + q) * b.at(from_b + q * n + j);
  return s;
}

double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return a.numel() == 0 ? 0 : amax(abs(a.to(Dtype::f64) - b.to(Dtype::f64))).item();
}

}  // namespace

TEST_CASE("bmm agrees with a triple loop for every transposition and precision") {
  for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
    for (const int64_t m : {1, 3, 40}) {
      for (const int64_t n : {1, 5, 33}) {
        for (const int64_t k : {1, 4, 17}) {
          const Tensor a = drawn({2, m, k}, 1, dtype);
          const Tensor b = drawn({2, k, n}, 2, dtype);
          const Tensor y = bmm(a, b);
          for (int64_t i = 0; i < y.numel(); ++i) {
            const int64_t c = i / (m * n);
            const double want = element(a, c * m * k, b, c * k * n, i / n % m, i % n, k, n);
            REQUIRE(std::abs(y.at(i) - want) < (dtype == Dtype::f64 ? 1e-12 : 1e-4));
          }
          const Tensor at = transpose(a, 1, 2);
          const Tensor bt = transpose(b, 1, 2);
          const double tolerance = dtype == Dtype::f64 ? 1e-12 : 1e-4;
          CHECK(distance(bmm(at, b, true, false), y) < tolerance);
          CHECK(distance(bmm(a, bt, false, true), y) < tolerance);
          CHECK(distance(bmm(at, bt, true, true), y) < tolerance);
        }
      }
    }
  }
}

TEST_CASE("large products are cut into pieces that give the same bits on any number of threads") {
  for (const Shape& s : {Shape{300, 260, 130}, Shape{1000, 40, 200}, Shape{20, 900, 300}, Shape{257, 129, 515}}) {
    const Tensor a = drawn({s[0], s[2]}, 1, Dtype::f32);
    const Tensor b = drawn({s[2], s[1]}, 2, Dtype::f32);
    const Tensor y = mm(a, b);
    const Tensor exact = mm(a.to(Dtype::f64), b.to(Dtype::f64));
    CHECK(distance(y, exact) < 1e-3);
    for (const int64_t i : {int64_t{0}, s[0] / 2, s[0] - 1}) {
      for (const int64_t j : {int64_t{0}, s[1] / 2, s[1] - 1})
        CHECK(std::abs(exact.at(i * s[1] + j) - element(a, 0, b, 0, i, j, s[2], s[1])) < 1e-9);
    }
    const int before = threads();
    set_threads(1);
    CHECK(mm(a, b).to_vector<float>() == y.to_vector<float>());
    set_threads(before);
  }
}

TEST_CASE("matmul pairs ranks as torch.matmul does") {
  struct Pair {
    Shape a, b, y;
  };
  const Pair pairs[] = {{{3}, {3}, {}},
                        {{2, 3}, {3}, {2}},
                        {{3}, {3, 2}, {2}},
                        {{2, 3, 4}, {4}, {2, 3}},
                        {{3}, {2, 3, 4}, {2, 4}},
                        {{2, 3, 4}, {4, 2}, {2, 3, 2}},
                        {{3, 4}, {2, 4, 3}, {2, 3, 3}},
                        {{1, 2, 3}, {4, 3, 2}, {4, 2, 2}},
                        {{2, 1, 2, 3}, {3, 3, 2}, {2, 3, 2, 2}},
                        {{0, 3}, {3, 2}, {0, 2}},
                        {{2, 0}, {0, 3}, {2, 3}},
                        {{2, 0, 3}, {2, 3, 2}, {2, 0, 2}},
                        {{0, 2, 3}, {3, 4}, {0, 2, 4}},
                        {{0, 2, 3}, {1, 3, 4}, {0, 2, 4}}};
  for (const Pair& p : pairs) {
    const Tensor a = drawn(p.a, 1);
    const Tensor b = drawn(p.b, 2);
    const Tensor y = matmul(a, b);
    CAPTURE(p.a.text());
    CAPTURE(p.b.text());
    REQUIRE(y.shape() == p.y);
    // The same by broadcasting: sum over k of a[..., m, k, 1] · b[..., 1, k, n].
    const Tensor left = p.a.rank() == 1 ? reshape(a, Shape{1, p.a[0]}) : a;
    const Tensor right = p.b.rank() == 1 ? reshape(b, Shape{p.b[0], 1}) : b;
    const Tensor plain = sum(unsqueeze(left, -1) * unsqueeze(right, -3), {-2});
    CHECK(distance(reshape(plain, p.y), y) < 1e-12);
  }
  CHECK(distance(mv(drawn({2, 3}, 1), drawn({3}, 2)), matmul(drawn({2, 3}, 1), drawn({3}, 2))) == 0);
  CHECK(outer(drawn({2}, 1), drawn({3}, 2)).shape() == Shape{2, 3});
}

TEST_CASE("addmm scales both terms, and with beta 0 the first does not count") {
  const Tensor a = drawn({3, 4}, 1);
  const Tensor b = drawn({4, 2}, 2);
  const Tensor row = drawn({2}, 3);
  CHECK(distance(addmm(row, a, b, 0.5, -2), row * 0.5 - mm(a, b) * 2) < 1e-12);
  const Tensor bad = Tensor::full({3, 2}, std::numeric_limits<double>::quiet_NaN(), Dtype::f64);
  CHECK(distance(addmm(bad, a, b, 0, 1), mm(a, b)) == 0);
  CHECK_THROWS_AS(addmm(drawn({4, 2}, 1), a, b), Error);
}

TEST_CASE("linear equals a product with the transposed weight, and so do its gradients") {
  for (const Shape& s : {Shape{5}, Shape{3, 5}, Shape{2, 3, 5}, Shape{0, 5}, Shape{40, 5}}) {
    const Tensor x = drawn(s, 1).requires_grad();
    const Tensor w = drawn({4, 5}, 2).requires_grad();
    const Tensor b = drawn({4}, 3).requires_grad();
    Tape tape;
    const Tensor y = linear(x, w, b);
    const Tensor plain = matmul(x, transpose(w, 0, 1)) + b;
    CHECK(distance(y, plain) < 1e-12);
    const Tensor g = drawn(y.shape(), 4);
    const Tensor wrt[] = {x, w, b};
    const Tensors got = tape.gradient(y, wrt, {.keep = true, .seed = g});
    const Tensors want = tape.gradient(plain, wrt, {.seed = g});
    for (size_t i = 0; i < 3; ++i) CHECK(distance(got[i], want[i]) < 1e-12);
  }
  CHECK(linear(drawn({2, 0}, 1), drawn({3, 0}, 1), drawn({3}, 1)).shape() == Shape{2, 3});
  CHECK(linear(drawn({2, 4}, 1), drawn({0, 4}, 1)).shape() == Shape{2, 0});
}

TEST_CASE("einsum contracts, keeps, sums and takes diagonals") {
  const Tensor a = drawn({2, 3, 4}, 1);
  const Tensor b = drawn({2, 5, 4}, 2);
  const Tensor square = drawn({3, 3}, 3);
  const Tensors ab{a, b};
  CHECK(distance(einsum("bij,bkj->bik", ab), bmm(a, b, false, true)) < 1e-12);
  CHECK(distance(einsum("bij,bkj->kb", ab), permute(sum(bmm(a, b, false, true), {1}), {1, 0})) < 1e-12);
  CHECK(distance(einsum("bij->jb", Tensors{a}), permute(sum(a, {1}), {1, 0})) < 1e-12);
  CHECK(distance(einsum("ii->i", Tensors{square}), diagonal(square)) == 0);
  CHECK(distance(einsum("ii", Tensors{square}), sum(diagonal(square))) < 1e-12);
  CHECK(distance(einsum("ij,j", Tensors{square, drawn({3}, 4)}), mv(square, drawn({3}, 4))) < 1e-12);
  CHECK(distance(einsum("i,j->ij", Tensors{drawn({3}, 4), drawn({2}, 5)}), outer(drawn({3}, 4), drawn({2}, 5))) <
        1e-12);
  CHECK(distance(einsum("bi,bi->bi", Tensors{drawn({2, 3}, 1), drawn({1, 3}, 2)}),
                 drawn({2, 3}, 1) * drawn({1, 3}, 2)) < 1e-12);
  CHECK(distance(einsum("bii->bi", Tensors{drawn({2, 3, 3}, 1)}), diagonal(drawn({2, 3, 3}, 1), 0, 1, 2)) == 0);
  for (const char* wrong : {"ij,jk->ik", "i.->i", "ij->ijk", "ij->ii", "ijk->i", "", "->", "i\xff->i"})
    CHECK_THROWS_AS(einsum(wrong, Tensors{square}), Error);
  CHECK_THROWS_AS(einsum("ij,jk->ik", Tensors{square, drawn({4, 2}, 1)}), Error);
}

TEST_CASE("products of the wrong shapes say what is wrong") {
  CHECK_THROWS_WITH_AS(matmul(drawn({2, 3}, 1), drawn({4, 5}, 1)), "matmul: [2,3] x [4,5]: inner sizes 3 and 4 differ",
                       Error);
  CHECK_THROWS_AS(matmul(drawn({}, 1), drawn({3}, 1)), Error);
  CHECK_THROWS_AS(matmul(drawn({2, 3, 4}, 1), drawn({3, 4, 2}, 1)), Error);
  CHECK_THROWS_AS(matmul(drawn({2, 3}, 1), drawn({3, 2}, 1, Dtype::f32)), Error);
  CHECK_THROWS_AS(matmul(Tensor::arange(3), Tensor::arange(3)), Error);
  CHECK_THROWS_AS(bmm(drawn({2, 3, 4}, 1), drawn({3, 4, 2}, 1)), Error);
  CHECK_THROWS_AS(bmm(drawn({2, 3}, 1), drawn({3, 2}, 1)), Error);
  CHECK_THROWS_AS(mm(drawn({2, 3, 1}, 1), drawn({3, 2}, 1)), Error);
  CHECK_THROWS_AS(dot(drawn({3}, 1), drawn({2}, 1)), Error);
  CHECK_THROWS_AS(linear(drawn({3, 4}, 1), drawn({2, 5}, 1)), Error);
  CHECK_THROWS_AS(linear(drawn({3, 4}, 1), drawn({2, 4}, 1), drawn({3}, 1)), Error);
  CHECK_THROWS_AS(linear(drawn({3, 4}, 1, Dtype::f32), drawn({2, 4}, 1)), Error);
  CHECK_THROWS_AS(bilinear(drawn({2, 3}, 1), drawn({3, 4}, 1), drawn({2, 3, 4}, 1)), Error);
  CHECK_THROWS_AS(bilinear(drawn({2, 3}, 1), drawn({2, 4}, 1), drawn({2, 3, 5}, 1)), Error);
}

}  // namespace tarn::test_ops_matmul
