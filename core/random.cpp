// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as easy as 1, 2, 3) and what is drawn from
// it.
#include "core/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/kernels/kernel.h"
#include "core/parallel.h"

namespace tarn {

namespace {

// SplitMix64's finaliser: spreads a name or number over 64 bits.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

struct Key {
  uint32_t k0, k1, c2, c3;
};

// The stream's fields fill the key and the upper half of the counter; the lower half counts.
Key key_of(const Stream& s) {
  const uint64_t key = mix(s.seed ^ mix(s.purpose));
  const uint64_t high = mix(s.step ^ mix(key));
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(high),
          static_cast<uint32_t>(high >> 32)};
}

std::array<uint32_t, 4> philox(Key key, uint64_t counter) {
  std::array<uint32_t, 4> c{static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), key.c2, key.c3};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key.k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key.k1, static_cast<uint32_t>(p0)};
    key.k0 += 0x9E3779B9u;
    key.k1 += 0xBB67AE85u;
  }
  return c;
}

// 32 blocks side by side.
TARN_KERNEL void philox_lanes(Key key, uint64_t first, uint32_t (&c)[4][32]) {
  for (uint64_t l = 0; l < 32; ++l) {
    c[0][l] = static_cast<uint32_t>(first + l);
    c[1][l] = static_cast<uint32_t>((first + l) >> 32);
    c[2][l] = key.c2;
    c[3][l] = key.c3;
  }
  for (int round = 0; round < 10; ++round) {
    for (int l = 0; l < 32; ++l) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c[0][l];
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2][l];
      c[0][l] = static_cast<uint32_t>(p1 >> 32) ^ c[1][l] ^ key.k0;
      c[1][l] = static_cast<uint32_t>(p1);
      c[2][l] = static_cast<uint32_t>(p0 >> 32) ^ c[3][l] ^ key.k1;
      c[3][l] = static_cast<uint32_t>(p0);
    }
    key.k0 += 0x9E3779B9u;
    key.k1 += 0xBB67AE85u;
  }
}

double to_unit(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1.0p-53;
}

// Each block of the stream gives two elements, of 64 bits each.
double uniform_at(const Key& key, uint64_t i) {
  const auto b = philox(key, i / 2);
  return i % 2 ? to_unit(b[2], b[3]) : to_unit(b[0], b[1]);
}

double normal_at(const Key& key, uint64_t i) {
  const auto b = philox(key, i / 2);
  const double radius = std::sqrt(-2 * std::log(1 - to_unit(b[0], b[1])));
  const double angle = 2 * std::numbers::pi * to_unit(b[2], b[3]);
  return radius * (i % 2 ? std::sin(angle) : std::cos(angle));
}

template <class Draw>
Tensor fill(const Shape& shape, const Stream& stream, Dtype dtype, int64_t cost, Draw draw) {
  Tensor y(shape, dtype);
  const Key key = key_of(stream);
  dispatch_floating(dtype, "random", [&](auto t) {
    using T = decltype(t);
    T* out = y.fill<T>();
    parallel_range(y.numel(), cost, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(draw(key, static_cast<uint64_t>(i)));
    });
  });
  return y;
}

}  // namespace

std::array<uint32_t, 4> Stream::block(uint64_t i) const {
  return philox(key_of(*this), i);
}
void Stream::blocks(uint64_t first, uint32_t (&words)[4][32]) const {
  philox_lanes(key_of(*this), first, words);
}
double Stream::uniform(uint64_t i) const {
  return uniform_at(key_of(*this), i);
}
double Stream::normal(uint64_t i) const {
  return normal_at(key_of(*this), i);
}

int64_t Stream::below(uint64_t i, int64_t n) const {
  const auto b = block(i);
  const uint64_t bits = uint64_t{b[0]} << 32 | b[1];
  return static_cast<int64_t>(static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(n) >> 64);
}

Stream Stream::child(uint64_t i) const {
  return {seed, mix(purpose ^ mix(step)), i};
}

uint64_t purpose_of(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

std::vector<int64_t> permutation(int64_t n, const Stream& stream) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(stream.below(static_cast<uint64_t>(i), i + 1))]);
  return order;
}

Tensor uniform(const Shape& shape, const Stream& stream, double low, double high, Dtype dtype) {
  if (dtype == Dtype::f32)  // rounding to float must not reach `high`
    return fill(shape, stream, dtype, 100, [=](const Key& key, uint64_t i) {
      const double v = low + (high - low) * uniform_at(key, i);
      const float rounded = static_cast<float>(v);
      return rounded < static_cast<float>(high) || low == high
                 ? rounded
                 : std::nextafterf(static_cast<float>(high), static_cast<float>(low));
    });
  return fill(shape, stream, dtype, 100,
              [=](const Key& key, uint64_t i) { return low + (high - low) * uniform_at(key, i); });
}

Tensor normal(const Shape& shape, const Stream& stream, double mean, double deviation, Dtype dtype) {
  return fill(shape, stream, dtype, 400,
              [=](const Key& key, uint64_t i) { return mean + deviation * normal_at(key, i); });
}

Tensor bernoulli(const Shape& shape, const Stream& stream, double p, Dtype dtype) {
  check(p >= 0 && p <= 1, "bernoulli: chance ", p, " is outside [0, 1]");
  return fill(shape, stream, dtype, 100,
              [=](const Key& key, uint64_t i) { return uniform_at(key, i) < p ? 1.0 : 0.0; });
}

}  // namespace tarn
