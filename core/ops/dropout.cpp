// Dropout: values zeroed, or set to what keeps mean and variance, by chance; the mask is kept as one bit each.
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
  Kept kept{Storage(static_cast<size_t>(groups) * 4 * sizeof(uint32_t))};
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

/// What becomes of x: x · scale + shift where it is kept, else `dropped`.
struct Fate {
  double scale = 1, shift = 0, dropped = 0;
};

template <class T>
TARN_KERNEL void mask_words(const T* x, T* y, const uint32_t* words, int64_t begin, int64_t end, T scale, T shift,
                            T dropped) {
  for (int64_t i = begin; i < end; ++i) {
    const uint32_t word = words[i];
    for (int64_t l = 0; l < word_bits; ++l) {
      const T v = x[i * word_bits + l] * scale + shift;
      y[i * word_bits + l] = (word >> l & 1u) != 0 ? v : dropped;
    }
  }
}

// Linear but for a constant, and so its own transpose without that.
Tensor masked(const char* op, const Tensor& x, const Kept& kept, const Fate& fate) {
  Tensor y(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const T* in = x.data<T>();
    T* out = y.fill<T>();
    const int64_t whole = x.numel() / word_bits;
    const T scale = static_cast<T>(fate.scale);
    const T shift = static_cast<T>(fate.shift);
    const T dropped = static_cast<T>(fate.dropped);
    parallel_range(whole, word_bits * 2, [&](int64_t begin, int64_t end) {
      mask_words(in, out, kept.words(), begin, end, scale, shift, dropped);
    });
    for (int64_t i = whole * word_bits; i < x.numel(); ++i)
      out[i] = (kept.words()[i / word_bits] >> (i % word_bits) & 1u) != 0 ? in[i] * scale + shift : dropped;
  });
  return record(op, y, Edge{x, [op, kept, scale = fate.scale](const Tensor& g) {
                              return masked(op, g, kept, {.scale = scale});
                            }});
}

// One decision for each element, or for each of the first two dimensions.
Tensor drop(const char* op, const Tensor& x, double p, const Stream& stream, bool features, const Fate& fate) {
  if (!features) return masked(op, x, draw_kept(x.numel(), p, stream), fate);
  check(x.rank() >= 2, op, ": input ", x.shape(), " has no channels to drop; expected [N,C,…]");
  std::vector<int64_t> sizes(static_cast<size_t>(x.rank()), 1);
  sizes[0] = x.shape()[0];
  sizes[1] = x.shape()[1];
  const Tensor ones = Tensor::ones(Shape(sizes), x.dtype());
  const Kept kept = draw_kept(ones.numel(), p, stream);
  const Tensor scaled = x * masked(op, ones, kept, {.scale = fate.scale});
  if (fate.shift == 0 && fate.dropped == 0) return scaled;
  return scaled + masked(op, ones, kept, {.scale = 0, .shift = fate.shift, .dropped = fate.dropped});
}

// Everything is dropped, and becomes 0 in either kind of dropout.
Tensor drop_all(const char* op, const Tensor& x) {
  return record(op, Tensor::zeros(x.shape(), x.dtype()), Edge{x, [op](const Tensor& g) { return drop_all(op, g); }});
}

void check_chance(const char* op, double p) {
  check(p >= 0 && p <= 1, op, ": p is ", p, "; allowed are 0 to 1");
}

}  // namespace

Tensor dropout(const Tensor& x, double p, const Stream& stream, bool features) {
  check_chance("dropout", p);
  if (p == 0) return x;
  if (p == 1) return drop_all("dropout", x);
  return drop("dropout", x, p, stream, features, {.scale = 1 / (1 - p)});
}

Tensor alpha_dropout(const Tensor& x, double p, const Stream& stream, bool features) {
  check_chance("alpha_dropout", p);
  if (p == 0) return x;
  if (p == 1) return drop_all("alpha_dropout", x);
  constexpr double limit = -1.7580993408473766;  // what SELU gives for large negative values
  const double scale = 1 / std::sqrt((1 - p) * (1 + p * limit * limit));
  const double shift = -scale * limit * p;
  return drop("alpha_dropout", x, p, stream, features, {scale, shift, scale * limit + shift});
}

const auto& dropout_op = add_op("dropout", "zeroes values by chance and scales the rest",
                                [](const Tensors& t) {
                                  return dropout(t[0], 0.4, Stream{1, 2, 3});
                                })
                             .sample({{3, 5}})
                             .sample({{3, 4, 2}}, Domain::any, [](const Tensors& t) {
                               return dropout(t[0], 0.4, Stream{1, 2, 3}, true);
                             });
const auto& alpha_dropout_op =
    add_op("alpha_dropout", "sets values to SELU's limit by chance, keeping mean and variance",
           [](const Tensors& t) {
             return alpha_dropout(t[0], 0.4, Stream{1, 2, 3});
           })
        .sample({{3, 5}})
        .sample({{3, 4, 2}}, Domain::any, [](const Tensors& t) {
          return alpha_dropout(t[0], 0.4, Stream{1, 2, 3}, true);
        });

}  // namespace tarn
