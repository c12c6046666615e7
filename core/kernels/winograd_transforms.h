// The one-dimensional transforms of Winograd's F(2, 3) and F(4, 3), on whole vectors; applied along both axes they give
// the two-dimensional ones.
#pragma once

#include <cstdint>

namespace tarn::kernels {

/// A vector of `n` floats, and of `n` numbers of elements: 64 bytes are one register with AVX-512 and several without.
template <int n>
struct Lanes;
template <>
struct Lanes<4> {
  using Vector = float __attribute__((vector_size(16)));
  using Index = int32_t __attribute__((vector_size(16)));
};
template <>
struct Lanes<8> {
  using Vector = float __attribute__((vector_size(32)));
  using Index = int32_t __attribute__((vector_size(32)));
};
template <>
struct Lanes<16> {
  using Vector = float __attribute__((vector_size(64)));
  using Index = int32_t __attribute__((vector_size(64)));
};

// Vectors travel by reference: by value they would tie the functions' calling convention to the processor.
template <class V>
inline void load(V& v, const float* from) {
  __builtin_memcpy(&v, from, sizeof(V));
}
template <class V>
inline void store(float* to, const V& v) {
  __builtin_memcpy(to, &v, sizeof(V));
}

/// `count` vectors that stand `step` elements apart.
template <int count, class V>
inline void load_column(const float* from, int64_t step, V* v) {
  for (int i = 0; i < count; ++i, from += step) load(v[i], from);
}
template <int count, class V>
inline void store_column(float* to, int64_t step, const V* v) {
  for (int i = 0; i < count; ++i, to += step) store(to, v[i]);
}

/// out[m + 2] = Bᵀ in[m + 2]: input cells to frequencies.
template <int m, class V>
inline void input_to_frequencies(const V* in, V* out) {
  if constexpr (m == 2) {
    out[0] = in[0] - in[2];
    out[1] = in[1] + in[2];
    out[2] = in[2] - in[1];
    out[3] = in[1] - in[3];
  } else {
    const V even = in[4] - 4.0f * in[2];
    const V odd = in[3] - 4.0f * in[1];
    const V even2 = in[4] - in[2];
    const V odd2 = 2.0f * (in[3] - in[1]);
    out[0] = 4.0f * in[0] - 5.0f * in[2] + in[4];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = 4.0f * in[1] - 5.0f * in[3] + in[5];
  }
}

/// out[m] = Aᵀ in[m + 2]: frequencies to output cells.
template <int m, class V>
inline void frequencies_to_output(const V* in, V* out) {
  const V sum = in[1] + in[2];
  const V difference = in[1] - in[2];
  if constexpr (m == 2) {
    out[0] = in[0] + sum;
    out[1] = difference - in[3];
  } else {
    const V sum2 = in[3] + in[4];
    const V difference2 = in[3] - in[4];
    out[0] = in[0] + sum + sum2;
    out[1] = difference + 2.0f * difference2;
    out[2] = sum + 4.0f * sum2;
    out[3] = difference + 8.0f * difference2 + in[5];
  }
}

/// out[m + 2] = A in[m]: cotangents of output cells to frequencies.
template <int m, class V>
inline void cotangent_to_frequencies(const V* in, V* out) {
  if constexpr (m == 2) {
    out[0] = in[0];
    out[1] = in[0] + in[1];
    out[2] = in[0] - in[1];
    out[3] = -in[1];
  } else {
    const V even = in[0] + in[2];
    const V odd = in[1] + in[3];
    const V even2 = in[0] + 4.0f * in[2];
    const V odd2 = 2.0f * in[1] + 8.0f * in[3];
    out[0] = in[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = in[3];
  }
}

/// out[m + 2] = G in[3]: filter taps to frequencies.
template <int m, class V>
inline void filter_to_frequencies(const V* in, V* out) {
  const V even = in[0] + in[2];
  if constexpr (m == 2) {
    out[0] = in[0];
    out[1] = 0.5f * (even + in[1]);
    out[2] = 0.5f * (even - in[1]);
    out[3] = in[2];
  } else {
    const V even2 = (1.0f / 24) * in[0] + (1.0f / 6) * in[2];
    const V odd2 = (1.0f / 12) * in[1];
    out[0] = 0.25f * in[0];
    out[1] = (-1.0f / 6) * (even + in[1]);
    out[2] = (-1.0f / 6) * (even - in[1]);
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = in[2];
  }
}

/// out[3] = Gᵀ in[m + 2]: cotangents of frequencies to those of filter taps.
template <int m, class V>
inline void frequencies_to_filter(const V* in, V* out) {
  const V sum = in[1] + in[2];
  const V difference = in[1] - in[2];
  if constexpr (m == 2) {
    out[0] = in[0] + 0.5f * sum;
    out[1] = 0.5f * difference;
    out[2] = 0.5f * sum + in[3];
  } else {
    const V sum2 = in[3] + in[4];
    const V difference2 = in[3] - in[4];
    out[0] = 0.25f * in[0] - (1.0f / 6) * sum + (1.0f / 24) * sum2;
    out[1] = (1.0f / 12) * difference2 - (1.0f / 6) * difference;
    out[2] = (1.0f / 6) * (sum2 - sum) + in[5];
  }
}

}  // namespace tarn::kernels
