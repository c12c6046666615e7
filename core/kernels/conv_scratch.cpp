// Per-thread working memory for convolution kernels.
#include "core/kernels/conv_scratch.h"

#include <array>
#include <cstdlib>
#include <memory>

#include "core/error.h"

namespace tarn::kernels {

namespace {

struct Free {
  void operator()(std::byte* p) const { std::free(p); }
};

struct Buffer {
  std::unique_ptr<std::byte, Free> memory;
  size_t bytes = 0;
};

}  // namespace

std::byte* scratch_bytes(ScratchUse use, size_t bytes) {
  thread_local std::array<Buffer, static_cast<size_t>(ScratchUse::count)> buffers;
  Buffer& buffer = buffers[static_cast<size_t>(use)];
  if (buffer.bytes < bytes || !buffer.memory) {
    constexpr size_t page = 4096;
    const size_t rounded = (bytes / page + 1) * page;
    buffer.memory.reset();
    buffer.bytes = 0;
    buffer.memory.reset(static_cast<std::byte*>(std::aligned_alloc(page, rounded)));
    check(buffer.memory != nullptr, "conv: no memory for ", rounded, " bytes of working space");
    buffer.bytes = rounded;
  }
  return buffer.memory.get();
}

}  // namespace tarn::kernels
