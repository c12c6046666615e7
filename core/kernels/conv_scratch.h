// Working memory of convolution kernels: one growing block per thread and purpose, kept for the next call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tarn::kernels {

/// What a block of working memory is for; two blocks in use at the same time have different purposes.
enum class ScratchUse { columns, product, cotangent, planes, count };

/// At least `bytes` bytes of this thread's memory, at an address that is a multiple of 4096; contents are unspecified.
/// Valid until the next call for the same purpose. Throws Error when memory is out.
std::byte* scratch_bytes(ScratchUse use, size_t bytes);

template <class T>
T* scratch(ScratchUse use, int64_t count) {
  return reinterpret_cast<T*>(scratch_bytes(use, static_cast<size_t>(count) * sizeof(T)));
}

/// The row length of a buffer for rows of `n` elements: full vectors, and never a multiple of 256, so that rows do not
/// meet in the same cache sets.
inline int64_t row_pitch(int64_t n) {
  const int64_t pitch = (n + 15) / 16 * 16;
  return pitch % 256 == 0 ? pitch + 16 : pitch;
}

}  // namespace tarn::kernels
