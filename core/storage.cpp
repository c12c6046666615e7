// The caching allocator: size classes with four steps to a doubling, small blocks kept by the thread, large ones by the
// process.
#include "core/storage.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_set>
#include <vector>

#include "core/error.h"

namespace tarn {

namespace {

// GCC's way to say that the address sanitizer is on, and clang's.
#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
constexpr bool caching = false;  // every block must come from malloc, or the sanitizer sees nothing
#else
constexpr bool caching = true;
#endif

constexpr size_t smallest_block = 64;
constexpr uint32_t size_classes = 160;
constexpr uint32_t small_classes = 33;  // up to 16 KiB: kept by the thread that freed them
constexpr size_t kept_per_thread = 128;

// Class c holds blocks of (4 + c % 4) << (c / 4) sixteenths of a unit: 64, 80, 96, 112, 128, 160, …
size_t class_bytes(uint32_t c) {
  return (4 + size_t{c % 4}) << (c / 4 + 4);
}

uint32_t class_of(size_t bytes) {
  const size_t units = (std::max(bytes, smallest_block) + 15) / 16;  // at least 4
  const int shift = std::bit_width(units) - 3;
  const size_t step = (units + (size_t{1} << shift) - 1) >> shift;  // 4 … 8
  return static_cast<uint32_t>(shift * 4) + static_cast<uint32_t>(step - 4);
}

std::atomic<size_t> in_use{0};
std::atomic<size_t> peak{0};
std::atomic<size_t> cached{0};
std::atomic<size_t> requests{0};

struct Shared {
  std::mutex mutex;
  std::vector<Block*> free[size_classes];
};
Shared& shared() {
  static Shared* const all = std::make_unique<Shared>().release();  // outlives every thread's cache
  return *all;
}

// Every block there is, in use or cached: changed only where the system is asked, so rarely.
struct Known {
  std::mutex mutex;
  std::unordered_set<const void*> blocks;
};
Known& known() {
  static Known* const all = std::make_unique<Known>().release();  // as long as `shared`
  return *all;
}

void give_back(Block* block) {
  cached.fetch_sub(block->bytes, std::memory_order_relaxed);
  {
    const std::lock_guard lock(known().mutex);
    known().blocks.erase(block);
  }
  block->~Block();
  std::free(block);
}

// One for each thread; what it holds goes to the shared lists when the thread ends.
struct Own {
  std::vector<Block*> free[small_classes];
  Own() {
    for (auto& list : free) list.reserve(kept_per_thread);
  }
  ~Own();
};
constinit thread_local Own* own_or_null = nullptr;
constinit thread_local bool own_gone = false;

Own::~Own() {
  own_or_null = nullptr;
  own_gone = true;
  const std::lock_guard lock(shared().mutex);
  for (uint32_t c = 0; c < small_classes; ++c)
    for (Block* block : free[c]) shared().free[c].push_back(block);
}

Own* own_cache() {
  if (!own_or_null && !own_gone) {
    static thread_local Own cache;
    own_or_null = &cache;
  }
  return own_or_null;
}

Block* from_cache(uint32_t c) {
  if (c < small_classes) {
    if (Own* cache = own_cache(); cache && !cache->free[c].empty()) {
      Block* block = cache->free[c].back();
      cache->free[c].pop_back();
      return block;
    }
  }
  Shared& all = shared();
  const std::lock_guard lock(all.mutex);
  if (all.free[c].empty()) return nullptr;
  Block* block = all.free[c].back();
  all.free[c].pop_back();
  return block;
}

// Asking for more would not fail but be killed, once the memory is touched.
size_t machine_memory() {
  static const size_t bytes = [] {
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && page > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page) : size_t{1} << 40;
  }();
  return bytes;
}

Block* from_system(uint32_t c) {
  const size_t bytes = class_bytes(c);
  const size_t whole = (sizeof(Block) + bytes + 63) / 64 * 64;  // aligned_alloc wants a multiple of the alignment
  requests.fetch_add(1, std::memory_order_relaxed);
  check(in_use.load(std::memory_order_relaxed) + bytes <= machine_memory(), "out of memory: ", bytes,
        " bytes for a tensor, with ", in_use.load(), " of this machine's ", machine_memory(), " in use");
  void* memory = std::aligned_alloc(64, whole);
  if (!memory) {
    release_cached_memory();
    memory = std::aligned_alloc(64, whole);
  }
  check(memory != nullptr, "out of memory: ", bytes, " bytes for a tensor, with ", in_use.load(), " in use");
  auto* block = ::new (memory) Block;
  block->bytes = bytes;
  block->size_class = c;
  const std::lock_guard lock(known().mutex);
  known().blocks.insert(block);
  return block;
}

void count_use(size_t bytes) {
  const size_t now = in_use.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t top = peak.load(std::memory_order_relaxed);
  while (now > top && !peak.compare_exchange_weak(top, now, std::memory_order_relaxed)) {
  }
}

}  // namespace

Block* allocate_block(size_t bytes) {
  check(bytes <= machine_memory(), "out of memory: a tensor of ", bytes, " bytes is more than this machine has");
  const uint32_t c = class_of(bytes);
  Block* block = caching ? from_cache(c) : nullptr;
  if (block)
    cached.fetch_sub(block->bytes, std::memory_order_relaxed);
  else
    block = from_system(c);
  block->references.store(1, std::memory_order_relaxed);
  block->changed_at.store(0, std::memory_order_relaxed);
  count_use(block->bytes);
  return block;
}

void free_block(Block* block) {
  in_use.fetch_sub(block->bytes, std::memory_order_relaxed);
  cached.fetch_add(block->bytes, std::memory_order_relaxed);
  if (!caching) return give_back(block);
  const uint32_t c = block->size_class;
  if (c < small_classes) {
    if (Own* cache = own_cache(); cache && cache->free[c].size() < kept_per_thread) {
      cache->free[c].push_back(block);
      return;
    }
  }
  Shared& all = shared();
  const std::lock_guard lock(all.mutex);
  all.free[c].push_back(block);
}

bool is_living_block(const void* address) {
  const std::lock_guard lock(known().mutex);
  return known().blocks.contains(address) &&
         static_cast<const Block*>(address)->references.load(std::memory_order_relaxed) > 0;
}

MemoryStats memory_stats() {
  return {in_use.load(), peak.load(), cached.load(), requests.load()};
}

void reset_peak_memory() {
  peak.store(in_use.load());
}

void release_cached_memory() {
  std::vector<Block*> blocks;
  Shared& all = shared();
  {
    const std::lock_guard lock(all.mutex);
    for (auto& list : all.free) {
      blocks.insert(blocks.end(), list.begin(), list.end());
      list.clear();
    }
  }
  if (Own* cache = own_cache()) {
    for (auto& list : cache->free) {
      blocks.insert(blocks.end(), list.begin(), list.end());
      list.clear();
    }
  }
  for (Block* block : blocks) give_back(block);
#ifdef __GLIBC__
  malloc_trim(0);  // or the allocator would keep them in its turn
#endif
}

}  // namespace tarn
