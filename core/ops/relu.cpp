// ReLU: what is negative becomes 0. Its tape keeps one bit an element, whether it passed, instead of a tensor.
#include <algorithm>

#include "core/decisions.h"
#include "core/kernels/kernel.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/tape.h"

namespace tarn {

namespace {

constexpr int64_t word_bits = 32;

int64_t words(int64_t n) {
  return (n + word_bits - 1) / word_bits;
}

// y = max(0, x) and a bit for each element that passes, for words [begin, end) of n elements. NaN stays NaN and passes:
// only what is certainly negative is cut.
template <class T>
TARN_KERNEL void cut_words(const T* x, T* y, uint32_t* bits, int64_t n, int64_t begin, int64_t end) {
  const int64_t whole = std::min(end, n / word_bits);
  for (int64_t w = begin; w < whole; ++w) {
    uint32_t b = 0;
    for (int64_t l = 0; l < word_bits; ++l) {
      const T v = x[w * word_bits + l];
      y[w * word_bits + l] = v < 0 ? T(0) : v;
      b |= static_cast<uint32_t>(!(v <= 0)) << l;
    }
    bits[w] = b;
  }
  if (whole == end) return;
  bits[whole] = 0;
  for (int64_t i = whole * word_bits; i < n; ++i) {
    y[i] = x[i] < 0 ? T(0) : x[i];
    bits[whole] |= static_cast<uint32_t>(!(x[i] <= 0)) << (i % word_bits);
  }
}

// y = g where the bit is set, else 0.
template <class T>
TARN_KERNEL void pass_words(const T* g, const uint32_t* bits, T* y, int64_t n, int64_t begin, int64_t end) {
  const int64_t whole = std::min(end, n / word_bits);
  for (int64_t w = begin; w < whole; ++w) {
    const uint32_t b = bits[w];
    for (int64_t l = 0; l < word_bits; ++l) y[w * word_bits + l] = (b >> l & 1) ? g[w * word_bits + l] : T(0);
  }
  if (whole == end) return;
  for (int64_t i = whole * word_bits; i < n; ++i) y[i] = (bits[whole] >> (i % word_bits) & 1) ? g[i] : T(0);
}

Storage room_for_bits(int64_t n) {
  return Storage(static_cast<size_t>(words(n)) * sizeof(uint32_t));
}

// Linear in g, and its own transpose.
Tensor passed(const Tensor& g, const Storage& bits) {
  Tensor y(g.shape(), g.dtype());
  const int64_t n = g.numel();
  dispatch_floating(g.dtype(), "relu", [&](auto t) {
    using T = decltype(t);
    const T* from = g.data<T>();
    T* to = y.fill<T>();
    const auto* b = static_cast<const uint32_t*>(bits.data());
    parallel_range(words(n), word_bits, [&](int64_t begin, int64_t end) { pass_words(from, b, to, n, begin, end); });
  });
  return record("relu", y, Edge{g, [bits](const Tensor& h) { return passed(h, bits); }});
}

// Reports to a watch which elements pass, and takes those that it follows: `y` and `bits` become theirs.
void choose(Decisions& watch, const Tensor& x, Tensor& y, uint32_t* bits) {
  Tensor passing(x.shape(), Dtype::i64);
  for (int64_t i = 0; i < x.numel(); ++i) passing.fill<int64_t>()[i] = bits[i / word_bits] >> (i % word_bits) & 1;
  passing = watch.choose("relu", passing);
  if (!watch.follows()) return;
  y = Tensor(x.shape(), x.dtype());
  std::fill_n(bits, words(x.numel()), 0U);
  for (int64_t i = 0; i < x.numel(); ++i)
    bits[i / word_bits] |= static_cast<uint32_t>(passing.data<int64_t>()[i]) << (i % word_bits);
  dispatch_floating(x.dtype(), "relu", [&](auto t) {
    using T = decltype(t);
    pass_words(x.data<T>(), bits, y.fill<T>(), x.numel(), 0, words(x.numel()));
  });
}

}  // namespace

Tensor relu(const Tensor& x) {
  Decisions* watch = Decisions::current();
  if (!Tape::current() && !watch) return map("relu", x, [](auto v) { return v < 0 ? decltype(v)(0) : v; });
  const int64_t n = x.numel();
  const Storage bits = room_for_bits(n);
  auto* b = static_cast<uint32_t*>(bits.data());
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "relu", [&](auto t) {
    using T = decltype(t);
    const T* from = x.data<T>();
    T* to = y.fill<T>();
    parallel_range(words(n), word_bits, [&](int64_t begin, int64_t end) { cut_words(from, to, b, n, begin, end); });
  });
  if (watch) choose(*watch, x, y, b);
  return record("relu", y, Edge{x, [bits](const Tensor& g) { return passed(g, bits); }});
}

const auto& relu_row = add_op("relu", "max(0, x)", [](const Tensors& t) { return relu(t[0]); })
                           .sample({{3, 4}}, Domain::away_from_ties)
                           .sample({{5, 7}}, Domain::away_from_ties);

}  // namespace tarn
