// What is behind a tape: its entries, edges, captures and leaves. For the tape's own files only.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/profile.h"
#include "core/record.h"
#include "core/tape.h"

namespace tarn {

struct EdgeSlot {
  uint32_t input;
  const PullbackType* type;  // nullptr once released
  void* captures;
};

struct Entry {
  const char* op;
  uint32_t first_edge;
  uint32_t edge_count;
  uint32_t scope;
  Dtype dtype;
  uint64_t stamp;
  Tensor* output;  // in the arena; only where a pullback asks for it
  Shape shape;
};

// Memory for captures: grows by chunks that never move, and is used again by the thread's next tape.
class Arena {
 public:
  void* take(size_t bytes) {
    bytes = (bytes + 15) & ~size_t{15};
    if (used_ + bytes > room_) next_chunk(bytes);
    void* p = chunks_[current_].memory.get() + used_;
    used_ += bytes;
    return p;
  }
  void rewind() {
    current_ = 0;
    used_ = 0;
    room_ = chunks_.empty() ? 0 : chunks_[0].bytes;
  }

 private:
  struct Free {
    void operator()(char* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  struct Chunk {
    std::unique_ptr<char[], Free> memory;
    size_t bytes;
  };
  void next_chunk(size_t bytes) {
    while (!chunks_.empty() && current_ + 1 < chunks_.size()) {
      ++current_;
      used_ = 0;
      room_ = chunks_[current_].bytes;
      if (bytes <= room_) return;
    }
    room_ = std::max<size_t>(bytes,
                             chunks_.empty() ? size_t{1} << 14 : std::min<size_t>(chunks_.back().bytes * 2, 1u << 22));
    auto* memory = static_cast<char*>(::operator new[](room_, std::align_val_t{64}));
    chunks_.push_back({std::unique_ptr<char[], Free>(memory), room_});
    current_ = chunks_.size() - 1;
    used_ = 0;
  }
  std::vector<Chunk> chunks_;
  size_t current_ = 0;
  size_t used_ = 0;
  size_t room_ = 0;
};

// Leaves that the tape has met: storage to entry, open addressing.
class Leaves {
 public:
  /// The slot for a block: its entry, or `nowhere` where it is new (to be filled by the caller).
  uint32_t& slot(const Block* block) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& s = probe(block);
    if (!s.block) {
      s = {block, Recorder::nowhere};
      ++count_;
    }
    return s.entry;
  }
  uint32_t find(const Block* block) {
    if (slots_.empty()) return Recorder::nowhere;
    const Slot& s = probe(block);
    return s.block ? s.entry : Recorder::nowhere;
  }
  void clear() {
    if (count_) std::fill(slots_.begin(), slots_.end(), Slot{});
    count_ = 0;
  }

 private:
  struct Slot {
    const Block* block = nullptr;
    uint32_t entry = Recorder::nowhere;
  };
  Slot& probe(const Block* block) {
    const size_t mask = slots_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(block) >> 6) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (slots_[i].block && slots_[i].block != block) i = (i + 1) & mask;
    return slots_[i];
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::max<size_t>(32, old.size() * 2), Slot{});
    for (const Slot& s : old)
      if (s.block) probe(s.block) = s;
  }
  std::vector<Slot> slots_;
  size_t count_ = 0;
};

struct Roll {
  uint32_t id = 0;
  Profile* profile = nullptr;  // the one that was open when the tape was
  bool finite = false;
  std::vector<Entry> entries;
  std::vector<EdgeSlot> edges;
  std::vector<Tensor> leaves_held;  // keeps the storage of every leaf alive
  std::vector<Tensor> slots;        // memory for a sweep: cotangents
  std::vector<uint8_t> needed;      // and which entries it has to visit
  Arena arena;
  Leaves leaves;
  std::vector<std::string> scopes{""};
  std::map<std::string, uint32_t, std::less<>> scope_numbers{{"", 0}};
  uint32_t scope = 0;
  std::map<uint32_t, std::string> names;
  std::map<std::string, Tensor, std::less<>> retained;
  std::multimap<uint32_t, GradientHook> hooks;

  uint32_t add_entry(const char* op, const Tensor& y) {
    check(entries.size() < Recorder::nowhere, op, ": the tape is full");
    entries.push_back({op, static_cast<uint32_t>(edges.size()), 0, scope, y.dtype(),
                       change_clock.load(std::memory_order_relaxed), nullptr, y.shape()});
    return static_cast<uint32_t>(entries.size() - 1);
  }
  /// The entry of a leaf, made now where the tape has not met it.
  uint32_t leaf_entry(const Tensor& x, const char* op) {
    uint32_t& slot = leaves.slot(x.storage().block());
    if (slot == Recorder::nowhere) {
      slot = add_entry("leaf", x);
      leaves_held.push_back(x.detach());
    }
    check(entries[slot].shape == x.shape(), op, ": a leaf of shape ", entries[slot].shape, " came back as ", x.shape());
    return slot;
  }
  void release(Entry& e) {
    for (uint32_t i = 0; i < e.edge_count; ++i) {
      EdgeSlot& edge = edges[e.first_edge + i];
      if (edge.type) edge.type->drop(edge.captures);
      edge.type = nullptr;
    }
    if (e.output) e.output->~Tensor();
    e.output = nullptr;
  }
  void clear() {
    profile = nullptr;
    for (Entry& e : entries) release(e);
    entries.clear();
    edges.clear();
    leaves_held.clear();
    slots.clear();
    arena.rewind();
    leaves.clear();
    names.clear();
    retained.clear();
    hooks.clear();
    scope = 0;
    finite = false;
    id = 0;
  }
  /// Throws where what entry `number` made of the cotangent g is not finite.
  void check_finite(uint32_t number, const Tensor& g, const Tensor& contribution) const;
  std::string describe(uint32_t number) const {
    const Entry& e = entries[number];
    std::string out = text("'", e.op, "' (entry ", number);
    if (e.scope) out += text(", in ", scopes[e.scope]);
    return out + ")";
  }
};

}  // namespace tarn
