// Dropout: values zeroed by chance, the mask kept as one bit each.
#include <algorithm>
#include <cmath>

#include "core/kernels/kernel.h"
#include "core/ops.h"
#include "core/parallel.h"
#include "core/record.h"
#include "core/registry.h"

namespace tarn {
namespace {

constexpr int64_t word_bits = 32;

/// One bit per element, set where the element is kept.
struct Kept {
  Storage bits;
  double scale = 1;
  const uint32_t* words() const { return static_cast<const uint32_t*>(bits.data()); }
};

TARN_KERNEL void pack_bits(const uint32_t (&draws)[4][32], uint32_t limit, uint32_t* words) {
  for (int k = 0; k < 4; ++k) {
    uint32_t word = 0;
    for (int l = 0; l < word_bits; ++l) word |= static_cast<uint32_t>(draws[k][l] >= limit) << l;
    words[k] = word;
  }
}

// 32 blocks of four random words decide over 128 elements.
Kept draw_kept(int64_t n, double p, const Stream& stream) {
  constexpr int64_t group = 4 * word_bits;
  const int64_t groups = (n + group - 1) / group;
  Kept kept{Storage(static_cast<size_t>(groups) * 4 * sizeof(uint32_t)), 1 / (1 - p)};
  uint32_t* out = static_cast<uint32_t*>(kept.bits.data());
  // An element is dropped where its 32 random bits are below p; p < 1 keeps the limit inside 32 bits.
  const auto limit = static_cast<uint32_t>(std::min(std::round(p * 0x1.0p32), 4294967295.0));
  parallel_range(groups, 1500, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      uint32_t draws[4][32];
      stream.blocks(static_cast<uint64_t>(i * word_bits), draws);
      pack_bits(draws, limit, out + 4 * i);
    }
  });
  return kept;
}

template <class T>
TARN_KERNEL void mask_words(const T* x, T* y, const uint32_t* words, int64_t begin, int64_t end, T scale) {
  for (int64_t i = begin; i < end; ++i) {
    const uint32_t word = words[i];
    for (int64_t l = 0; l < word_bits; ++l) {
      const T v = x[i * word_bits + l] * scale;
      y[i * word_bits + l] = (word >> l & 1u) != 0 ? v : T(0);
    }
  }
}

// x · scale where the bit is set, else 0. Linear and its own transpose.
Tensor masked(const Tensor& x, const Kept& kept) {
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), "dropout", [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    const int64_t whole = x.numel() / word_bits;
    const T scale = static_cast<T>(kept.scale);
    parallel_range(whole, word_bits * 2,
                   [&](int64_t begin, int64_t end) { mask_words(in, out, kept.words(), begin, end, scale); });
    for (int64_t i = whole * word_bits; i < x.numel(); ++i)
      out[i] = (kept.words()[i / word_bits] >> (i % word_bits) & 1u) != 0 ? in[i] * scale : T(0);
  });
  return record("dropout", y, Edge{x, [kept](const Tensor& g) { return masked(g, kept); }});
}

}  // namespace

Tensor dropout(const Tensor& x, double p, const Stream& stream, bool features) {
  check(p >= 0 && p <= 1, "dropout: p is ", p, "; allowed are 0 to 1");
  if (p == 0) return x;
  if (p == 1) {
    return record("dropout", Tensor::zeros(x.shape(), x.dtype()),
                  Edge{x, [](const Tensor& g) { return dropout(g, 1, {}); }});
  }
  if (!features) return masked(x, draw_kept(x.numel(), p, stream));
  check(x.rank() >= 2, "dropout: input ", x.shape(), " has no channels to drop; expected [N,C,…]");
  std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
  sizes[0] = x.shape()[0];
  sizes[1] = x.shape()[1];
  const Tensor ones = Tensor::ones(Shape(sizes), x.dtype());
  return x * masked(ones, draw_kept(ones.numel(), p, stream));
}

const auto& dropout_op = add_op("dropout", "zeroes values by chance and scales the rest",
                                [](const Tensors& t) {
                                  return dropout(t[0], 0.4, Stream{1, 2, 3});
                                })
                             .sample({{3, 5}})
                             .sample({{3, 4, 2}}, Domain::any, [](const Tensors& t) {
                               return dropout(t[0], 0.4, Stream{1, 2, 3}, true);
                             });

}  // namespace tarn
