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

// The bits that elements of y stand for, whatever piece of the function a watch made them follow.
Storage bits_of(const Tensor& y) {
  const Storage bits = room_for_bits(y.numel());
  Tensor same(y.shape(), y.dtype());
  dispatch_floating(y.dtype(), "relu", [&](auto t) {
    using T = decltype(t);
    cut_words(y.data<T>(), same.fill<T>(), static_cast<uint32_t*>(bits.data()), y.numel(), 0, words(y.numel()));
  });
  return bits;
}

Tensor cut(const Tensor& x) {
  return map_pieces(
      "relu", x, [](auto v) { return v < 0 ? decltype(v)(0) : v; }, [](double v) { return v > 0 ? 1 : 0; },
      [](double v, int64_t k) { return k ? v : 0; });
}

}  // namespace

Tensor relu(const Tensor& x) {
  if (!Tape::current()) return cut(x);
  Storage bits;
  Tensor y;
  if (Decisions::current()) {
    y = cut(x);
    bits = bits_of(y);
  } else {
    y = Tensor(x.shape(), x.dtype());
    const int64_t n = x.numel();
    bits = room_for_bits(n);
    dispatch_floating(x.dtype(), "relu", [&](auto t) {
      using T = decltype(t);
      const T* from = x.data<T>();
      T* to = y.fill<T>();
      auto* b = static_cast<uint32_t*>(bits.data());
      parallel_range(words(n), word_bits, [&](int64_t begin, int64_t end) { cut_words(from, to, b, n, begin, end); });
    });
  }
  return record("relu", y, Edge{x, [bits](const Tensor& g) { return passed(g, bits); }});
}

const auto& relu_row = add_op("relu", "max(0, x)", [](const Tensors& t) { return relu(t[0]); })
                           .sample({{3, 4}}, Domain::away_from_ties)
                           .sample({{5, 7}}, Domain::away_from_ties);

}  // namespace tarn
