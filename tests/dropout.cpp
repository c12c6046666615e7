// Dropout: shares, scales, masks that gradients and thread counts agree on; and the bits it draws.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tape.h"

namespace tarn::test_dropout {

TEST_CASE("dropout keeps the right share, scales it, and gives back the same mask for gradients of any thread count") {
  const Tensor x = Tensor::ones({1000, 100}).requires_grad();
  const Stream stream{3, 1, 4};
  std::vector<std::vector<float>> seen;
  for (const int n : {1, 2, 4}) {
    set_threads(n);
    Tape tape;
    const Tensor y = dropout(x, 0.3, stream);
    const Tensor dx = tape.gradient(sum(y * 2.0), x);
    CHECK(sum(dx).item() == doctest::Approx(2 * sum(y).item()));
    seen.push_back(y.to_vector<float>());
  }
  set_threads(processors());
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
  int64_t kept = 0;
  for (const float v : seen[0]) {
    REQUIRE((v == 0 || v == 1 / 0.7f));
    kept += v != 0;
  }
  CHECK(std::abs(static_cast<double>(kept) - 70000) < 5 * std::sqrt(100000 * 0.21));
}

TEST_CASE("dropout by features drops whole channels, p of 1 everything, p of 0 nothing") {
  const Tensor x = Tensor::ones({20, 30, 4, 3}, Dtype::f64);
  const Tensor y = dropout(x, 0.5, {1, 2, 3}, true);
  int64_t kept = 0;
  for (int64_t c = 0; c < 600; ++c) {
    for (int64_t i = 1; i < 12; ++i) REQUIRE(y.at(c * 12 + i) == y.at(c * 12));
    kept += y.at(c * 12) == 2;
  }
  CHECK(std::abs(static_cast<double>(kept) - 300) < 5 * std::sqrt(150.0));
  CHECK(sum(dropout(Tensor::full({9}, NAN), 1, {1, 2, 3})).item() == 0);
  CHECK(sum(dropout(x, 0, {1, 2, 3})).item() == 7200);
  CHECK(dropout(Tensor::ones({0, 3}), 0.5, {1, 2, 3}).shape() == Shape{0, 3});
  for (const double p : {-0.1, 1.1, static_cast<double>(NAN)}) CHECK_THROWS_AS(dropout(x, p, {1, 2, 3}), Error);
  CHECK_THROWS_WITH_AS(dropout(Tensor::ones({3}), 0.5, {1, 2, 3}, true),
                       "dropout: input [3] has no channels to drop; expected [N,C,…]", Error);
}

TEST_CASE("dropout of a length that fills no word keeps and drops each element alone") {
  for (const int64_t n : {1, 31, 33, 127, 129, 1000}) {
    const Tensor whole = dropout(Tensor::ones({1024}), 0.5, {5, 6, 7});
    const Tensor part = dropout(Tensor::ones({n}), 0.5, {5, 6, 7});
    for (int64_t i = 0; i < n; ++i) REQUIRE(part.at(i) == whole.at(i));
  }
}

TEST_CASE("32 blocks of a stream at once are the blocks one by one") {
  const Stream stream{11, 12, 13};
  for (const uint64_t first : {uint64_t{0}, uint64_t{77}, (uint64_t{1} << 32) - 5}) {
    uint32_t words[4][32];
    stream.blocks(first, words);
    for (uint64_t l = 0; l < 32; ++l)
      for (size_t k = 0; k < 4; ++k) CHECK(words[k][l] == stream.block(first + l)[k]);
  }
}

}  // namespace tarn::test_dropout
