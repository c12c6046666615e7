// Reference-counted blocks of memory for tensors, from a caching allocator: a steady training step asks the system for
// nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tarn {

/// The header in front of every block; the elements start 64 bytes after it, aligned to 64.
struct alignas(64) Block {
  std::atomic<int32_t> references;
  uint32_t size_class;
  size_t bytes;                      ///< capacity for elements
  std::atomic<uint64_t> changed_at;  ///< value of the change clock when the contents were last assigned over; 0: never
  void* data() { return this + 1; }
};

/// A block for at least `bytes` bytes of elements, with one reference; contents are unspecified. Throws Error when
/// memory is out.
Block* allocate_block(size_t bytes);
/// Returns a block without references to the cache.
void free_block(Block* block);

/// Whether some tensor lives in a block at this address, which may be any word. For reports; slow.
bool is_living_block(const void* address);

struct MemoryStats {
  size_t in_use;    ///< bytes in blocks that somebody holds
  size_t peak;      ///< largest `in_use` since the start or `reset_peak`
  size_t cached;    ///< bytes kept for reuse
  size_t requests;  ///< times the system allocator was asked
};
MemoryStats memory_stats();
void reset_peak_memory();
/// Gives every cached block back to the system.
void release_cached_memory();

/// Counts every `assign`; blocks and tape entries carry stamps of it, so that a changed capture is noticed.
inline std::atomic<uint64_t> change_clock{1};

/// Shared ownership of a block.
class Storage {
 public:
  Storage() = default;
  explicit Storage(size_t bytes) : block_(allocate_block(bytes)) {}
  Storage(const Storage& other) : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Storage(Storage&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Storage& operator=(Storage other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Storage() {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) free_block(block_);
  }
  explicit operator bool() const { return block_ != nullptr; }
  Block* block() const { return block_; }
  void* data() const { return block_ ? block_->data() : nullptr; }
  bool unique() const { return block_ && block_->references.load(std::memory_order_acquire) == 1; }

 private:
  Block* block_ = nullptr;
};

}  // namespace tarn
